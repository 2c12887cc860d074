"""Decisions that follow one another: what is promised in one is kept in the next."""

import pytest

from entente.api.job import AllocationClass, EvictionCause, Phase
from entente.api.reasons import Reason
from entente.engine.decisions import Decision, Evict, Grow, Hold, Shrink, Start, Wait
from entente.engine.invariants import check_invariants
from entente.engine.model import Placement, Snapshot, Terms
from entente.engine.planner import decide
from tests.support.estates import NOW, Draft, a_job, estate, shuffled
from tests.support.virtual import World

ONE_HOST = estate().pool().tenant("anthropic", 8).tenant("xai", 0)
RECLAIM = ONE_HOST.running("xai/y", {"h100-0": 8}, grace_s=120.0).pending("anthropic/x", workers=8)


def world(draft: Draft) -> World:
    """The estate in virtual time; every decision is checked."""

    def sound(snapshot: Snapshot, plan: object) -> None:
        assert check_invariants(snapshot, decide(snapshot)) == []
        assert plan is not None

    return World(draft.snapshot(), watch=sound)


def said(decisions: tuple[Decision, ...]) -> list[tuple[str, str]]:
    return [(type(d).__name__, d.job) for d in decisions]


def test_a_guarantee_is_given_back_within_the_notice() -> None:
    time = world(RECLAIM)
    first = time.decide()
    assert said(first.decisions) == [("Hold", "anthropic/x"), ("Evict", "xai/y")]
    evict = first.decisions[1]
    assert isinstance(evict, Evict)
    assert (evict.cause, evict.grace_s, evict.claimant) == (EvictionCause.GUARANTEE, 120.0, "anthropic/x")
    time.advance(NOW + 119.0)
    assert said(time.decide().decisions) == [("Wait", "anthropic/x")]
    assert time.snapshot.jobs["anthropic/x"].phase is Phase.PENDING
    time.advance(NOW + 120.0)
    assert time.snapshot.jobs["anthropic/x"].started == NOW + 120.0
    victim = time.snapshot.jobs["xai/y"]
    assert (victim.phase, victim.placement, len(victim.evictions)) == (Phase.PENDING, None, 1)


def test_nobody_slips_into_what_is_being_freed() -> None:
    time = world(RECLAIM)
    time.decide()
    time.put(a_job("anthropic/first", workers=8, priority="high", submitted=NOW))
    time.put(a_job("xai/quick", expected_s=10.0, submitted=NOW))
    for seconds in (1.0, 60.0, 119.0):
        time.advance(NOW + seconds)
        waits = {d.job: d for d in time.decide().decisions if isinstance(d, Wait)}
        assert set(waits) == {"anthropic/x", "anthropic/first", "xai/quick"}
        assert waits["anthropic/x"].reason is Reason.HELD
        assert waits["anthropic/x"].eta == NOW + 300.0


def test_a_hold_lapses_with_its_claimant_and_is_the_next_ones() -> None:
    time = world(RECLAIM.pending("anthropic/next", workers=8, submitted=NOW))
    time.decide()
    time.suspend("anthropic/x")
    assert ("Wait", "anthropic/next") in said(time.decide().decisions)
    time.advance(NOW + 120.0)
    assert time.snapshot.jobs["anthropic/next"].phase is Phase.RUNNING
    assert len(time.snapshot.jobs["xai/y"].evictions) == 1


def test_a_hold_whose_node_is_lost_is_decided_anew() -> None:
    draft = estate().pool(hosts=2).tenant("anthropic", 8).tenant("xai", 0)
    time = world(
        draft.running("xai/y", {"h100-0": 8}).running("xai/z", {"h100-1": 8}).pending("anthropic/x", workers=8)
    )
    first = next(d for d in time.decide().decisions if isinstance(d, Hold))
    (node,) = first.nodes
    time.lose_node(node)
    again = time.snapshot.jobs["anthropic/x"].hold
    assert again is not None
    assert set(again.nodes) == {"h100-0", "h100-1"} - {node}


