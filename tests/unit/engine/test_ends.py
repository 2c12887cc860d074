"""When running jobs end, kept in order."""

from dataclasses import replace

import pytest

from entente.api.job import Phase
from entente.engine.ends import Ends
from entente.engine.model import Job
from entente.engine.risk import known_end
from tests.support.estates import NOW, a_job, a_pool


def _job(key: str, *, max_s: float | None = None, expected_s: float | None = None, run_s: float = 0.0) -> Job:
    return replace(a_job(f"a/{key}", max_s=max_s, expected_s=expected_s, run_s=run_s), started=NOW - 100)


JOBS = [
    _job("limited", max_s=400.0),
    _job("limited-and-ran-before", max_s=400.0, run_s=200.0),
    _job("estimated", expected_s=250.0),
    _job("both", max_s=900.0, expected_s=300.0),
    _job("overdue", expected_s=50.0),
    _job("overdue-with-a-limit", max_s=700.0, expected_s=50.0),
    _job("unknown"),
]


def _all() -> Ends:
    ends = Ends()
    for job in JOBS:
        ends.put(job)
    return ends


@pytest.mark.parametrize("within_s", [0.0, 99.0, 150.0, 200.0, 299.0, 300.0, 10_000.0])
def test_the_known_ends_are_those_that_each_job_has_by_itself(within_s: float) -> None:
    expected = {}
    for job in JOBS:
        end = known_end(replace(job, phase=Phase.RUNNING), a_pool(), NOW)
        if end is not None and end <= NOW + within_s:
            expected[job.key] = max(NOW, end)
    found = _all().known_by(NOW + within_s, NOW)
    assert {key: end for end, key in found} == expected
    assert found == sorted(found)


def test_enforced_and_estimated_ends_are_told_apart() -> None:
    limited, estimated = {"a/limited", "a/limited-and-ran-before"}, {"a/estimated", "a/both"}
    assert _all().over_by(NOW + 300) == limited
    assert _all().over_by(NOW + 300, NOW + 300, NOW) == limited | estimated


def test_who_has_ended_is_found_anew_when_a_job_comes_or_goes() -> None:
    ends = Ends()
    assert ends.over_by(NOW + 300) == set()
    ends.put(JOBS[0])
    assert ends.over_by(NOW + 300) == {"a/limited"}
    ends.drop(JOBS[0])
    assert ends.over_by(NOW + 300) == set()


def test_a_job_that_runs_no_longer_has_no_end() -> None:
    ends = _all()
    for job in JOBS:
        ends.drop(job)
    assert ends.known_by(NOW + 10_000, NOW) == []


def test_a_job_that_has_not_started_has_no_end() -> None:
    ends = Ends()
    ends.put(a_job("a/x", max_s=100.0, expected_s=50.0))
    assert ends.known_by(NOW + 10_000, NOW) == []
