"""What decisions make of a status."""

from entente.api.job import AllocationClass, EvictionCause, Phase, StopCause
from entente.api.reasons import Reason
from entente.engine.decisions import Evict, Grow, Hold, Shrink, Standing, Start, Wait
from entente.engine.telling import Message
from entente.workload import decided
from entente.workload.moments import moment
from tests.support.workloads import NAMESPACE, NOW, at, job, status

KEY = f"{NAMESPACE}/train"
ENTITLED = Standing(AllocationClass.ENTITLED, entitled_workers=2, notice_runs=True)
OTHER = "xai-research/secret-model"


def test_a_start_takes_the_job_out_of_the_queue() -> None:
    before = job({"starts": 1, "backoffUntil": at(-1), "queue": {"reason": "NoFreeGPUs", "position": 3}})
    after = decided.start(before, Start(KEY, "h100", {"a": 1, "b": 1}, AllocationClass.ENTITLED), ENTITLED, NOW).status
    assert after.phase is Phase.STARTING
    assert after.allocation is not None
    assert (after.allocation.workers, after.allocation.gpus, after.allocation.entitled_workers) == (2, 16, 2)
    assert (after.starts, after.restarts) == (2, 1)
    assert (after.queue.position, after.queue.reason, after.backoff_until) == (0, None, None)


def test_a_start_after_a_failure_keeps_the_time_that_protects_it() -> None:
    after = decided.start(
        job({"admittedTime": at(-700)}), Start(KEY, "h100", {"a": 1}, AllocationClass.BORROWED), None, NOW
    ).status
    assert after.allocation is not None
    assert after.allocation.since == moment(NOW - 700)
    assert after.allocation.placed == moment(NOW)


def test_a_hold_is_told_with_its_time_and_kept_when_it_is_decided_again() -> None:
    decision = Hold(KEY, "h100", {"a": 2}, AllocationClass.ENTITLED, until=NOW + 90)
    first = decided.hold(job(), decision, NOW)
    assert first.status.hold is not None
    assert first.status.queue.reason is Reason.HELD
    assert "16 GPUs" in first.status.queue.message
    assert first.status.queue.eta == moment(NOW + 90)
    held = job().model_copy(update={"status": first.status})
    again = decided.hold(held, decision, NOW + 5)
    assert again.status is held.status
    assert again.notes == ()


def test_an_eviction_is_remembered_with_its_cause_and_never_says_for_whom() -> None:
    before = job(status("Running"))
    step = decided.evict(before, Evict(KEY, OTHER, 8, 720.0, EvictionCause.GUARANTEE, grace_s=45.0), NOW)
    assert step.status.phase is Phase.STOPPING
    assert step.status.stopping is not None
    assert step.status.stopping.until == moment(NOW + 45)
    assert step.status.stopping.cause is StopCause.EVICTED
    assert [(each.cause, each.pool) for each in step.status.evictions] == [(EvictionCause.GUARANTEE, "h100")]
    said = f"{step.status.to_wire()} {step.notes}"
    assert "xai" not in said
    assert "secret-model" not in said


def test_evictions_of_earlier_days_are_forgotten() -> None:
    old = [
        {"at": at(-90_000), "pool": "h100", "cause": "Priority"},
        {"at": at(-80_000), "pool": "h100", "cause": "Move"},
    ]
    before = job(status("Running", evictions=old))
    after = decided.evict(before, Evict(KEY, OTHER, 8, 0.0, EvictionCause.FAIR_SHARE, 30.0), NOW).status
    assert [each.cause for each in after.evictions] == [EvictionCause.MOVE, EvictionCause.FAIR_SHARE]


def test_a_shrink_restarts_the_gang_on_what_it_keeps() -> None:
    before = job(status("Running", {"a": 1, "b": 1}))
    step = decided.shrink(before, Shrink(KEY, OTHER, "h100", {"a": 1}, 8, 0.0, EvictionCause.SHRINK, 30.0), NOW)
    assert step.status.stopping is not None
    assert step.status.stopping.cause is StopCause.RESIZED
    assert step.status.hold is not None
    assert step.status.hold.nodes == {"a": 1}
    assert "start again with 1 worker" in step.status.stopping.message


def test_a_grow_is_no_eviction() -> None:
    after = decided.grow(job(status("Running")), Grow(KEY, "h100", {"a": 1, "b": 1}, 30.0), NOW).status
    assert after.hold is not None
    assert after.hold.nodes == {"a": 1, "b": 1}
    assert after.evictions == ()


def test_a_waiting_job_is_told_why_and_loses_a_hold_that_the_engine_gave_up() -> None:
    held = {"hold": {"pool": "h100", "nodes": {"a": 1}, "since": at(-5), "until": at(60)}}
    wait = Wait(KEY, Reason.NO_FREE_GPUS, Message("8 asked, 0 free"), eta=NOW + 60, position=2)
    after = decided.wait(job(held), wait, None, NOW).status
    assert after.hold is None
    assert (after.queue.position, after.queue.reason, after.queue.eta) == (2, Reason.NO_FREE_GPUS, moment(NOW + 60))
    still = decided.wait(job(held), Wait(KEY, Reason.HELD, Message("being freed")), None, NOW).status
    assert still.hold is not None


def test_the_notice_runs_from_the_first_time_on_and_ends_with_the_right() -> None:
    waiting = job({"queue": {"since": at(-60)}})
    first = decided.stand(waiting, ENTITLED, NOW)
    assert first.queue.entitled_since == moment(NOW)
    later = decided.stand(waiting.model_copy(update={"status": first}), ENTITLED, NOW + 30)
    assert later.queue.entitled_since == moment(NOW)
    ended = decided.stand(
        waiting.model_copy(update={"status": first}), Standing(AllocationClass.BORROWED, 0, notice_runs=False), NOW
    )
    assert ended.queue.entitled_since is None


def test_a_job_is_on_call_no_longer_than_something_is_reserved_on_its_nodes() -> None:
    body = status("Running", {"a": 2})
    allocation = body["allocation"]
    assert isinstance(allocation, dict)
    called = job({**body, "allocation": {**allocation, "onCall": True}})
    still = decided.stand(called, Standing(AllocationClass.BORROWED, 0, on_call=True), NOW)
    assert still.allocation is not None
    assert still.allocation.on_call
    no_more = decided.stand(called, Standing(AllocationClass.BORROWED, 0), NOW)
    assert no_more.allocation is not None
    assert not no_more.allocation.on_call


def test_the_right_by_which_a_job_runs_follows_the_walk() -> None:
    running, borrowed = job(status("Running", {"a": 2})), Standing(AllocationClass.BORROWED, 0)
    after = decided.stand(running, borrowed, NOW)
    assert after.allocation is not None
    assert (after.allocation.class_, after.allocation.entitled_workers) == (AllocationClass.BORROWED, 0)
    assert (
        decided.stand(running.model_copy(update={"status": after}), Standing(AllocationClass.BORROWED, 0), NOW) is after
    )
