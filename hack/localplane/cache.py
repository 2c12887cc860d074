"""Where everything that is built or installed for the plane is kept, and how builders wait for each other."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localplane.errors import PlaneError

CACHE_VARIABLE = "ENTENTE_CACHE_DIR"


def cache_directory() -> Path:
    """Return the cache: `ENTENTE_CACHE_DIR`, else `~/.cache/entente`."""
    configured = os.environ.get(CACHE_VARIABLE)
    return Path(configured).absolute() if configured else Path.home() / ".cache" / "entente"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Be the only one on this machine that makes something of this name.

    Raises:
        PlaneError: nothing can be kept in the cache.
    """
    path = cache_directory() / "locks" / f"{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}; {CACHE_VARIABLE} names another folder to build in"
        raise PlaneError(message) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"waiting for another process that makes {name}\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # the kernel releases the lock when the file is closed, however that happens
