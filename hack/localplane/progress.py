"""How far a build is, how long the rest takes, and how that is told."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO

TYPICAL_SECONDS: Mapping[str, float] = {
    "etcd": 55.0,
    "kubernetes": 600.0,
    "kwok": 150.0,
    "helm": 240.0,
    "prometheus": 300.0,
}
"""What a module takes on 2 cores with an empty cache of Go, by name."""

OTHER_SECONDS = 120.0
"""For a module that nobody has measured."""

SLOWEST, FASTEST = 4.0, 0.1
"""Bounds of how many times as long as is typical this machine takes: Go's own cache may have nearly everything."""

BELIEVED_SECONDS = 20.0
"""Typical seconds of work from which on the machine's own speed is believed more than the typical one."""

REPORT_SECONDS = 15.0
"""How often progress is told where it cannot be drawn over."""

REDRAW_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Stage:
    module: str
    version: str
    what: str
    """What happens now, in words."""
    seconds: float
    """Since the build of the module began."""
    fraction: float = 0.0
    """Part of its packages that are compiled."""
    done: bool = False

    @property
    def title(self) -> str:
        """Module and version."""
        return f"{self.module} {self.version}"


class Teller(Protocol):
    def __call__(self, stage: Stage) -> None:
        """A build is there now."""


class Clock:
    """How long the rest of several modules takes, from what is typical and from how fast this machine has been.

    Args:
        modules: in the order in which they are built.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._todo = list(modules)
        self._done_typical = 0.0
        self._done_seconds = 0.0

    def left(self, stage: Stage | None) -> float:
        """Seconds left, by the last stage; none was told yet: all that is typical."""
        typical = sum(typical_seconds(name) for name in self._todo)
        spent, expected = self._done_seconds, self._done_typical
        if stage is not None and stage.module in self._todo:
            worked = stage.fraction * typical_seconds(stage.module)
            typical -= worked
            spent, expected = spent + stage.seconds, expected + worked
        # as if so many typical seconds had gone by as they should
        pace = (spent + BELIEVED_SECONDS) / (expected + BELIEVED_SECONDS)
        return typical * min(SLOWEST, max(FASTEST, pace))

    def finished(self, stage: Stage) -> None:
        if stage.module in self._todo:
            self._todo.remove(stage.module)
            self._done_typical += typical_seconds(stage.module)
            self._done_seconds += stage.seconds


def typical_seconds(module: str) -> float:
    """What a module takes on 2 cores."""
    return TYPICAL_SECONDS.get(module, OTHER_SECONDS)


def minutes(seconds: float) -> str:
    """A length of time for people: "about 12 minutes", "less than a minute"."""
    whole = round(seconds / 60)
    if whole < 1:
        return "less than a minute"
    return "about 1 minute" if whole == 1 else f"about {whole} minutes"


class TextTeller:
    """One line, drawn over on a terminal, and told now and then elsewhere.

    Args:
        report: gets the lines.
        modules: all that are built, in their order, so that the time left can be told.
    """

    def __init__(self, report: TextIO, modules: Sequence[str] = ()) -> None:
        self._report = report
        self._interactive = report.isatty()
        self._clock = Clock(modules)
        self._last: tuple[str, str] | None = None
        self._told = 0.0

    def __call__(self, stage: Stage) -> None:
        """Tell it, if it is news or it is time."""
        compiling = stage.fraction > 0 and not stage.done
        kind = (stage.title, "" if compiling else stage.what)
        now = time.monotonic()
        every = REDRAW_SECONDS if self._interactive else REPORT_SECONDS
        if (kind == self._last or compiling) and now - self._told < every:
            return
        self._last, self._told = kind, now
        if stage.done:
            self._clock.finished(stage)
        line = f"{stage.title}: {stage.what} ({_clock_time(stage.seconds)}{self._left(stage)})"
        end = "\n" if stage.done else ""
        self._report.write(f"\r\x1b[K{line}{end}" if self._interactive else f"{line}\n")
        self._report.flush()

    def _left(self, stage: Stage) -> str:
        left = self._clock.left(stage)
        return f", {minutes(left)} left" if left else ""


class JsonTeller:
    """One JSON object a line, for another process. See `read`."""

    def __init__(self, report: TextIO) -> None:
        self._report = report

    def __call__(self, stage: Stage) -> None:
        self._report.write(json.dumps(dataclasses.asdict(stage)) + "\n")
        self._report.flush()


def read(line: str) -> Stage | None:
    """The stage that a line of a `JsonTeller` tells; None for any other line."""
    try:
        return Stage(**json.loads(line))
    except (ValueError, TypeError):
        return None


def _clock_time(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
