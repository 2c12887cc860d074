"""What carrying out a decision makes of a job."""

from dataclasses import replace

import pytest

from entente.api.job import AllocationClass, EvictionCause, Phase
from entente.engine.decisions import Evict, Grow, Shrink, Start
from entente.engine.model import PastEviction, Placement
from entente.engine.transitions import ran_s, started, stopped, told_to_stop
from tests.support.estates import NOW, a_job

RUNNING = replace(
    a_job("a/x"),
    phase=Phase.RUNNING,
    placement=Placement("h100", {"h100-0": 1}),
    since=NOW - 900,
    started=NOW - 600,
    run_s=50.0,
    on_call=True,
)


def test_a_job_that_starts_gives_up_its_hold_and_waits_no_longer() -> None:
    waiting = replace(
        a_job("a/x", pending_since=NOW - 9, entitled_since=NOW - 5),
        hold=Placement("h100", {"h100-0": 1}),
        hold_until=NOW + 9,
    )
    job = started(waiting, Start("a/x", "h100", {"h100-0": 1}, AllocationClass.BORROWED, on_call=True), NOW)
    assert (job.phase, job.placement, job.on_call) == (Phase.RUNNING, Placement("h100", {"h100-0": 1}), True)
    assert (job.since, job.started) == (NOW, NOW)
    assert (job.hold, job.hold_until, job.pending_since, job.entitled_since) == (None, None, None, None)


def test_a_job_that_restarts_left_pending_when_it_first_did() -> None:
    job = started(replace(RUNNING, started=None), Start("a/x", "h100", {}, AllocationClass.BORROWED), NOW)
    assert (job.since, job.started) == (NOW - 900, NOW)


@pytest.mark.parametrize(
    ("action", "since", "evictions"),
    [
        pytest.param(
            Evict("a/x", "b/y", 1, 0.0, EvictionCause.GUARANTEE, 30.0),
            None,
            (PastEviction(NOW, EvictionCause.GUARANTEE),),
            id="an evicted one will be pending",
        ),
        pytest.param(
            Shrink("a/x", "b/y", "h100", {}, 1, 0.0, EvictionCause.SHRINK, 30.0),
            NOW - 900,
            (PastEviction(NOW, EvictionCause.SHRINK),),
            id="a shrunk one goes on",
        ),
        pytest.param(Grow("a/x", "h100", {}, 30.0), NOW - 900, (), id="a growing one goes on, and was not evicted"),
    ],
)
def test_a_job_that_is_told_to_stop(
    action: Evict | Shrink | Grow, since: float | None, evictions: tuple[PastEviction, ...]
) -> None:
    job = told_to_stop(RUNNING, action, NOW)
    assert (job.phase, job.stopping_until, job.placement) == (Phase.STOPPING, NOW + 30, RUNNING.placement)
    assert (job.since, job.evictions) == (since, evictions)


def test_a_job_that_has_stopped_waits_from_then_on_and_has_run_longer() -> None:
    job = stopped(RUNNING, NOW)
    assert (job.phase, job.placement, job.started, job.on_call) == (Phase.PENDING, None, None, False)
    assert (job.run_s, job.pending_since, job.stopping_until) == (650.0, NOW, None)


def test_a_job_that_has_not_started_has_not_run() -> None:
    assert (ran_s(a_job("a/x"), NOW), ran_s(RUNNING, NOW)) == (0.0, 600.0)
