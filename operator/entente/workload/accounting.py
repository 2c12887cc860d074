"""What a start of a job has used and lost, and how long it waits after a failure. All amounts are exact to 1/1000."""

from entente.api.job import Retry, StopCause, TrainingJob, TrainingJobStatus
from entente.engine.model import DEFAULT_INTERVAL_S
from entente.workload.moments import seconds

MAX_BACKOFF_S = 3600.0
"""Longest wait before the next start, however often the job failed."""

COUNTED = frozenset({StopCause.WORKER_FAILED, StopCause.START_FAILED})
"""Causes that count against `retry.limit`: what the job can be blamed for."""

_INVOLUNTARY = frozenset(StopCause) - {StopCause.SUSPENDED, StopCause.MAX_SECONDS}
"""Causes by which unsaved work counts as wasted: its owner did not ask for the stop."""

_TOLD = frozenset({StopCause.EVICTED, StopCause.RESIZED})
"""Causes by which the workers had the time to save that they asked for."""


def ended(job: TrainingJob, now: float, cause: StopCause | None) -> TrainingJobStatus:
    """The status with the start that ends now in its sums, and nothing allocated any more.

    Args:
        job: a job with an allocation.
        now: when the last worker was gone.
        cause: why it was stopped; none when it ended by itself.
    """
    status = job.status
    allocation = status.allocation
    if allocation is None:
        return status.model_copy(update={"stopping": None})
    held_from = allocation.placed or allocation.since or status.start_time
    held = max(0.0, now - seconds(held_from)) if held_from else 0.0
    ran = run_seconds(status, now)
    lost = lost_seconds(job, now, cause) if cause in _INVOLUNTARY else 0.0
    return status.model_copy(
        update={
            "allocation": None,
            "stopping": None,
            "start_time": status.start_time,
            "gpu_seconds": round(status.gpu_seconds + held * allocation.gpus, 3),
            "wasted_gpu_seconds": round(status.wasted_gpu_seconds + lost * allocation.gpus, 3),
            "run_seconds": round(status.run_seconds + ran, 3),
        }
    )


def run_seconds(status: TrainingJobStatus, now: float) -> float:
    """How long the present start has been running; nothing until all its workers were ready."""
    if status.start_time is None or status.allocation is None:
        return 0.0
    placed = status.allocation.placed or status.allocation.since
    if placed and status.start_time < placed:
        return 0.0
    return max(0.0, now - seconds(status.start_time))


def lost_seconds(job: TrainingJob, now: float, cause: StopCause | None) -> float:
    """Running time since the last checkpoint of the present start, unless it was told to save and does that."""
    ran = run_seconds(job.status, now)
    checkpoint = job.spec.checkpoint
    if (
        cause in _TOLD
        and checkpoint
        and checkpoint.grace_seconds is not None
        and _had_time(job, checkpoint.grace_seconds)
    ):
        return 0.0
    if job.status.last_checkpoint is not None:
        return min(ran, max(0.0, now - seconds(job.status.last_checkpoint)))
    interval = float(checkpoint.interval_seconds) if checkpoint and checkpoint.interval_seconds else DEFAULT_INTERVAL_S
    return ran % interval


def _had_time(job: TrainingJob, grace_s: int) -> bool:
    stopping = job.status.stopping
    return stopping is None or seconds(stopping.until) - seconds(stopping.since) >= grace_s


def backoff_s(retry: Retry, failures: int) -> float:
    """Seconds before the next start after so many failures: doubled for each."""
    return min(MAX_BACKOFF_S, retry.backoff_seconds * 2.0 ** min(30, max(0, failures - 1)))
