"""The state machine of a job: from what is seen of its pods and nodes to its next status. Pure.

    Pending --Start--> Starting --all ready--> Running --all succeeded--> Succeeded
       ^                   |                      |
       |                   +------- stop ---------+
       |                             v
       +---------- waits again -- Stopping --> Suspended | Failed

Persistent states, from which a restarted operator goes on: all of them. `Starting` is written before the pods of a
gang are made and `Stopping` before they are deleted; only a gang of one pod may be made first (`adopted`).
The engine's decisions are the other way in which a status changes: see `decided`.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from entente.api.amounts import count
from entente.api.core import PodRecord
from entente.api.job import Allocation, AllocationClass, Phase, Queue, StopCause, TrainingJob, TrainingJobStatus
from entente.api.names import (
    LABEL_ATTEMPT,
    LABEL_CLASS,
    LABEL_POOL,
    LABEL_RANK,
    LABEL_SPEC,
)
from entente.workload import notes
from entente.workload.accounting import run_seconds
from entente.workload.moments import moment, seconds
from entente.workload.notes import Note, with_condition
from entente.workload.pods import spec_digest
from entente.workload.stopping import Step, stop, stopped, succeeded, suspended

START_TIMEOUT_S = 600.0
"""How long a gang may hold GPUs before all its workers are ready: time to pull a large image."""

_NODES_FAULT = frozenset(
    {"NodeLost", "NodeShutdown", "Shutdown", "Terminated", "UnexpectedAdmissionError", "NodeAffinity", "Preempting"}
)
"""Reasons of a failed pod for which its node is to blame."""


@dataclass(frozen=True, slots=True)
class View:
    """What is known around a job at one moment."""

    now: float
    ready_nodes: AbstractSet[str]
    """Names of the nodes that are there and ready, cordoned ones included."""
    settled: bool = True
    """No request about this job's pods is under way or not seen back yet."""
    start_timeout_s: float = START_TIMEOUT_S


def advance(job: TrainingJob, pods: Sequence[PodRecord], view: View) -> Step:
    """One step of the job; the same status when nothing has changed.

    Args:
        job: with the status that it was last given.
        pods: those that its uid owns, of all its starts.
        view: the rest of what is seen.
    """
    if job.metadata.deletion_timestamp is not None:
        return Step(job.status)
    step = _ADVANCE[job.status.phase](job, pods, view)
    status = _reported(job, step.status, view.now)
    if notes.find(status.conditions, notes.READABLE):
        status = status.model_copy(update={"conditions": notes.without_condition(status.conditions, notes.READABLE)})
    if status.observed_generation != job.metadata.generation:
        status = status.model_copy(update={"observed_generation": job.metadata.generation})
    return Step(status, step.notes)


def of_start(pods: Sequence[PodRecord], start: int) -> list[PodRecord]:
    """The pods of one start of the gang."""
    label = str(start)
    return [pod for pod in pods if pod.labels.get(LABEL_ATTEMPT) == label]


def _pending(job: TrainingJob, pods: Sequence[PodRecord], view: View) -> Step:
    status = job.status
    made = [pod for pod in of_start(pods, status.starts) if not pod.deleting and pod.node]
    if made and view.settled:
        return Step(_adopted(job, made, view.now))
    if job.spec.suspend:
        return suspended(status, view.now)
    if status.hold and not view.ready_nodes >= set(status.hold.nodes):
        text = "a host that was being freed for the job is lost; the operator looks for another"
        return Step(status.model_copy(update={"hold": None}), (Note("HoldLapsed", text),))
    if status.queue.since is None:
        since = job.metadata.creation_timestamp or moment(view.now)
        return Step(status.model_copy(update={"queue": status.queue.model_copy(update={"since": since})}))
    return Step(status)


