"""How far a run of pytest is: a plugin that writes it to a file, one line an event, and what reads that file.

A lane's own output is kept back until it has ended (`hack/lanes.py`). Load the plugin with `-p laneprogress`;
`ENTENTE_PROGRESS` names the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

VARIABLE = "ENTENTE_PROGRESS"


@dataclass
class Progress:
    """What the events so far add up to.

    Attributes:
        total: Tests to run; none while they are being collected.
        done: Tests that have ended, however.
        failures: Tests that failed, and modules that could not be read, in the order in which they did.
    """

    total: int | None = None
    done: int = 0
    failures: list[str] = field(default_factory=list)

    def take(self, events: Iterable[str]) -> None:
        """Add events, each "total N", "done" or "failed NAME"; a failure is told beside the end of its test."""
        for event in events:
            word, _, rest = event.partition(" ")
            if word == "total":
                self.total = int(rest)
            elif word == "done":
                self.done += 1
            elif word == "failed":
                self.failures.append(rest)

    def words(self) -> str:
        """Say it, as in "12 of 145", with the failures where there are any."""
        if self.total is None:
            return "collecting"
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"{self.done:,} of {self.total:,}{failed}"


def _tell(event: str) -> None:
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{event}\n")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say how many tests there are."""
    _tell(f"total {len(session.items)}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Say which module could not be read."""
    if report.failed:
        _tell(f"failed {report.nodeid}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say that a part of a test failed, at once."""
    if report.failed:
        _tell(f"failed {report.nodeid}" + ("" if report.when == "call" else f" ({report.when})"))


def pytest_runtest_logfinish() -> None:
    """Say that a test has ended."""
    _tell("done")
