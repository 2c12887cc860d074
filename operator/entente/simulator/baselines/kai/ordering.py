"""Whose job is next: the order of queues and jobs, and which jobs a failure blocks (rules N10, N11).

After pkg/scheduler/plugins/proportion/queue_order/queue_order.go, plugins/priority, framework/session_plugins.go
(`JobOrderFn`) and actions/common/minimal_job_comparison.go of kai-scheduler/KAI-Scheduler.
"""

from typing import NamedTuple

from entente.simulator.baselines.kai.queues import Queue
from entente.simulator.hosts import Gang

_NO_SHARE = 1000.0
"""What each GPU counts as share of a queue that may have none."""


class JobRank(NamedTuple):
    """Place in a queue of a gang, or of a worker beyond an elastic one's least. Victims are taken from the end."""

    minus_priority: int
    surplus: bool
    """Workers beyond the least come after all gangs of their priority, and go before them (N21)."""
    submitted: float
    key: str
    number: int = 0
    """Of a surplus worker, from 1."""


class QueueRank(NamedTuple):
    """Place of a queue among its siblings, the lowest first; with a larger job in front it is never lower."""

    above_fair_share: bool
    above_quota: bool
    minus_priority: int
    uses_zero_share: bool
    share_with_job: float
    share: float
    allocatable: float
    age: int
    name: str


def queue_rank(queue: Queue, total: int, job: int = 0, victims: int = 0) -> QueueRank:
    """The rank of a queue (N10).

    Args:
        queue: Its figures as they are now.
        total: GPUs of the cluster.
        job: GPUs of its first pending job; none for a queue of victims.
        victims: GPUs of the victims taken from it already and of its next one.
    """
    with_job = queue.allocated + job
    allocatable = queue.allocatable
    return QueueRank(
        queue.allocated > queue.fair_share,
        not queue.within_quota(job),
        -queue.priority,
        allocatable == 0 and with_job > 0,
        share_of(with_job - victims, allocatable, total),
        share_of(queue.allocated, allocatable, total),
        # KAI compares the bare figures, and its "no bound" is -1: the lowest of all
        -1.0 if allocatable is None else allocatable,
        queue.age,
        queue.name,
    )


def easier(gang: Gang, failed: Gang) -> bool:
    """Whether a job is tried though this one failed: it has fewer workers, or smaller ones (N11)."""
    return gang.workers < failed.workers or gang.gpus < failed.gpus


class Failures:
    """The least job that failed in an action; all that are not easier are passed over (N11)."""

    def __init__(self) -> None:
        self._least: Gang | None = None

    def blocks(self, gang: Gang) -> bool:
        """Whether the job is passed over."""
        return self._least is not None and not easier(gang, self._least)

    def add(self, gang: Gang) -> None:
        if self._least is None or (gang.workers <= self._least.workers and gang.gpus <= self._least.gpus):
            self._least = gang


def share_of(allocated: int, allocatable: int | None, total: int) -> float:
    """What a queue has of what it may have; of the whole cluster, where nothing bounds it."""
    bound = total if allocatable is None else allocatable
    share = allocated / bound if bound else allocated * _NO_SHARE
    return max(0.0, share)
