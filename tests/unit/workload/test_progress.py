"""Each phase of a job, with what may happen to it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from entente.api.core import PodRecord
from entente.api.job import Phase, StopCause, TrainingJob
from entente.workload.moments import moment
from entente.workload.progress import View, advance
from entente.workload.stopping import Step
from tests.support.workloads import NOW, at, job, status, worker

READY = frozenset({"a", "b"})


def step(of: TrainingJob, *pods: PodRecord, ready: frozenset[str] = READY, settled: bool = True) -> Step:
    return advance(of, pods, View(now=NOW, ready_nodes=ready, settled=settled))


@dataclass(frozen=True)
class Case:
    """A job, its pods, and the phase in which it is after one step."""

    of: TrainingJob
    phase: Phase
    pods: Callable[[TrainingJob], tuple[PodRecord, ...]] = lambda _: ()
    cause: StopCause | None = None
    ready: frozenset[str] = READY
    settled: bool = True
    notes: tuple[str, ...] = field(default=())


def both(**options: object) -> Callable[[TrainingJob], tuple[PodRecord, ...]]:
    """Two workers; the options are those of the second."""
    return lambda of: (worker(of, 0), worker(of, 1, **options))  # type: ignore[arg-type]


TWO = {"a": 2}
STOPPING = {"stopping": {"since": at(-10), "until": at(20), "cause": "Evicted", "message": "told to stop"}}


def stopping(cause: str, **fields: object) -> dict[str, object]:
    return {**status("Stopping", TWO), "stopping": {**STOPPING["stopping"], "cause": cause}, **fields}


CASES = {
    "a new job waits": Case(job(), Phase.PENDING),
    "a new job that is suspended": Case(job(suspend=True), Phase.SUSPENDED, notes=("Suspended",)),
    "starting, pods are missing": Case(job(status("Starting", TWO)), Phase.STARTING, lambda of: (worker(of, 0),)),
    "starting, one is not ready": Case(job(status("Starting", TWO)), Phase.STARTING, both(ready=False)),
    "starting, all are ready": Case(job(status("Starting", TWO)), Phase.RUNNING, both(), notes=("Started",)),
    "starting, one has ended well already": Case(
        job(status("Starting", TWO)), Phase.RUNNING, both(phase="Succeeded"), notes=("Started",)
    ),
    "starting, all have ended well already": Case(
        job(status("Starting")), Phase.SUCCEEDED, lambda of: (worker(of, 0, phase="Succeeded"),), notes=("Succeeded",)
    ),
    "starting, one has failed": Case(
        job(status("Starting", TWO)),
        Phase.STOPPING,
        both(phase="Failed"),
        StopCause.WORKER_FAILED,
        notes=("WorkerFailed",),
    ),
    "starting for too long": Case(
        job({**status("Starting"), "allocation": {**status("Starting")["allocation"], "placed": at(-601)}}),  # type: ignore[dict-item]
        Phase.STOPPING,
        lambda of: (worker(of, 0, ready=False),),
        StopCause.START_FAILED,
        notes=("StartFailed",),
    ),
    "starting from a spec that has changed meanwhile": Case(
        job(status("Starting", TWO)),
        Phase.STOPPING,
        lambda of: (worker(of, 0, spec="older"),),
        StopCause.DISRUPTED,
        notes=("Disrupted",),
    ),
    "running": Case(job(status("Running", TWO)), Phase.RUNNING, both()),
    "running, one has ended well": Case(job(status("Running", TWO)), Phase.RUNNING, both(phase="Succeeded")),
    "running, all have ended well": Case(
        job(status("Running")), Phase.SUCCEEDED, lambda of: (worker(of, 0, phase="Succeeded"),), notes=("Succeeded",)
    ),
    "running, all have ended well on a node that is lost since": Case(
        job(status("Running")),
        Phase.SUCCEEDED,
        lambda of: (worker(of, 0, phase="Succeeded"),),
        ready=frozenset(),
        notes=("Succeeded",),
    ),
    "running, one has failed": Case(
        job(status("Running", TWO)),
        Phase.STOPPING,
        both(phase="Failed", exit_code=1),
        StopCause.WORKER_FAILED,
        notes=("WorkerFailed",),
    ),
    "running, one was ended by its node": Case(
        job(status("Running", TWO)),
        Phase.STOPPING,
        both(phase="Failed", exit_reason="NodeShutdown"),
        StopCause.NODE_LOST,
        notes=("NodeLost",),
    ),
    "running, its node is lost": Case(
        job(status("Running", TWO)),
        Phase.STOPPING,
        both(),
        StopCause.NODE_LOST,
        ready=frozenset({"b"}),
        notes=("NodeLost",),
    ),
    "running, one was deleted and fails of that": Case(
        job(status("Running", TWO)),
        Phase.STOPPING,
        both(phase="Failed", deleting=True, exit_code=143),
        StopCause.DISRUPTED,
        notes=("Disrupted",),
    ),
    "running, one is gone": Case(
        job(status("Running", TWO)),
        Phase.STOPPING,
        lambda of: (worker(of, 0),),
        StopCause.DISRUPTED,
        notes=("Disrupted",),
    ),
    "running, suspended": Case(
        job(status("Running", TWO), suspend=True), Phase.STOPPING, both(), StopCause.SUSPENDED, notes=("Suspending",)
    ),
    "running for as long as it may": Case(
        job(status("Running", TWO, runSeconds=30), maxSeconds=120),
        Phase.STOPPING,
        both(),
        StopCause.MAX_SECONDS,
        notes=("MaxSecondsExceeded",),
    ),
    "running for less long than it may": Case(
        job(status("Running", TWO, runSeconds=30), maxSeconds=121), Phase.RUNNING, both()
    ),
    "running and being deleted": Case(
        job(status("Running", TWO), meta={"deletionTimestamp": at(0)}), Phase.RUNNING, both(deleting=True)
    ),
    "stopping, a worker is left": Case(
        job(stopping("Evicted")), Phase.STOPPING, lambda of: (worker(of, 0, deleting=True),), StopCause.EVICTED
    ),
    "stopping, requests are under way": Case(
        job(stopping("Evicted")), Phase.STOPPING, cause=StopCause.EVICTED, settled=False
    ),
    "stopping, all are gone": Case(job(stopping("Evicted")), Phase.PENDING),
    "stopping, the last is on a lost node": Case(
        job(stopping("NodeLost")), Phase.PENDING, lambda of: (worker(of, 0),), ready=frozenset({"b"})
    ),
    "stopping, the last has ended": Case(
        job(stopping("Evicted")), Phase.PENDING, lambda of: (worker(of, 0, phase="Failed", deleting=True),)
    ),
    "stopping, but all had ended well before they were told": Case(
        job(stopping("Evicted")),
        Phase.SUCCEEDED,
        lambda of: (worker(of, 0, phase="Succeeded"), worker(of, 1, phase="Succeeded")),
        notes=("Succeeded",),
    ),
    "stopping to be suspended": Case(job(stopping("Suspended"), suspend=True), Phase.SUSPENDED, notes=("Suspended",)),
    "stopping to be suspended, resumed meanwhile": Case(job(stopping("Suspended")), Phase.PENDING),
    "stopping for another, suspended meanwhile": Case(
        job(stopping("Evicted"), suspend=True), Phase.SUSPENDED, notes=("Suspended",)
    ),
    "stopping for its time is over": Case(job(stopping("MaxSeconds")), Phase.FAILED, notes=("Failed",)),
    "stopping after a failure": Case(job(stopping("WorkerFailed", failures=3)), Phase.PENDING, notes=("BackOff",)),
    "stopping after one failure too many": Case(
        job(stopping("WorkerFailed", failures=4)), Phase.FAILED, notes=("Failed",)
    ),
    "stopping after many losses of nodes": Case(job(stopping("NodeLost", failures=4)), Phase.PENDING),
    "suspended": Case(job({"phase": "Suspended"}, suspend=True), Phase.SUSPENDED),
    "suspended, resumed": Case(job({"phase": "Suspended"}), Phase.PENDING, notes=("Resumed",)),
    "succeeded": Case(job({"phase": "Succeeded"}), Phase.SUCCEEDED),
    "failed, suspended": Case(job({"phase": "Failed"}, suspend=True), Phase.FAILED),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_step(case: Case) -> None:
    made = step(case.of, *case.pods(case.of), ready=case.ready, settled=case.settled)
    stops = made.status.stopping
    assert made.status.phase is case.phase
    assert (stops.cause if stops else None) is case.cause
    assert tuple(note.reason for note in made.notes) == case.notes


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_view_a_second_time_changes_nothing_more_or_goes_on(case: Case) -> None:
    """No step is taken twice: a status that has changed never comes back to what it was."""
    seen, of = [case.of.status], case.of
    for _ in range(6):
        made = step(of, *case.pods(case.of), ready=case.ready, settled=case.settled)
        if made.status == of.status:
            return
        assert made.status not in seen
        seen.append(made.status)
        of = of.model_copy(update={"status": made.status})
    pytest.fail("it does not come to rest")


def test_only_failures_that_the_job_can_be_blamed_for_count() -> None:
    failed = step(job(status("Running")), worker(job(status("Running")), 0, phase="Failed", exit_code=9))
    lost = step(job(status("Running")), worker(job(status("Running")), 0), ready=frozenset())
    assert failed.status.failures == 1
    assert "exit code 9" in failed.notes[0].message
    assert lost.status.failures == 0


def test_a_single_workers_pod_without_a_status_is_adopted() -> None:
    of = job({"starts": 1, "admittedTime": at(-500)})
    made = step(of, worker(of, 0, "b", start=1, phase="Pending"))
    assert made.status.phase is Phase.STARTING
    assert made.status.allocation is not None
    assert made.status.allocation.nodes == {"b": 1}
    assert made.status.allocation.gpus == 8
    assert (made.status.starts, made.status.restarts) == (2, 1)
    assert made.status.allocation.since == moment(NOW - 500)


def test_a_pod_of_an_earlier_start_is_not_adopted() -> None:
    of = job({"starts": 1})
    assert step(of, worker(of, 0, start=0)).status.phase is Phase.PENDING


def test_a_pod_that_is_being_deleted_is_not_adopted() -> None:
    of = job()
    assert step(of, worker(of, 0, start=0, deleting=True)).status.phase is Phase.PENDING


def test_a_hold_lapses_with_one_of_its_nodes() -> None:
    hold = {"hold": {"pool": "h100", "nodes": {"a": 1, "c": 1}, "since": at(-5), "until": at(60)}}
    made = step(job(hold))
    assert made.status.hold is None
    assert [note.reason for note in made.notes] == ["HoldLapsed"]
    assert step(job(hold), ready=READY | {"c"}).status.hold is not None


def test_a_suspended_job_gives_up_its_hold() -> None:
    hold = {"hold": {"pool": "h100", "nodes": {"a": 1}, "since": at(-5), "until": at(60)}}
    assert step(job(hold, suspend=True)).status.hold is None


def test_a_restart_is_measured_from_placement_to_running() -> None:
    again = {**status("Starting"), "starts": 2}
    assert step(job(again), worker(job(again), 0)).status.restart_seconds == 100
    assert step(job(status("Starting")), worker(job(status("Starting")), 0)).status.restart_seconds is None


def test_eviction_ends_the_protection_of_a_start_and_failure_does_not() -> None:
    evicted = step(job(stopping("Evicted", admittedTime=at(-500))))
    failed = step(job(stopping("WorkerFailed", admittedTime=at(-500), failures=1)))
    assert evicted.status.admitted_time is None
    assert failed.status.admitted_time == moment(NOW - 500)
    assert failed.status.backoff_until == moment(NOW + 30)


CHECKPOINTS = {
    "a first report": (None, at(-30), at(-30)),
    "a newer one": (at(-90), at(-30), at(-30)),
    "an older one": (at(-30), at(-90), at(-30)),
    "one in the future": (at(-30), at(600), at(-30)),
    "no time": (at(-30), "yesterday", at(-30)),
    "a time before all that UTC can say": (at(-30), "0001-01-01T00:00:00+14:00", at(-30)),
    "a time after it": (at(-30), "9999-12-31T23:59:59-14:00", at(-30)),
    "without a zone": (None, "2027-01-15T07:59:00", "2027-01-15T07:59:00Z"),
}


@pytest.mark.parametrize(("known", "reported", "after"), CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_reports_of_checkpoints(known: str | None, reported: str, after: str) -> None:
    fields = {"lastCheckpoint": known} if known else {}
    of = job({**status("Running"), **fields}, meta={"annotations": {"entente.dev/last-checkpoint": reported}})
    assert step(of, worker(of, 0)).status.to_wire()["lastCheckpoint"] == after


def test_an_edit_that_the_gang_cannot_follow_is_told_until_it_is_applied() -> None:
    of = job(status("Running"))
    told = step(of, worker(of, 0, spec="older")).status
    assert [(each.type, each.status) for each in told.conditions] == [("SpecApplied", "False")]
    again = of.model_copy(update={"status": told})
    assert step(again, worker(again, 0)).status.conditions == ()


def test_the_generation_that_was_looked_at_is_told() -> None:
    assert step(job(meta={"generation": 4})).status.observed_generation == 4