def test_a_gang_on_a_lost_node_goes_back_to_its_old_place() -> None:
    draft = estate().pool(hosts=3).tenant("anthropic", 24)
    time = world(draft.running("anthropic/x", {"h100-0": 1, "h100-1": 1}, gpus_per_worker=8))
    time.lose_node("h100-1")
    assert time.snapshot.jobs["anthropic/x"].phase is Phase.STOPPING
    time.advance(time.now + 30.0)
    placement = time.snapshot.jobs["anthropic/x"].placement
    assert placement is not None
    assert set(placement.nodes) == {"h100-0", "h100-2"}
    assert time.snapshot.jobs["anthropic/x"].evictions == ()


def test_a_shrunk_job_restarts_where_it_was_with_fewer_workers() -> None:
    draft = ONE_HOST.running("xai/y", {"h100-0": 8}, elastic=(2, 8)).pending("anthropic/x", workers=4)
    time = world(draft)
    shrink = next(d for d in time.decide().decisions if isinstance(d, Shrink))
    assert (shrink.job, shrink.workers, shrink.gpus, dict(shrink.nodes)) == ("xai/y", 4, 4, {"h100-0": 4})
    time.advance(NOW + 60.0)
    jobs = time.snapshot.jobs
    assert {k: j.placement.nodes for k, j in jobs.items() if j.placement} == {
        "anthropic/x": {"h100-0": 4},
        "xai/y": {"h100-0": 4},
    }
    assert jobs["xai/y"].since == NOW - 3600.0, "its protection counts on"


def test_a_grown_job_restarts_with_more_workers() -> None:
    time = world(ONE_HOST.running("anthropic/x", {"h100-0": 2}, elastic=(1, 8)))
    (grow,) = time.decide().decisions
    assert isinstance(grow, Grow)
    time.advance(NOW + 60.0)
    placement = time.snapshot.jobs["anthropic/x"].placement
    assert placement is not None
    assert placement.workers == 8
    assert time.decide().decisions == ()


def test_a_host_is_handed_over_before_another_tenant_gets_it() -> None:
    draft = estate().pool(exclusive=True, handover_s=60.0).tenant("anthropic", 8).tenant("xai", 0)
    time = world(draft.node("h100-0", last_tenant="xai").pending("anthropic/x", workers=8))
    (hold,) = time.decide().decisions
    assert isinstance(hold, Hold)
    assert hold.until == NOW + 60.0
    time.advance(NOW + 59.0)
    assert said(time.decide().decisions) == [("Wait", "anthropic/x")]
    time.advance(NOW + 60.0)
    assert time.snapshot.jobs["anthropic/x"].phase is Phase.RUNNING


def test_a_claim_waits_for_what_comes_free_by_itself_and_has_it() -> None:
    draft = ONE_HOST.running("xai/y", {"h100-0": 8}, max_s=3700.0).pending("anthropic/x", workers=8)
    time = world(draft.pending("xai/z", workers=8))
    waits = {d.job: d for d in time.decide().decisions if isinstance(d, Wait)}
    assert (waits["anthropic/x"].reason, waits["anthropic/x"].eta) == (Reason.RESERVED, NOW + 100.0)
    time.advance(NOW + 100.0)
    assert time.snapshot.jobs["anthropic/x"].phase is Phase.RUNNING
    assert time.snapshot.jobs["xai/z"].phase is Phase.PENDING


def test_an_estimate_that_fails_costs_the_job_its_gpus_within_the_notice() -> None:
    draft = ONE_HOST.running("xai/y", {"h100-0": 8}, expected_s=3700.0).pending("anthropic/x", workers=8)
    time = world(draft)
    assert said(time.decide().decisions) == [("Wait", "anthropic/x")]
    time.advance(NOW + 101.0)
    assert said(time.decide().decisions) == [("Hold", "anthropic/x"), ("Evict", "xai/y")]
    time.advance(NOW + 300.0)
    assert time.snapshot.jobs["anthropic/x"].phase is Phase.RUNNING


