"""What must be there before the demo can run on a control plane, made in the background while the story is told."""

import collections
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from localplane import binaries, progress
from localplane.errors import PlaneError
from localplane.progress import Clock, Stage, minutes

INSTALL = ("make", "--no-print-directory", ".venv/.ready")
"""Installs everything that is locked; does nothing where that is done."""

END_S = 20.0
LAST_LINES = 30


@dataclass(frozen=True, slots=True)
class Needs:
    packages: bool
    """Python packages are to be installed."""
    build: Mapping[str, Sequence[str]]
    """Binaries by module."""
    there: Sequence[binaries.Source]
    """Binaries that are there."""

    @property
    def nothing(self) -> bool:
        """Whether the demo can begin at once."""
        return not self.packages and not self.build


def needs(names: Sequence[str] = binaries.PLANE) -> Needs:
    """Look at what is there. Raises PlaneError."""
    found = [source for name in names if (source := binaries.find(name))]
    absent = set(names) - {source.name for source in found}
    asked = (*INSTALL[:2], "-q", *INSTALL[2:])
    packages = subprocess.run(asked, capture_output=True, check=False).returncode != 0  # noqa: S603 - make itself
    return Needs(packages, binaries.by_module(absent), found)


def told(needed: Needs) -> list[str]:
    """In words: which binaries come from where, what is built, and how long that takes."""
    lines = []
    for origin in dict.fromkeys(source.origin for source in needed.there):
        of = [source for source in needed.there if source.origin == origin]
        lines.append(f"{origin}: {', '.join(_versioned(source) for source in of)}")
    if needed.build:
        parts = [
            f"{module} {binaries.OWNERS[names[0]].version()} ({', '.join(names)})"
            for module, names in needed.build.items()
        ]
        takes = minutes(Clock(list(needed.build)).left(None))
        lines.append(f"to be built, once, {takes} on 2 cores: {'; '.join(parts)}")
    if needed.packages:
        lines.append("to be installed: the rest of the Python packages, about 1 minute")
    return lines


def _versioned(source: binaries.Source) -> str:
    version = ".".join(map(str, binaries.version(source.path)))
    return f"{source.name} {version}" if version else source.name


@dataclass(slots=True)
class _Job:
    """A process and what it says."""

    process: subprocess.Popen[str]
    last: collections.deque[str] = field(default_factory=lambda: collections.deque(maxlen=LAST_LINES))
    thread: threading.Thread | None = None

    def heard(self) -> None:
        """Wait until all that it has said is read."""
        if self.thread:
            self.thread.join(END_S)


class Preparation:
    """Makes what is missing, as a context manager: leaving it ends whatever is still being made."""

    def __init__(self, needed: Needs) -> None:
        self._needs = needed
        self._clock = Clock(list(needed.build))
        self._began = time.monotonic()
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._stages: dict[str, Stage] = {}

    def __enter__(self) -> Self:
        if self._needs.packages:
            self._start("packages", INSTALL)
        if self._needs.build:
            names = [name for names in self._needs.build.values() for name in names]
            self._start("binaries", (sys.executable, "-m", "localplane", "build", "--json", *names))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is not done."""
        running = [job for job in self._jobs.values() if job.process.poll() is None]
        for job in running:
            os.killpg(job.process.pid, signal.SIGTERM)
        for job in running:
            try:
                job.process.wait(END_S)
            except subprocess.TimeoutExpired:
                os.killpg(job.process.pid, signal.SIGKILL)
        for job in self._jobs.values():
            job.heard()

    def done(self) -> bool:
        """Whether all is there. Raises PlaneError with what a part that failed has said."""
        codes = {name: job.process.poll() for name, job in self._jobs.items()}
        for name, code in codes.items():
            if code:
                job = self._jobs[name]
                job.heard()
                message = f"the {name} could not be made (exit code {code}):\n" + "\n".join(job.last)
                raise PlaneError(message)
        return all(code == 0 for code in codes.values())

    def lines(self) -> list[str]:
        """How far it is: a line for each module and for the packages, and how long the rest takes."""
        with self._lock:
            stages = dict(self._stages)
            current = next((stage for stage in reversed(stages.values()) if not stage.done), None)
            left = self._clock.left(current)
        lines = [module_line(module, stages.get(module)) for module in self._needs.build]
        if job := self._jobs.get("packages"):
            state = "installed" if job.process.poll() == 0 else f"installing ({_clock_time(self._spent())})"
            lines.append(f"{'Python packages':<22} {state}")
        if left:
            lines.append(f"{_clock_time(self._spent())} gone by, {minutes(left)} left")
        return lines

    def _spent(self) -> float:
        return time.monotonic() - self._began

    def _start(self, name: str, command: Sequence[str]) -> None:
        process = subprocess.Popen(  # noqa: S603 - make, or this project's own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C comes to this process alone, which ends it
        )
        job = self._jobs[name] = _Job(process)
        job.thread = threading.Thread(target=self._follow, args=(job,), name=name, daemon=True)
        job.thread.start()

    def _follow(self, job: _Job) -> None:
        assert job.process.stderr is not None  # noqa: S101 - it was asked for
        with job.process.stderr as said:
            for line in said:
                stage = progress.read(line)
                if stage is None:
                    job.last.append(line.rstrip())
                    continue
                with self._lock:
                    self._stages[stage.module] = stage
                    if stage.done:
                        self._clock.finished(stage)


BAR = 12


def module_line(module: str, stage: Stage | None) -> str:
    """How far one module is."""
    if stage is None:
        return f"{module:<22} waits"
    if stage.done:
        return f"{stage.title:<22} built in {_clock_time(stage.seconds)}"
    if not stage.fraction:
        return f"{stage.title:<22} {stage.what} ({_clock_time(stage.seconds)})"
    filled = round(stage.fraction * BAR)
    bar = "█" * filled + "·" * (BAR - filled)
    return f"{stage.title:<22} {bar} {stage.fraction:4.0%} {stage.what.partition(', now')[0]}"


def _clock_time(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
