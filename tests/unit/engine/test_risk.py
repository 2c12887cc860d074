"""What a job loses, when it ends, and how long it gets."""

import pytest

from entente.api.job import EvictionCause, Phase
from entente.engine.model import Job, Placement, Pool
from entente.engine.risk import (
    enforced_end,
    estimated_end,
    evictions_by_others,
    grace,
    known_end,
    known_length,
    needed_grace,
    saves_when_told,
    work_at_risk,
)
from tests.support.estates import NOW, POOL, JobFields, a_job, a_pool, evicted

TWO = Placement(POOL, {"h100-0": 2})
HOURS_48 = 48 * 3600.0


def running(*, ran_s: float = 1000.0, **fields: object) -> Job:
    """Two GPUs since a while."""
    said: JobFields = {"workers": 2, "phase": Phase.RUNNING, "started": NOW - ran_s, **fields}  # type: ignore[typeddict-item]
    return a_job("a/x", **said).placed(TWO)


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        pytest.param(running(), 2 * (1000 + 300), id="silence counts from the start of its interval"),
        pytest.param(running(ran_s=2000.0), 2 * (200 + 300), id="silence is taken for a save every 1800 s"),
        pytest.param(running(interval_s=300.0), 2 * (100 + 300), id="a declared interval"),
        pytest.param(running(last_checkpoint=NOW - 50.0), 2 * (50 + 300), id="a report"),
        pytest.param(running(last_checkpoint=NOW - 5000.0), 2 * (1000 + 300), id="a report of an earlier start"),
        pytest.param(running(last_checkpoint=NOW + 5.0), 2 * 300, id="a report from the future"),
        pytest.param(running(grace_s=120.0), 2 * 300, id="it saves when told"),
        pytest.param(running(grace_s=301.0), 2 * (1000 + 300), id="it saves when told, but later than the notice"),
        pytest.param(running(restart_s=100.0), 2 * (1000 + 100), id="a measured restart"),
        pytest.param(running(restart_s=900.0), 2 * (1000 + 300), id="a slow restart is its own affair"),
        pytest.param(running(evictions=evicted(60.0, 120.0)), 4 * 2 * 1300, id="doubled for each eviction"),
        pytest.param(running(evictions=evicted(HOURS_48)), 2 * 1300, id="evictions of the day before yesterday"),
        pytest.param(
            running(evictions=evicted(60.0, cause=EvictionCause.PRIORITY)), 2 * 1300, id="own evictions do not count"
        ),
        pytest.param(
            running(evictions=evicted(60.0, cause=EvictionCause.FAIR_SHARE)), 2 * 2 * 1300, id="fair share does"
        ),
        pytest.param(running(started=None), 2 * 300, id="it has not begun"),
    ],
)
def test_work_at_risk(job: Job, expected: float) -> None:
    assert work_at_risk(job, a_pool(), NOW) == expected


def test_unsaved_work_counts_up_to_the_pools_bound() -> None:
    job = running(ran_s=HOURS_48, last_checkpoint=NOW - HOURS_48)
    assert work_at_risk(job, a_pool(max_at_risk_s=600.0), NOW) == 2 * (600 + 300)


@pytest.mark.parametrize(
    ("job", "enforced", "estimated"),
    [
        pytest.param(running(), None, None, id="nothing is known"),
        pytest.param(running(max_s=1500.0), 500.0, None, id="a limit"),
        pytest.param(running(max_s=1500.0, run_s=400.0), 100.0, None, id="a limit counts earlier starts"),
        pytest.param(running(expected_s=1200.0), None, 200.0, id="an estimate counts this start"),
        pytest.param(running(expected_s=900.0), None, None, id="an estimate that has failed promises nothing"),
        pytest.param(running(expected_s=1200.0, max_s=1100.0), 100.0, 200.0, id="both"),
        pytest.param(running(max_s=900.0), -100.0, None, id="a limit that is past"),
        pytest.param(running(phase=Phase.STOPPING, stopping_until=NOW + 40.0), 40.0, None, id="told to stop"),
        pytest.param(running(phase=Phase.STOPPING, grace_s=90.0), 90.0, None, id="told to stop, until nobody said"),
        pytest.param(running(phase=Phase.STOPPING, stopping_until=NOW - 5.0), 0.0, None, id="overdue, so any moment"),
    ],
)
def test_known_ends(job: Job, enforced: float | None, estimated: float | None) -> None:
    ends = (enforced_end(job, a_pool(), NOW), estimated_end(job, NOW))
    assert tuple(None if end is None else end - NOW for end in ends) == (enforced, estimated)
    known = [end for end in ends if end is not None]
    assert known_end(job, a_pool(), NOW) == (min(known) if known else None)


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        pytest.param(a_job("a/x"), None, id="nothing said"),
        pytest.param(a_job("a/x", expected_s=60.0), 60.0, id="an estimate"),
        pytest.param(a_job("a/x", expected_s=60.0, max_s=90.0), 90.0, id="the limit is what is sure"),
        pytest.param(a_job("a/x", max_s=90.0, run_s=40.0), 50.0, id="less what it ran"),
        pytest.param(a_job("a/x", max_s=90.0, run_s=100.0), 0.0, id="never negative"),
    ],
)
def test_known_length(job: Job, expected: float | None) -> None:
    assert known_length(job) == expected


@pytest.mark.parametrize(
    ("grace_s", "left_s", "pool", "expected"),
    [
        pytest.param(None, 300.0, a_pool(), 30.0, id="nothing asked: the least"),
        pytest.param(120.0, 300.0, a_pool(), 120.0, id="what is asked"),
        pytest.param(120.0, 100.0, a_pool(), 100.0, id="at most what is left of the notice"),
        pytest.param(120.0, 100.0, a_pool(handover_s=60.0), 40.0, id="less the handover"),
        pytest.param(120.0, -10.0, a_pool(), 30.0, id="never less than the least"),
        pytest.param(0.0, 300.0, a_pool(), 30.0, id="asks for none"),
    ],
)
def test_grace(grace_s: float | None, left_s: float, pool: Pool, expected: float) -> None:
    assert grace(a_job("a/x", grace_s=grace_s), pool, left_s) == expected


@pytest.mark.parametrize(
    ("grace_s", "saves", "needed"),
    [
        pytest.param(None, False, 30.0, id="no default"),
        pytest.param(0.0, True, 30.0, id="at once"),
        pytest.param(300.0, True, 300.0, id="just within the notice"),
        pytest.param(301.0, False, 30.0, id="beyond the notice"),
    ],
)
def test_who_saves_when_told(grace_s: float | None, *, saves: bool, needed: float) -> None:
    job = a_job("a/x", grace_s=grace_s)
    assert (saves_when_told(job, a_pool()), needed_grace(job, a_pool())) == (saves, needed)


def test_only_evictions_by_others_of_the_last_day_count() -> None:
    past = (
        *evicted(10.0, 86_399.0, 86_400.0, -5.0),
        *evicted(10.0, cause=EvictionCause.FAIR_SHARE),
        *evicted(10.0, cause=EvictionCause.MOVE),
        *evicted(10.0, cause=EvictionCause.SHRINK),
        *evicted(10.0, cause=EvictionCause.ON_CALL),
        *evicted(10.0, cause=EvictionCause.PRIORITY),
    )
    assert evictions_by_others(a_job("a/x", evictions=past), NOW) == 3
