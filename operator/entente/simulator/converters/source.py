"""What converters read: text files, by their name compressed with gzip or not, or standard input."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from entente.simulator.trace import TraceError

STANDARD_INPUT = "-"


@contextmanager
def opened(path: str) -> Iterator[TextIO]:
    """Open a file of UTF-8 text; `-` is standard input.

    Raises:
        TraceError: the file cannot be read, now or while the caller reads on.
    """
    try:
        if path == STANDARD_INPUT:
            yield sys.stdin
        elif Path(path).suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
                yield stream
        else:
            with Path(path).open(encoding="utf-8-sig", newline="") as stream:
                yield stream
    except UnicodeDecodeError as error:
        raise TraceError(path, None, "cannot be read: it is not UTF-8 text") from error
    except (OSError, EOFError) as error:  # gzip raises both for files that are cut or no gzip
        reason = getattr(error, "strerror", None) or str(error)
        raise TraceError(path, None, f"cannot be read: {reason}") from error


def whole(given: str, field: str, source: str, line: int) -> int:
    """A whole number of 0 or more. Raises TraceError."""
    text = given.strip()
    if not (text.isascii() and text.isdigit()):
        raise TraceError(source, line, f"{field}: {given!r} is no whole number of 0 or more")
    return int(text)
