"""A plan becomes assumed statuses, unless jobs have changed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from entente.api.job import AllocationClass, EvictionCause, Phase
from entente.api.reasons import Reason
from entente.engine.decisions import Decision, Evict, Hold, Plan, Shrink, Standing, Start, Wait
from entente.engine.telling import Message
from entente.metrics.instruments import Instruments
from entente.operator.applying import Applier
from entente.operator.jobs import JobStore
from entente.operator.setbacks import Setbacks
from entente.operator.tracked import Tracked
from tests.support.workloads import NAMESPACE, NOW, at, job, status

TENANTS = {NAMESPACE: "anthropic"}


class Stage:
    """A store with jobs in it, and an applier."""

    def __init__(self) -> None:
        self.jobs = JobStore()
        self.instruments = Instruments("test")
        self.setbacks = Setbacks(self.instruments.count_job_error)
        self.applier = Applier(self.jobs, self.instruments, explain_s=15.0, setbacks=self.setbacks)

    def add(self, name: str, fields: dict[str, object] | None = None) -> Tracked:
        of = job(fields, name=name, meta={"uid": f"uid-{name}"})
        body = of.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert self.jobs.see(body, NOW)
        tracked = self.jobs.get(of.key)
        assert tracked is not None
        return tracked

    def apply(self, decisions: Sequence[Decision], standings: dict[str, Standing] | None = None) -> None:
        seen = {tracked.key: tracked.job for tracked in self.jobs}
        self.applier.apply(Plan(tuple(decisions), standings or {}, {}), seen, TENANTS, NOW)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def hold(of: Tracked) -> Hold:
    return Hold(of.key, "h100", {"a": 1}, AllocationClass.ENTITLED, until=NOW + 60)


def evict(of: Tracked, claimant: Tracked, cause: EvictionCause = EvictionCause.GUARANTEE) -> Evict:
    return Evict(of.key, claimant.key, 8, 0.0, cause, grace_s=30.0)


def test_a_start_counts_at_once_and_is_measured(stage: Stage) -> None:
    waiting = stage.add("waiting", {"queue": {"since": at(-30)}})
    stage.apply([Start(waiting.key, "h100", {"a": 1}, AllocationClass.ENTITLED)])
    assert waiting.assumed.phase is Phase.STARTING
    text = stage.instruments.render()[1].decode()
    assert 'entente_job_admission_wait_seconds_sum{pool="h100",tenant="anthropic"} 30.0' in text


def test_a_decision_about_a_job_that_has_changed_is_left_out_and_decided_anew(stage: Stage) -> None:
    waiting = stage.add("waiting")
    seen = {waiting.key: waiting.job}
    edited = job(name="waiting", meta={"uid": "uid-waiting", "resourceVersion": "8", "generation": 2}, suspend=True)
    stage.jobs.see(edited.model_dump(mode="json", by_alias=True, exclude_none=True), NOW)
    stage.jobs.news = False
    plan = Plan((Start(waiting.key, "h100", {"a": 1}, AllocationClass.ENTITLED),), {}, {})
    stage.applier.apply(plan, seen, TENANTS, NOW)
    assert waiting.assumed.phase is Phase.PENDING
    assert stage.jobs.news


def test_an_echo_meanwhile_does_not_matter(stage: Stage) -> None:
    waiting = stage.add("waiting")
    seen = {waiting.key: waiting.job}
    echo = job(name="waiting", meta={"uid": "uid-waiting", "resourceVersion": "8"})
    stage.jobs.see(echo.model_dump(mode="json", by_alias=True, exclude_none=True), NOW)
    plan = Plan((Start(waiting.key, "h100", {"a": 1}, AllocationClass.ENTITLED),), {}, {})
    stage.applier.apply(plan, seen, TENANTS, NOW)
    assert waiting.assumed.phase is Phase.STARTING


def test_a_victim_waits_until_its_claimants_hold_is_written(stage: Stage) -> None:
    claimant, victim = stage.add("claimant"), stage.add("victim", status("Running"))
    stage.apply([hold(claimant), evict(victim, claimant)])
    assert victim.assumed.phase is Phase.STOPPING
    assert victim.waits_for is claimant
    stage.applier.settle_waits()
    assert victim.waits_for is claimant
    written = job(
        claimant.assumed.to_wire(), name="claimant", meta={"uid": "uid-claimant", "resourceVersion": "8"}
    ).model_dump(mode="json", by_alias=True, exclude_none=True)
    stage.jobs.see(written, NOW)
    stage.applier.settle_waits()
    assert victim.waits_for is None
    assert victim.assumed.phase is Phase.STOPPING


def test_a_job_that_is_shrunk_for_two_claims_keeps_what_the_last_one_leaves(stage: Stage) -> None:
    first, second = stage.add("first"), stage.add("second")
    victim = stage.add("victim", status("Running", {"a": 4}))
    shrinks = [
        Shrink(victim.key, claimant.key, "h100", {"a": left}, 1, 0.0, EvictionCause.SHRINK, 30.0)
        for claimant, left in ((first, 3), (second, 1))
    ]
    stage.apply([hold(first), hold(second), *shrinks])
    assert victim.assumed.phase is Phase.STOPPING
    assert victim.assumed.hold is not None
    assert victim.assumed.hold.nodes == {"a": 1}
    assert len(victim.assumed.evictions) == 1


@pytest.mark.parametrize("end", ["gone", "dropped"])
def test_a_victim_is_let_off_when_its_claimant_is_gone_or_its_hold_could_not_be_written(stage: Stage, end: str) -> None:
    claimant, victim = stage.add("claimant"), stage.add("victim", status("Running"))
    stage.apply([hold(claimant), evict(victim, claimant)])
    if end == "gone":
        stage.jobs.gone({"metadata": {"namespace": NAMESPACE, "name": "claimant", "uid": "uid-claimant"}})
    else:
        claimant.drop_assumption()
    stage.applier.settle_waits()
    assert victim.assumed.phase is Phase.RUNNING
    assert victim.waits_for is None
    assert stage.jobs.news


def test_a_victim_of_a_hold_that_is_written_already_stops_at_once(stage: Stage) -> None:
    held: dict[str, object] = {"hold": {"pool": "h100", "nodes": {"a": 1}, "since": at(-5), "until": at(55)}}
    claimant, victim = stage.add("claimant", held), stage.add("victim", status("Running"))
    stage.apply([evict(victim, claimant)])
    assert victim.waits_for is None
    text = stage.instruments.render()[1].decode()
    assert 'entente_evictions_total{cause="Guarantee",pool="h100",tenant="anthropic"} 1.0' in text


def test_a_job_that_is_moved_stops_and_holds_its_new_place(stage: Stage) -> None:
    claimant, moved = stage.add("claimant"), stage.add("moved", status("Running", {"b": 1}))
    stage.apply([hold(claimant), hold(moved), evict(moved, claimant, EvictionCause.MOVE)])
    assert moved.assumed.phase is Phase.STOPPING
    assert moved.assumed.hold is not None
    assert moved.assumed.hold.nodes == {"a": 1}


def test_a_new_reason_is_taken_over_and_a_new_place_only_now_and_then(stage: Stage) -> None:
    told = stage.add("told", {"queue": {"reason": "NoFreeGPUs", "message": "m", "position": 9, "since": at(-60)}})
    told.written_at = NOW - 1
    stage.apply([Wait(told.key, Reason.NO_FREE_GPUS, Message("m"), position=8)])
    assert told.assumed.queue.position == 9
    stage.apply([Wait(told.key, Reason.NOT_LENT, Message("kept"), position=8)])
    assert (told.assumed.queue.position, told.assumed.queue.reason) == (8, Reason.NOT_LENT)


def test_a_plan_says_by_what_right_jobs_run(stage: Stage) -> None:
    running = stage.add("running", status("Running"))
    stage.apply([], {running.key: Standing(AllocationClass.BORROWED, 0)})
    assert running.assumed.allocation is not None
    assert running.assumed.allocation.class_ is AllocationClass.BORROWED