BIG = estate().pool(hosts=2).tenant("anthropic", 8).tenant("xai", 0).running("xai/old", {"h100-0": 8}, max_s=13_600.0)


@pytest.mark.parametrize(
    ("length", "on_call", "expected"),
    [
        pytest.param(5000.0, None, "starts", id="over before the turn"),
        pytest.param(None, True, "on call", id="nobody knows how long"),
    ],
)
def test_small_jobs_use_what_a_big_one_waits_for(length: float | None, *, on_call: bool | None, expected: str) -> None:
    time = world(BIG.pending("anthropic/big", workers=2, gpus_per_worker=8))
    time.put(a_job("xai/small", workers=8, max_s=length, submitted=NOW - 10))
    plan = time.decide()
    wait = next(d for d in plan.decisions if isinstance(d, Wait))
    assert (wait.job, wait.reason, wait.eta) == ("anthropic/big", Reason.RESERVED, NOW + 10_000.0)
    start = next(d for d in plan.decisions if isinstance(d, Start))
    assert (start.job, start.on_call) == ("xai/small", bool(on_call)), expected
    assert plan.standings["xai/small"].on_call is bool(on_call)
    time.advance(NOW + 10_100.0)
    big = time.snapshot.jobs["anthropic/big"]
    assert big.started is not None
    assert big.started <= NOW + 10_030.0


@pytest.mark.parametrize(
    ("submitted", "expected"),
    [
        pytest.param(NOW - 3000, [("Hold", "xai/x"), ("Evict", "xai/called")], id="it was there before"),
        pytest.param(NOW - 1500, [("Wait", "xai/x")], id="it came later: both could only be on call there"),
    ],
)
def test_a_job_on_call_makes_room_for_own_jobs_that_come_before_it(
    submitted: float, expected: list[tuple[str, str]]
) -> None:
    draft = (
        estate()
        .pool()
        .tenant("anthropic", 0)
        .tenant("xai", 0)
        .running("anthropic/y", {"h100-0": 7})
        .running("xai/called", {"h100-0": 1}, on_call=True, submitted=NOW - 2000)
        .pending("xai/x", submitted=submitted)
    )
    assert said(decide(draft.snapshot()).decisions) == expected


def test_a_job_is_on_call_no_longer_when_nobody_waits_for_its_nodes() -> None:
    draft = estate().pool().tenant("anthropic", 0).running("anthropic/x", {"h100-0": 4}, on_call=True)
    plan = decide(draft.snapshot())
    assert not plan.standings["anthropic/x"].on_call


def test_nobody_is_evicted_again_and_again_for_borrowers() -> None:
    draft = estate().pool(min_runtime_s=0.0).tenant("anthropic", Terms(0, weight=1)).tenant("xai", Terms(0, weight=1))
    time = world(draft.running("xai/y", {"h100-0": 8}).pending("anthropic/x", workers=4))
    for _ in range(60):
        time.advance(time.now + 600.0)
        time.decide()
    causes = [e.cause for job in time.snapshot.jobs.values() for e in job.evictions]
    assert len(causes) <= 3


def test_equal_snapshots_give_equal_plans() -> None:
    draft = RECLAIM.running("xai/y", {"h100-0": 8}, elastic=(2, 8)).pending("xai/z").pending("anthropic/w", workers=3)
    snapshot = draft.snapshot()
    expected = decide(snapshot)
    for seed in range(10):
        assert decide(shuffled(snapshot, seed)) == expected


def test_standings_say_when_the_notice_runs() -> None:
    plan = decide(RECLAIM.pending("anthropic/more", workers=8, submitted=NOW).snapshot())
    assert plan.standings["anthropic/x"].notice_runs
    assert plan.standings["anthropic/x"].class_ is AllocationClass.ENTITLED
    assert not plan.standings["anthropic/more"].notice_runs
    assert plan.standings["anthropic/more"].class_ is AllocationClass.BORROWED
    assert plan.standings["xai/y"].entitled_workers == 0


