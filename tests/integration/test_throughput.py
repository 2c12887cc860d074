"""Many jobs at once: all of them run, with few requests. How soon is measured in `bench/throughput.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localplane import LocalPlane
from tests.support.estate import Estate
from tests.support.operators import OperatorProcess, running
from tests.support.plane import Corner
from tests.support.throughput import JOBS, submit

WRITES_PER_JOB = 4


@pytest.fixture
def plane() -> Iterator[LocalPlane]:
    """A control plane of the test's own: its end is sooner than that of a thousand jobs."""
    with LocalPlane() as own:
        yield own


@pytest.fixture
def operator(plane: LocalPlane, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator of the test's own, whose counters begin at nothing."""
    with running(plane, tmp_path, "--no-check-invariants") as process:
        yield process


@pytest.mark.timeout(600)
def test_a_thousand_jobs_at_once_all_run_with_at_most_four_writes_each(
    plane: LocalPlane, operator: OperatorProcess
) -> None:
    outcome = submit(Estate(Corner(plane)), operator)

    assert outcome.phases == {"Running": JOBS}
    assert sum(outcome.writes.values()) <= WRITES_PER_JOB * JOBS