def _adopted(job: TrainingJob, made: Sequence[PodRecord], now: float) -> TrainingJobStatus:
    """The job has pods that its status does not know: the operator ended between making them and writing it down."""
    nodes: dict[str, int] = {}
    for pod in made:
        if pod.node:
            nodes[pod.node] = nodes.get(pod.node, 0) + 1
    since = job.status.admitted_time or moment(now)
    allocation = Allocation(
        pool=made[0].labels.get(LABEL_POOL, ""),
        workers=len(made),
        gpus=sum(sum(pod.gpus.values()) for pod in made),
        class_=AllocationClass(made[0].labels.get(LABEL_CLASS, AllocationClass.BORROWED)),
        nodes=nodes,
        since=since,
        placed=moment(now),
    )
    return job.status.model_copy(
        update={
            "phase": Phase.STARTING,
            "allocation": allocation,
            "starts": job.status.starts + 1,
            "restarts": job.status.starts,
            "admitted_time": since,
            "queue": Queue(),
            "hold": None,
            "backoff_until": None,
        }
    )


def _starting(job: TrainingJob, pods: Sequence[PodRecord], view: View) -> Step:
    current = of_start(pods, job.status.starts - 1)
    trouble = _trouble(job, current, view)
    if trouble is not None:
        return trouble
    allocation = _allocation(job)
    if sum(_is_up(pod) for pod in current) >= allocation.workers:
        return _started(job, current, view)
    if len(current) < allocation.workers and any(_made_otherwise(job, pod) for pod in current):
        return stop(job, view.now, StopCause.DISRUPTED, "the spec changed while the operator made the workers")
    placed = allocation.placed or allocation.since
    if placed and view.now - seconds(placed) > view.start_timeout_s:
        up = sum(_is_up(pod) for pod in current)
        text = f"ready workers {view.start_timeout_s:.0f} s after the start: {up} of {allocation.workers}"
        return stop(job, view.now, StopCause.START_FAILED, text)
    return Step(job.status)


def _started(job: TrainingJob, current: Sequence[PodRecord], view: View) -> Step:
    status, allocation = job.status, _allocation(job)
    update: dict[str, object] = {"phase": Phase.RUNNING, "start_time": moment(view.now)}
    if status.starts > 1 and allocation.placed:
        update["restart_seconds"] = max(0.0, round(view.now - seconds(allocation.placed), 3))
    if notes.find(status.conditions, notes.INTERRUPTED):
        update["conditions"] = with_condition(
            status.conditions,
            notes.INTERRUPTED,
            holds=False,
            reason="Running",
            message="the job runs again",
            now=view.now,
        )
    workers, gpus = count(allocation.workers, "worker"), count(allocation.gpus, "GPU")
    text = f"the job runs with {workers} on {gpus} of pool {allocation.pool} ({allocation.class_})"
    running = job.model_copy(update={"status": status.model_copy(update=update)})
    if all(pod.phase == "Succeeded" for pod in current):
        return succeeded(running, view.now)
    return Step(running.status, (Note("Started", text),))


def _running(job: TrainingJob, pods: Sequence[PodRecord], view: View) -> Step:
    current = of_start(pods, job.status.starts - 1)
    allocation = _allocation(job)
    if len(current) >= allocation.workers and all(pod.phase == "Succeeded" for pod in current):
        return succeeded(job, view.now)
    trouble = _trouble(job, current, view)
    if trouble is not None:
        return trouble
    if len(current) < allocation.workers:
        text = f"workers of the job that are gone: {allocation.workers - len(current)} of {allocation.workers}"
        return stop(job, view.now, StopCause.DISRUPTED, text)
    limit = job.spec.max_seconds
    if limit is not None and job.status.run_seconds + run_seconds(job.status, view.now) >= limit:
        return stop(job, view.now, StopCause.MAX_SECONDS, f"the job ran for {limit} s, all that spec.maxSeconds allows")
    return Step(_edits_told(job, current, view.now))


def _trouble(job: TrainingJob, current: Sequence[PodRecord], view: View) -> Step | None:
    """What makes a gang stop, in the order in which it is blamed."""
    lost = sorted(node for node in _allocation(job).nodes if node not in view.ready_nodes)
    if lost:
        text = f"host {lost[0]} is gone or not ready; the job lost {count(len(lost), 'host')}"
        return stop(job, view.now, StopCause.NODE_LOST, text)
    if job.spec.suspend:
        return stop(job, view.now, StopCause.SUSPENDED, "somebody set spec.suspend to true")
    going = next((pod for pod in current if pod.deleting), None)
    if going is not None:
        text = f"somebody else deleted worker {going.labels.get(LABEL_RANK)} (pod {going.name})"
        return stop(job, view.now, StopCause.DISRUPTED, text)
    dead = [pod for pod in current if pod.phase == "Failed"]
    for pod in dead:
        if pod.exit_reason in _NODES_FAULT:
            text = f"host {pod.node} ended worker {pod.labels.get(LABEL_RANK)} ({pod.exit_reason})"
            return stop(job, view.now, StopCause.NODE_LOST, text)
    return stop(job, view.now, StopCause.WORKER_FAILED, _obituary(dead[0])) if dead else None