def test_places_in_the_queue_are_told() -> None:
    draft = RECLAIM.pending("xai/b", workers=8, submitted=NOW - 5).pending("xai/a", workers=8, submitted=NOW)
    positions = {d.job: d.position for d in decide(draft.snapshot()).decisions if isinstance(d, Wait)}
    assert positions == {"xai/b": 1, "xai/a": 2}


def test_a_moved_job_keeps_its_workers_and_goes_where_it_is_held() -> None:
    draft = estate().pool(hosts=2).tenant("anthropic", 16)
    time = world(
        draft.running("anthropic/small", {"h100-0": 3})
        .running("anthropic/other", {"h100-1": 4})
        .pending("anthropic/x", gpus_per_worker=6, level="host", required=True)
    )
    plan = time.decide()
    moved = next(d for d in plan.decisions if isinstance(d, Evict))
    assert moved.cause is EvictionCause.MOVE
    place = next(d for d in plan.decisions if isinstance(d, Hold) and d.job == moved.job)
    time.advance(NOW + 60.0)
    jobs = time.snapshot.jobs
    assert jobs[moved.job].placement == Placement("h100", dict(place.nodes))
    assert jobs["anthropic/x"].phase is Phase.RUNNING
    assert jobs[moved.job].evictions[0].cause is EvictionCause.MOVE


def test_own_work_gives_way_even_where_others_work_may_not_be_taken() -> None:
    draft = (
        estate()
        .pool(hosts=2)
        .tenant("anthropic", 6)
        .tenant("xai", 4)
        .running("anthropic/low", {"h100-0": 4}, gpus_per_worker=2, elastic=(1, 4), priority="low")
        .running("xai/y", {"h100-1": 8})
    )
    plan = decide(draft.pending("anthropic/x", workers=2).snapshot())
    assert said(plan.decisions) == [("Hold", "anthropic/x"), ("Shrink", "anthropic/low")]


def test_a_claim_beside_a_shrunk_job_on_an_exclusive_host_adds_no_charge() -> None:
    draft = (
        estate().pool(hosts=2, exclusive=True).tenant("anthropic", 8).tenant("xai", 8).running("xai/y", {"h100-1": 8})
    )
    wide = draft.running("anthropic/wide", {"h100-0": 2}, gpus_per_worker=4, elastic=(1, 4), priority="high")
    plan = decide(wide.pending("anthropic/x", workers=2).snapshot())
    assert said(plan.decisions) == [("Hold", "anthropic/x"), ("Shrink", "anthropic/wide")]


def test_a_preferred_domain_does_not_keep_a_job_from_the_hosts_that_its_tenant_has() -> None:
    draft = estate().pool(hosts=3, gpus=4, racks=2, exclusive=True).tenant("anthropic", Terms(8, borrow_limit=0))
    own = draft.running("anthropic/y", {"h100-2": 2}).pending("anthropic/x", workers=3, gpus_per_worker=2, level="rack")
    (start,) = decide(own.snapshot()).decisions
    assert isinstance(start, Start)
    assert dict(start.nodes) == {"h100-0": 2, "h100-2": 1}


def test_an_elastic_job_has_no_more_reserved_than_its_least() -> None:
    draft = (
        estate()
        .pool()
        .tenant("anthropic", 4)
        .tenant("xai", 4)
        .stopping("xai/old", {"h100-0": 8})
        .pending("anthropic/x", workers=8, elastic=(4, 8))
        .pending("xai/y", workers=4, submitted=NOW)
    )
    waits = {d.job: d for d in decide(draft.snapshot()).decisions if isinstance(d, Wait)}
    assert {w.reason for w in waits.values()} == {Reason.RESERVED}
    assert set(waits) == {"anthropic/x", "xai/y"}


def test_an_elastic_job_of_equal_priority_is_not_evicted_when_it_has_no_worker_too_many() -> None:
    draft = estate().pool(hosts=1).tenant("a", 8).running("a/elastic", {"h100-0": 8}, elastic=(8, 8))
    plan = decide(draft.pending("a/equal", gpus_per_worker=4).snapshot())
    assert not [d for d in plan.decisions if d.job == "a/elastic"]
