"""Telling a gang to stop, and what becomes of its job once the last worker is gone."""

from dataclasses import dataclass

from entente.api.amounts import count
from entente.api.job import Phase, Queue, StopCause, Stopping, TrainingJob, TrainingJobStatus
from entente.api.reasons import Reason
from entente.engine.model import MIN_GRACE_S
from entente.workload import notes
from entente.workload.accounting import COUNTED, backoff_s, ended
from entente.workload.moments import moment
from entente.workload.notes import Note, with_condition

_KEEPS_ITS_HOLD = frozenset({StopCause.EVICTED, StopCause.RESIZED})
"""Stops that the engine decided: where it also holds GPUs for the job, the job goes there."""

_STARTS_PROTECTION_ANEW = frozenset({StopCause.EVICTED, StopCause.SUSPENDED})
"""Stops after which `minRuntimeSeconds` counts from the next start; after others it goes on counting."""


@dataclass(frozen=True, slots=True)
class Step:
    """A job's status after a step, and what there is to say about the step."""

    status: TrainingJobStatus
    notes: tuple[Note, ...] = ()


def own_grace_s(job: TrainingJob) -> float:
    """Time that the workers get when no notice presses: what they ask for, at least the usual."""
    wanted = job.spec.checkpoint.grace_seconds if job.spec.checkpoint else None
    pod = (job.spec.template.get("spec") or {}).get("terminationGracePeriodSeconds")
    return max(MIN_GRACE_S, float(wanted or 0), float(pod) if isinstance(pod, int) else 0.0)


def stop(job: TrainingJob, now: float, cause: StopCause, message: str, *, grace_s: float | None = None) -> Step:
    """Tell the gang to stop. The status says why before any pod is deleted, so that a restarted operator knows."""
    status = job.status
    counted = cause in COUNTED
    grace = grace_s if grace_s is not None else (MIN_GRACE_S if counted else own_grace_s(job))
    update = {
        "phase": Phase.STOPPING,
        "stopping": Stopping(since=moment(now), until=moment(now + grace), cause=cause, message=message),
        "failures": status.failures + counted,
        "hold": status.hold if cause in _KEEPS_ITS_HOLD else None,
        "conditions": with_condition(
            status.conditions, notes.INTERRUPTED, holds=True, reason=cause.value, message=message, now=now
        ),
    }
    warning = counted or cause is StopCause.MAX_SECONDS
    return Step(status.model_copy(update=update), (Note(_EVENT[cause], message, "Warning" if warning else "Normal"),))


_EVENT = {
    StopCause.EVICTED: "Evicted",
    StopCause.RESIZED: "Resizing",
    StopCause.SUSPENDED: "Suspending",
    StopCause.WORKER_FAILED: "WorkerFailed",
    StopCause.START_FAILED: "StartFailed",
    StopCause.NODE_LOST: "NodeLost",
    StopCause.DISRUPTED: "Disrupted",
    StopCause.MAX_SECONDS: "MaxSecondsExceeded",
}


def stopped(job: TrainingJob, now: float) -> Step:
    """The last worker is gone: the job waits again, is suspended, or has failed."""
    stopping = job.status.stopping
    cause = stopping.cause if stopping else None
    message = stopping.message if stopping else ""
    status = ended(job, now, cause)
    if cause in _STARTS_PROTECTION_ANEW:
        status = status.model_copy(update={"admitted_time": None})
    if cause is StopCause.MAX_SECONDS:
        return failed(status, now, "MaxSecondsExceeded", message)
    if cause in COUNTED and status.failures > job.spec.retry.limit:
        failures = f"the job failed {count(status.failures, 'time')}, and spec.retry.limit is {job.spec.retry.limit}"
        text = f"{failures}; the last time: {message}"
        return failed(status, now, "RetryLimitExceeded", text)
    if job.spec.suspend:
        return suspended(status, now)
    return _waiting_again(job, status, now, cause)


def _waiting_again(job: TrainingJob, status: TrainingJobStatus, now: float, cause: StopCause | None) -> Step:
    update: dict[str, object] = {"phase": Phase.PENDING, "queue": Queue(since=moment(now))}
    if cause not in COUNTED:
        return Step(status.model_copy(update=update))
    wait = backoff_s(job.spec.retry, status.failures)
    update["backoff_until"] = moment(now + wait)
    failures = f"failure {status.failures} of the {job.spec.retry.limit} that spec.retry.limit allows"
    text = f"{failures}; the job starts again in {wait:.0f} s at the earliest"
    return Step(status.model_copy(update=update), (Note("BackOff", text),))


def suspended(status: TrainingJobStatus, now: float) -> Step:
    """The job has no workers and asks for none."""
    queue = Queue(reason=Reason.SUSPENDED, message=Reason.SUSPENDED.message(), since=moment(now))
    update = {
        "phase": Phase.SUSPENDED,
        "queue": queue,
        "hold": None,
        "admitted_time": None,
        "backoff_until": None,
        "conditions": notes.without_condition(status.conditions, notes.INTERRUPTED),
    }
    return Step(status.model_copy(update=update), (Note("Suspended", "the job is suspended and holds no GPUs"),))


def failed(status: TrainingJobStatus, now: float, reason: str, message: str) -> Step:
    update = {
        "phase": Phase.FAILED,
        "completion_time": moment(now),
        "queue": Queue(),
        "hold": None,
        "backoff_until": None,
        "conditions": with_condition(
            notes.without_condition(status.conditions, notes.INTERRUPTED),
            notes.FAILED,
            holds=True,
            reason=reason,
            message=message,
            now=now,
        ),
    }
    return Step(status.model_copy(update=update), (Note("Failed", message, "Warning"),))


def succeeded(job: TrainingJob, now: float) -> Step:
    status = ended(job, now, None)
    message = f"all workers succeeded; the job ran for {status.run_seconds:.0f} s"
    update = {
        "phase": Phase.SUCCEEDED,
        "completion_time": moment(now),
        "queue": Queue(),
        "hold": None,
        "conditions": with_condition(
            notes.without_condition(status.conditions, notes.INTERRUPTED),
            notes.SUCCEEDED,
            holds=True,
            reason="AllWorkersSucceeded",
            message=message,
            now=now,
        ),
    }
    return Step(status.model_copy(update=update), (Note("Succeeded", message),))
