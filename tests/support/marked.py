"""A program of this repository as a process, and all the processes that it has started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.plane import eventually

REPOSITORY = Path(__file__).parents[2]
MARK = "ENTENTE_RUN_TEST"
"""Environment variable that all processes of one run inherit."""


@dataclass
class MarkedRun:
    """One run of a command, in a session of its own as below a terminal."""

    output: Path
    process: subprocess.Popen[bytes] = field(init=False)
    mark: str = field(default_factory=lambda: f"{MARK}={uuid.uuid4()}")

    def start(self, command: Sequence[str], extra: Mapping[str, str] | None = None) -> None:
        name, value = self.mark.split("=")
        path = os.pathsep.join(str(REPOSITORY / part) for part in ("operator", "hack", "examples"))
        own = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", name: value, "HOLD": "", "KIND": "", "STORY": ""}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - this project's own programs
                command,
                stdout=output,
                stderr=output,
                env={**os.environ, **own, **(extra or {})},
                cwd=REPOSITORY,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def await_text(self, text: re.Pattern[str], within: float = 120) -> None:
        def there() -> bool:
            assert self.process.poll() is None, f"it has ended:\n{self.text()}"
            return text.search(self.text()) is not None

        eventually(there, within=within, what=f"{text.pattern!r} in {self.output}")

    def press_ctrl_c(self) -> None:
        """Send what a terminal sends: SIGINT to all of the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)

    def alive(self) -> list[str]:
        """Command lines of all processes that carry its mark."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return [command for command in found if command]

    def directory(self) -> Path:
        """The plane's, from the line for another terminal."""
        match = re.search(r"export KUBECONFIG=(\S+)", self.text())
        assert match
        return Path(match[1]).parents[1]
