"""What must be done about a job's pods for its status to come true. Pure, and the same after any crash."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from entente.api.core import PodRecord
from entente.api.job import Phase, TrainingJob
from entente.api.names import LABEL_ATTEMPT
from entente.engine.model import FINAL_PHASES, MIN_GRACE_S
from entente.workload.moments import seconds
from entente.workload.pods import Gang

_LEAST_GRACE_S = 1.0
"""A worker gets at least this long, even when its time was over before it was told."""


@dataclass(frozen=True, slots=True)
class Work:
    create: tuple[tuple[int, str], ...] = ()
    """Rank and node of the workers without a pod."""
    delete: tuple[PodRecord, ...] = ()
    grace_s: float = MIN_GRACE_S
    remove_job: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether the pods are as they should be."""
        return not (self.create or self.delete or self.remove_job)


NOTHING = Work()


def wanted(
    job: TrainingJob,
    gang: Gang | None,
    pods: Sequence[PodRecord],
    now: float,
    *,
    made: Collection[str] = (),
) -> Work:
    """What is missing and what is too much.

    Args:
        job: with the status that is to come true.
        gang: of a job that is starting.
        pods: those that the job's uid owns.
        now: seconds since the epoch.
        made: names of pods that were made and are not seen yet.
    """
    if job.metadata.deletion_timestamp is not None:
        return NOTHING
    phase = job.status.phase
    if phase is Phase.STARTING and gang is not None:
        there = {pod.name for pod in pods}.union(made)
        create = tuple(place for name, place in gang.names().items() if name not in there)
        return Work(create=create, delete=_leftovers(job, pods))
    if phase in {Phase.STARTING, Phase.RUNNING}:
        return Work(delete=_leftovers(job, pods))
    living = tuple(pod for pod in pods if pod.holds_gpus and not pod.deleting)
    if phase is Phase.STOPPING and job.status.stopping is not None:
        left = seconds(job.status.stopping.until) - now
        return Work(delete=living, grace_s=max(_LEAST_GRACE_S, left))
    if phase is Phase.PENDING:
        living = tuple(pod for pod in living if _start_of(pod) != job.status.starts)
    return Work(delete=living, remove_job=phase in FINAL_PHASES and _outlived(job, now))


def expiry(job: TrainingJob) -> float | None:
    """When a finished job is to be deleted."""
    ttl, end = job.spec.ttl_seconds_after_finished, job.status.completion_time
    return seconds(end) + ttl if ttl is not None and end is not None else None


def _outlived(job: TrainingJob, now: float) -> bool:
    at = expiry(job)
    return at is not None and at <= now


def _leftovers(job: TrainingJob, pods: Sequence[PodRecord]) -> tuple[PodRecord, ...]:
    """Pods of earlier starts; the ended ones of the last are kept, since somebody may want to read their logs."""
    current = job.status.starts - 1
    return tuple(
        pod
        for pod in pods
        if not pod.deleting and (_start_of(pod) < current - 1 or (_start_of(pod) != current and pod.holds_gpus))
    )


def _start_of(pod: PodRecord) -> int:
    text = pod.labels.get(LABEL_ATTEMPT, "")
    return int(text) if text.isdigit() else -1
