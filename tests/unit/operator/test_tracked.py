"""What counts of a job: what the API server says, and what was decided and is on its way."""

from __future__ import annotations

from entente.api.job import TrainingJob
from entente.operator.tracked import Tracked
from entente.workload.notes import Note
from entente.workload.stopping import Step
from tests.support.workloads import NOW, allocation, at, job, status

EXPLAIN_S, POD_FIRST_S = 15.0, 2.0


def tracked(of: TrainingJob | None = None, *, wire: dict[str, object] | None = None) -> Tracked:
    of = of or job()
    return Tracked(
        observed=of, base_wire=of.status.to_wire() if wire is None else wire, first_seen=NOW, assumed=of.status
    )


def with_status(of: TrainingJob, fields: dict[str, object], **meta: object) -> TrainingJob:
    """The same job as the API server would tell it with another status."""
    fresh = job(fields, meta=meta)
    return of.model_copy(update={"status": fresh.status, "metadata": fresh.metadata})


def starting(nodes: dict[str, int], **fields: object) -> dict[str, object]:
    return {"phase": "Starting", "starts": 1, "allocation": allocation(nodes, placed=0, **fields)}  # type: ignore[arg-type]


def assume(it: Tracked, fields: dict[str, object]) -> None:
    assert it.assume(Step(job(fields).status, (Note("X", "x"),)), NOW)


def due(it: Tracked) -> float | None:
    at_ = it.write_due(EXPLAIN_S, POD_FIRST_S)
    return None if at_ is None else at_ - NOW


def test_a_decision_counts_at_once_and_is_written_when_the_server_says_the_same() -> None:
    it = tracked()
    assume(it, starting({"a": 2}))
    assert it.dirty
    assert it.job.status.phase == "Starting"
    news = it.see(with_status(it.observed, starting({"a": 2}), resourceVersion="8"), {})
    assert not it.dirty
    assert not news


def test_an_edit_of_the_spec_meanwhile_keeps_the_decision_and_is_news() -> None:
    it = tracked()
    assume(it, starting({"a": 2}))
    assert it.see(with_status(it.observed, {}, resourceVersion="8", generation=2), {})
    assert it.dirty
    assert it.job.status.phase == "Starting"


def test_a_status_that_somebody_else_wrote_replaces_the_decision() -> None:
    it = tracked()
    assume(it, starting({"a": 2}))
    assert it.see(with_status(it.observed, {"phase": "Failed"}, resourceVersion="8"), {})
    assert not it.dirty
    assert it.job.status.phase == "Failed"
    assert it.notes == []


def test_an_echo_of_a_write_under_way_keeps_what_was_decided_after_it() -> None:
    it = tracked()
    assume(it, starting({"a": 2}))
    it.writing = it.assumed
    assume(it, status("Running", {"a": 2}))
    it.see(with_status(it.observed, starting({"a": 2}), resourceVersion="8"), {})
    assert it.dirty
    assert it.job.status.phase == "Running"
    assert it.base.phase == "Starting"


def test_a_gang_is_written_down_at_once_and_a_single_worker_only_when_it_takes_long() -> None:
    gang, single = tracked(wire={}), tracked(wire={})
    assume(gang, starting({"a": 2}))
    assume(single, starting({"a": 1}))
    assert not gang.pod_first
    assert single.pod_first
    assert due(gang) == -NOW
    assert due(single) == POD_FIRST_S
    assume(single, status("Running", {"a": 1}))
    assert due(single) == -NOW


def test_a_single_worker_on_call_or_with_a_hold_is_written_down_first() -> None:
    on_call = tracked()
    assume(on_call, starting({"a": 1}, onCall=True))
    assert not on_call.pod_first
    held = tracked(job({"hold": {"pool": "h100", "nodes": {"a": 1}, "since": at(-5), "until": at(60)}}))
    assume(held, starting({"a": 1}))
    assert not held.pod_first


def test_a_new_job_is_given_a_moment_before_it_is_told_why_it_waits() -> None:
    it = tracked(wire={})
    assume(it, {"queue": {"reason": "NoFreeGPUs", "message": "8 short", "position": 1}})
    assert due(it) == 1.0


def test_a_new_reason_is_told_soon_and_a_new_place_later() -> None:
    waiting = job({"queue": {"reason": "NoFreeGPUs", "message": "8 short", "position": 9}})
    it = tracked(waiting)
    it.written_at = NOW
    assume(it, {"queue": {"reason": "NoFreeGPUs", "message": "8 short", "position": 8}})
    assert due(it) == EXPLAIN_S
    assume(it, {"queue": {"reason": "NotLent", "message": "kept back", "position": 8}})
    assert due(it) == 2.0


def test_a_victim_is_not_written_before_its_claimants_hold() -> None:
    claimant, victim = tracked(), tracked(job(status("Running")))
    assume(victim, {**status("Stopping"), "stopping": {"since": at(0), "until": at(30)}})
    victim.waits_for = claimant
    assert due(victim) is None
    victim.waits_for = None
    assert due(victim) == -NOW


def test_a_dropped_decision_leaves_nothing_to_write_or_say() -> None:
    it = tracked()
    assume(it, starting({"a": 2}))
    it.drop_assumption()
    assert not it.dirty
    assert it.notes == []
    assert due(it) is None


def test_a_pod_that_never_shows_up_is_forgotten() -> None:
    it = tracked()
    it.made = {"old": NOW - 61, "new": NOW - 1}
    assert it.unseen(NOW) == {"new"}