def _obituary(pod: PodRecord) -> str:
    how = f"exit code {pod.exit_code}" if pod.exit_code is not None else "no exit code"
    why = f", {pod.exit_reason}" if pod.exit_reason else ""
    return f"worker {pod.labels.get(LABEL_RANK)} (pod {pod.name}) failed on host {pod.node}: {how}{why}"


def _stopping(job: TrainingJob, pods: Sequence[PodRecord], view: View) -> Step:
    if not view.settled:
        return Step(job.status)
    current = of_start(pods, job.status.starts - 1)
    workers = job.status.allocation.workers if job.status.allocation else 1
    if len(current) >= workers and all(pod.phase == "Succeeded" and not pod.deleting for pod in current):
        return succeeded(job, view.now)
    if any(pod.holds_gpus and (pod.node is None or pod.node in view.ready_nodes) for pod in pods):
        return Step(job.status)
    return stopped(job, view.now)


def _suspended(job: TrainingJob, _: Sequence[PodRecord], view: View) -> Step:
    if job.spec.suspend:
        return Step(job.status)
    update = {"phase": Phase.PENDING, "queue": Queue(since=moment(view.now))}
    return Step(job.status.model_copy(update=update), (Note("Resumed", "the job waits for GPUs again"),))


def _finished(job: TrainingJob, _: Sequence[PodRecord], __: View) -> Step:
    return Step(job.status)


_ADVANCE = {
    Phase.PENDING: _pending,
    Phase.STARTING: _starting,
    Phase.RUNNING: _running,
    Phase.STOPPING: _stopping,
    Phase.SUSPENDED: _suspended,
    Phase.SUCCEEDED: _finished,
    Phase.FAILED: _finished,
}


def _allocation(job: TrainingJob) -> Allocation:
    """The allocation of a job that has one by its phase; an empty one where somebody has edited the status."""
    return job.status.allocation or Allocation(pool="", workers=1, gpus=0, class_=AllocationClass.BORROWED, nodes={})


def _is_up(pod: PodRecord) -> bool:
    return pod.phase == "Succeeded" or (pod.phase == "Running" and pod.ready)


def _made_otherwise(job: TrainingJob, pod: PodRecord) -> bool:
    return pod.labels.get(LABEL_SPEC) != spec_digest(job)


def _edits_told(job: TrainingJob, current: Sequence[PodRecord], now: float) -> TrainingJobStatus:
    """Say so when the spec was changed in a way that the running gang cannot follow."""
    stale = any(_made_otherwise(job, pod) for pod in current)
    told = notes.find(job.status.conditions, notes.SPEC_APPLIED)
    if stale and (told is None or told.status == "True"):
        edits = "workers, gpusPerWorker, priority and template"
        text = f"changes of {edits} wait for the next start: suspend and resume the job to start it anew now"
        conditions = with_condition(
            job.status.conditions, notes.SPEC_APPLIED, holds=False, reason="AtNextStart", message=text, now=now
        )
    elif told is not None and not stale:
        conditions = notes.without_condition(job.status.conditions, notes.SPEC_APPLIED)
    else:
        return job.status
    return job.status.model_copy(update={"conditions": conditions})


def _reported(job: TrainingJob, status: TrainingJobStatus, now: float) -> TrainingJobStatus:
    """Take over the time of the last checkpoint that the trainer reported; one in the future counts later."""
    reported, known = job.reported_checkpoint, status.last_checkpoint
    if reported is None or seconds(reported) > now:
        return status
    saved = moment(seconds(reported))
    if known is not None and saved <= known:
        return status
    return status.model_copy(update={"last_checkpoint": saved})
