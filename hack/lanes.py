"""Runs all tests but kind's, in several pytest processes at once: most of them wait for a control plane.

Each lane's output is printed whole when the lane has ended. Until then lines say how far each is, and which test
failed; on a terminal one line that changes. The exit code is 0 when all lanes passed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

import laneprogress
from laneprogress import Progress
from localplane import binaries

ROOT = Path(__file__).parents[1]
POLL_SECONDS = 0.1
LIVE_PAUSE_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 5.0
PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class Lane:
    """Tests that run one after another in a process of their own.

    Attributes:
        within: Files and folders of tests.
        without: What of these other lanes run.
        options: More of what pytest is told.
        nice: How far it steps back where processors are short.
    """

    within: tuple[str, ...]
    without: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    nice: int = 0

    def command(self, name: str) -> list[str]:
        return [
            *("nice", "-n", str(self.nice)),
            *(sys.executable, "-m", "pytest", "-p", "laneprogress", "-m", "not e2e"),
            *("-o", f"cache_dir=.pytest_cache/{name}"),
            *self.options,
            *(f"--ignore={path}" for path in self.without),
            *self.within,
        ]


DEMO = ("tests/integration/test_demo.py",)
OWN_PLANES = tuple(
    f"tests/integration/test_{name}.py" for name in ("chart", "estate", "local_plane", "rbac", "throughput")
)
LANES = {
    "demo": Lane(DEMO),
    "own-planes": Lane(OWN_PLANES),
    "one-plane": Lane(("tests/integration",), without=(*DEMO, *OWN_PLANES)),
    "docs": Lane(("tests/docs",)),
    # Nothing in these waits for anybody: the control planes of the others come first.
    "properties": Lane(("tests/property",), nice=5),
    "units": Lane(
        ("tests",),
        without=("tests/docs", "tests/integration", "tests/property", "tests/e2e"),
        options=("--cov", "--cov-report="),  # hack/floor.py says what was measured
        nice=5,
    ),
}


@dataclass
class Running:
    """A lane that runs.

    Attributes:
        process: What runs.
        log: Where its output goes.
        events: Where it tells of its progress, by `laneprogress`.
        progress: What it has told so far.
    """

    process: subprocess.Popen[bytes]
    log: Path
    events: Path
    progress: Progress = field(default_factory=Progress)
    _read: int = 0

    def news(self) -> list[str]:
        """Read what it has told since the last time; the failures among it."""
        known = len(self.progress.failures)
        if self.events.exists():
            with self.events.open("rb") as file:
                file.seek(self._read)
                told = file.read()
            whole = told[: told.rfind(b"\n") + 1]  # the rest is still being written
            self._read += len(whole)
            self.progress.take(whole.decode().splitlines())
        return self.progress.failures[known:]


class Display:
    """Says how far lanes are: on a terminal in one line that changes, elsewhere in a line now and then."""

    def __init__(self, output: IO[str]) -> None:
        self._output = output
        self._live = output.isatty()
        self._began = self._said = time.monotonic()
        self._pause = LIVE_PAUSE_SECONDS if self._live else FIRST_PAUSE_SECONDS

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """Print what stays, which ends with a line break."""
        self._output.write(("\r\x1b[2K" if self._live else "") + text)
        self._output.flush()

    def show(self, lanes: Mapping[str, Running]) -> None:
        """Say how far these are, unless it was said just now."""
        now = time.monotonic()
        if now - self._said < self._pause:
            return
        self._said = now
        line = f"{self.elapsed():.0f} s: " + "; ".join(
            f"{name} {lane.progress.words()}" for name, lane in lanes.items()
        )
        if self._live:
            self._output.write(f"\r\x1b[2K{line[: shutil.get_terminal_size().columns - 1]}")
            self._output.flush()
        else:
            self._pause = PAUSE_SECONDS
            self.say(f"{line}\n")


def run(commands: Mapping[str, Sequence[str]], output: IO[str]) -> bool:
    """Run commands at once, say how far they are, print what each one said when it has ended; whether all ended with 0.

    However this ends, none of them goes on.
    """
    failed = []
    display = Display(output)
    with tempfile.TemporaryDirectory() as directory, ExitStack() as ending:
        running = {name: _start(command, Path(directory) / name, ending) for name, command in commands.items()}
        while running:
            time.sleep(POLL_SECONDS)
            for name, lane in list(running.items()):
                code = lane.process.poll()
                for failure in lane.news():
                    display.say(f"{name}: failed {failure}\n")
                if code is None:
                    continue
                del running[name]
                failed += [name] if code else []
                verdict = f"exit code {code}" if code else "passed"
                said = lane.log.read_text(encoding="utf-8", errors="replace")
                display.say(f"{said}{name}: {verdict} after {display.elapsed():.0f} s\n")
            display.show(running)
    if failed:
        display.say(f"failed: {', '.join(failed)}\n")
    return not failed


def _start(command: Sequence[str], log: Path, ending: ExitStack) -> Running:
    """Start a command whose output goes to a file, and leave its end to the stack."""
    events = log.with_name(f"{log.name}.events")
    environment = {**os.environ, laneprogress.VARIABLE: str(events)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT, env=environment)
    ending.callback(process.wait)
    ending.callback(process.terminate)
    return Running(process, log, events)


def main(lanes: Mapping[str, Lane], needed: Iterable[str]) -> int:
    """Build the binaries that tests need, and run the tests; the exit code."""
    signal.signal(signal.SIGTERM, _end)
    binaries.ensure_all(needed)
    print(f"tests run in {len(lanes)} processes; what each one says follows when it has ended", flush=True)
    try:
        passed = run({name: lane.command(name) for name, lane in lanes.items()}, sys.stdout)
    except KeyboardInterrupt:
        return 130
    return 0 if passed else 1


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(LANES, binaries.OWNERS))
