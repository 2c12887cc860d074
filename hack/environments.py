"""Virtual environments of their own, to try what others would install."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"


class CommandFailedError(Exception):
    """A command ended with another exit code than 0; the message has the command and what it said."""


def run(command: Sequence[str | Path], *, cwd: Path = ROOT, more: Mapping[str, str] | None = None) -> str:
    """Run a command that finds no checkout by its environment; what it prints. Raises CommandFailedError.

    Args:
        command: The program and its arguments.
        cwd: Where it runs.
        more: Variables of its environment beside this process's own.
    """
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    environment |= more or {}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"exit code {done.returncode}: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
        raise CommandFailedError(message)
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        directory: Where it is.
    """

    directory: Path

    @classmethod
    def made(cls, directory: Path, python: str | Path = sys.executable) -> Environment:
        """Make an empty one, in place of what is there. Raises CommandFailedError."""
        run([python, "-m", "venv", "--clear", directory])
        return cls(directory)

    def program(self, name: str) -> Path:
        """Return where a program of it is."""
        return self.directory / "bin" / name

    def pip(self, *arguments: str | Path, cwd: Path = ROOT) -> str:
        """Run its pip. Raises CommandFailedError."""
        return run([self.program("python"), "-m", "pip", "--disable-pip-version-check", *arguments], cwd=cwd)

    def install_locked(self, *locks: str) -> None:
        """Install what the locks of these names pin, by hash. Raises CommandFailedError."""
        for lock in locks:
            self.pip("install", "--quiet", "--require-hashes", "-r", REQUIREMENTS / f"{lock}.txt")
