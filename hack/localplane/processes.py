"""Starting and ending the components of one plane, by way of their supervisor."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from localplane.errors import PlaneError, PortTakenError

SUPERVISOR = Path(__file__).with_name("supervisor.py")
END_SECONDS = 20.0
LOG_TAIL_LINES = 20


class Processes:
    """The running components of one plane.

    Args:
        directory: Where logs and exit codes go.
        remove_directory: Whether it goes away when everything has ended, also after a SIGKILL of this process.
    """

    def __init__(self, directory: Path, *, remove_directory: bool) -> None:
        self._directory = directory
        self._supervisor = subprocess.Popen(
            # -I: nothing of the caller's directory or environment is imported by it
            [sys.executable, "-I", SUPERVISOR, directory, str(os.getpid()), "remove" if remove_directory else "keep"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def supervisor_pid(self) -> int:
        """The process that all components are children of."""
        return self._supervisor.pid

    def log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def start(self, name: str, argv: list[str]) -> None:
        """Start a component; whether it stays is seen by `check`."""
        self._exit_file(name).unlink(missing_ok=True)
        self._order({"start": name, "argv": argv, "log": str(self.log(name))})

    def kill(self, name: str) -> None:
        self._order({"kill": name})

    def has_ended(self, name: str) -> bool:
        """Say whether a component that was started is gone."""
        return self._exit_file(name).exists()

    def check(self, name: str) -> None:
        """Raise an error with the end of its log when a component has ended.

        That is a PortTakenError when it may be tried again with other ports, else a PlaneError.
        """
        if self._supervisor.poll() is not None:
            message = f"the plane's supervisor ended with exit code {self._supervisor.returncode}"
            raise PlaneError(message)
        if not self.has_ended(name):
            return
        tail = self.log_tail(name)
        code = self._exit_file(name).read_text(encoding="ascii")
        kind = PortTakenError if "address already in use" in tail else PlaneError
        message = f"{name} ended with exit code {code}. The end of its log:\n{tail}"
        raise kind(message)

    def log_tail(self, name: str) -> str:
        with contextlib.suppress(FileNotFoundError):
            lines = self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()
            return "\n".join(lines[-LOG_TAIL_LINES:])
        return "(it has no log)"

    def end(self) -> None:
        """End all components, and return when they are gone."""
        if self._supervisor.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._supervisor.stdin.close()
        try:
            self._supervisor.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            # Its death is the components' death (PR_SET_PDEATHSIG).
            self._supervisor.send_signal(signal.SIGKILL)
            self._supervisor.wait()

    def _order(self, order: dict[str, Any]) -> None:
        if self._supervisor.stdin is None or self._supervisor.poll() is not None:
            message = "the plane has ended"
            raise PlaneError(message)
        self._supervisor.stdin.write(json.dumps(order).encode() + b"\n")
        self._supervisor.stdin.flush()

    def _exit_file(self, name: str) -> Path:
        return self._directory / f"{name}.exit"
