"""Runs the blocks of one page in bash, so that each finds the directory, variables and processes that others left."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from localplane.processes import Processes

POLL_S = 0.02
_DRIVER = "driver"
_DRIVER_SCRIPT = """
while read -r block; do
  { bash "$block" >"$block.out" 2>&1 </dev/null; echo $? >"$block.new"; mv "$block.new" "$block.exit"; } &
  read -r wait
  [ "$wait" = background ] || wait $!
done <"$1"
"""
"""Starts one block after the other, all in its process group: what they leave running ends with the page."""

_BLOCK = """
if [ -e {before} ]; then source {before} 2>/dev/null; cd -- "$PWD"; fi
trap '{{ declare -p; declare -f; }} >{after}' EXIT
set -euo pipefail
source {commands}
"""
"""Variables that bash does not allow to be set again, such as UID, say so without harm."""


class BlockTimeoutError(Exception):
    """A block that did not do in time what was awaited; the message has what it printed."""


@dataclass(frozen=True)
class Outcome:
    """What a block did.

    Attributes:
        exit_code: 0 when it runs in the background.
        printed: Standard output and standard error in the order of a terminal.
    """

    exit_code: int
    printed: str


class Shell:
    """The shell of one page, as a context manager. When it ends, so does everything that its blocks have started.

    That holds also when this process is killed.

    Args:
        scratch: A directory for scripts and what they print; it is removed in the end.
        directory: Where the first block finds itself.
        environment: All that it finds there.
    """

    def __init__(self, scratch: Path, directory: Path, environment: Mapping[str, str]) -> None:
        self._scratch = scratch
        self._directory = directory
        self._environment = environment
        self._orders = scratch / "orders"
        self._processes: Processes | None = None
        self._tries = 0
        self._state = scratch / "state-0"

    def __enter__(self) -> Self:
        os.mkfifo(self._orders)
        self._state.write_text(f"declare -x PWD={shlex.quote(str(self._directory))}\n", encoding="utf-8")
        driver = self._scratch / _DRIVER
        driver.write_text(_DRIVER_SCRIPT, encoding="utf-8")
        self._processes = Processes(self._scratch, remove_directory=True)
        settings = [f"{name}={value}" for name, value in self._environment.items()]
        self._processes.start(_DRIVER, ["env", "-i", *settings, _bash(), str(driver), str(self._orders)])
        # Open for both, so that neither side waits for the other, and the driver's input does not end between blocks.
        self._ordering = os.open(self._orders, os.O_RDWR)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, and all processes of its blocks."""
        os.close(self._ordering)
        if self._processes is not None:
            self._processes.end()

    def run(self, commands: str, within_s: float) -> Outcome:
        """Run commands and keep what they changed. Raises BlockTimeoutError."""
        outcome, self._state = self._attempt(commands, within_s)
        return outcome

    def poll(self, commands: str, within_s: float, is_right: Callable[[Outcome], bool], pause_s: float) -> Outcome:
        """Run commands again until their outcome is right, and keep what the last run changed.

        Each run begins where the first did. Returns the last outcome when there is no more time.

        Raises:
            BlockTimeoutError: one run took all the time.
        """
        deadline = time.monotonic() + within_s
        while True:
            outcome, state = self._attempt(commands, max(deadline - time.monotonic(), pause_s))
            if is_right(outcome) or time.monotonic() + pause_s > deadline:
                self._state = state
                return outcome
            time.sleep(pause_s)

    def start(self, commands: str, until: str, within_s: float) -> Outcome:
        """Run commands in the background, and return when they have printed a text.

        Raises:
            BlockTimeoutError: they did not in time.
        """
        script, _ = self._order(commands, background=True)
        self._await(script, within_s, lambda: until in _text(script) or _exit(script).exists())
        if until not in (printed := _text(script)):
            return Outcome(int(_exit(script).read_text(encoding="ascii")) or 1, printed)
        return Outcome(0, printed)

    def _attempt(self, commands: str, within_s: float) -> tuple[Outcome, Path]:
        script, state = self._order(commands, background=False)
        self._await(script, within_s, _exit(script).exists)
        return Outcome(int(_exit(script).read_text(encoding="ascii")), _text(script)), state

    def _order(self, commands: str, *, background: bool) -> tuple[Path, Path]:
        """Let the driver start commands; returns the script and where its state will be."""
        self._tries += 1
        script, state = self._scratch / f"block-{self._tries}", self._scratch / f"state-{self._tries}"
        source = script.with_suffix(".commands")
        source.write_text(commands, encoding="utf-8")
        paths = {"before": self._state, "after": state, "commands": source}
        script.write_text(_BLOCK.format(**{name: shlex.quote(str(path)) for name, path in paths.items()}))
        os.write(self._ordering, f"{script}\n{'background' if background else 'foreground'}\n".encode())
        return script, state

    def _await(self, script: Path, within_s: float, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            if self._processes is not None:
                self._processes.check(_DRIVER)
            if time.monotonic() > deadline:
                message = f"not done within {within_s:.0f} s; printed so far:\n{_text(script)}"
                raise BlockTimeoutError(message)
            time.sleep(POLL_S)


def _bash() -> str:
    """The path of bash, found here: the page's PATH may have another one first."""
    return shutil.which("bash") or "/bin/bash"


def _exit(script: Path) -> Path:
    return script.with_suffix(".exit")


def _text(script: Path) -> str:
    output = script.with_suffix(".out")
    return output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
