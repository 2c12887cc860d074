"""A KAI queue: its quota, its limit, and what it has now (rules N1, N2, N7-N9).

After pkg/scheduler/plugins/proportion/resource_share and .../capacity_policy of kai-scheduler/KAI-Scheduler. KAI counts
CPU, memory and GPUs; here a job takes the three in one proportion and the quotas are in that same proportion, so that
all three always say the same and GPUs alone are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

PREEMPTIBLE_BELOW = 100
"""A job of this priority or a higher one is never a victim, and never beyond its queue's quota (N9)."""


def preemptible(priority: int) -> bool:
    """Whether a job of that priority may be evicted (N9, where the job does not say so itself)."""
    return priority < PREEMPTIBLE_BELOW


@dataclass(slots=True)
class Queue:
    """One node of the tree of queues. Jobs are in leaves only; the parents' figures are sums over their leaves."""

    name: str
    quota: int | None
    """GPUs deserved; none: unlimited (KAI writes -1)."""
    limit: int | None = None
    """Most GPUs it may have, its quota included; none: no limit (-1); 0 blocks everything."""
    weight: float = 1.0
    """Over-quota weight; 0: nothing above its quota."""
    priority: int = 100
    """Among its siblings, higher first."""
    parent: "Queue | None" = None
    age: int = 0
    """Rank by creation, the oldest first."""
    usage: float = 0.0
    """Past use over the cluster's capacity (N25); 0 with the feature off, as it is by default."""
    preempt_min_runtime_s: float | None = None
    """Jobs run so long before one of their own queue may evict them; none: as the queue above says."""
    reclaim_min_runtime_s: float | None = None
    """Jobs run so long before one of another queue may evict them."""
    allocated: int = 0
    allocated_non_preemptible: int = 0
    requested: int = 0
    """GPUs of all its jobs, running and pending."""
    fair_share: int = 0
    """As divided last."""

    def __post_init__(self) -> None:
        """Raises ValueError for figures that KAI's own admission refuses."""
        for field, value in (("quota", self.quota), ("limit", self.limit), ("weight", self.weight)):
            if value is not None and value < 0:
                msg = f"queue {self.name}: {field}: {value} given, allowed are 0 and more"
                raise ValueError(msg)

    def path(self) -> Iterator["Queue"]:
        """The queue and its parents, upwards."""
        queue: Queue | None = self
        while queue is not None:
            yield queue
            queue = queue.parent

    @property
    def requestable(self) -> int:
        """What it asks for, as far as its limit allows (N2)."""
        return self.requested if self.limit is None else min(self.limit, self.requested)

    @property
    def allocatable(self) -> int | None:
        """What it may have by right (N7); none: no bound."""
        if self.quota is None:
            return self.limit
        share = max(self.quota, self.fair_share)
        return share if self.limit is None else min(self.limit, share)

    def within_quota(self, gpus: int) -> bool:
        """Whether it is at or below its quota with so many GPUs more."""
        return self.quota is None or self.allocated + gpus <= self.quota

    def request(self, gpus: int) -> None:
        """Jobs with so many GPUs were submitted; gone, where negative."""
        for queue in self.path():
            queue.requested += gpus

    def take(self, gpus: int, *, non_preemptible: bool = False) -> None:
        """A job of its got so many GPUs; gave them back, where negative."""
        for queue in self.path():
            queue.allocated += gpus
            if non_preemptible:
                queue.allocated_non_preemptible += gpus


def over_limit(leaf: Queue, gpus: int) -> bool:
    """Whether a job would bring its queue or one above it beyond a limit (N8)."""
    return any(queue.limit is not None and queue.allocated + gpus > queue.limit for queue in leaf.path())


def non_preemptible_over_quota(leaf: Queue, gpus: int) -> bool:
    """Whether a job would bring those of a queue that cannot be evicted beyond its quota (N8)."""
    return any(
        queue.quota is not None and queue.allocated_non_preemptible + gpus > queue.quota for queue in leaf.path()
    )


def may_have(leaf: Queue, gpus: int, *, non_preemptible: bool) -> bool:
    """Whether no limit and no quota keeps a job from so many GPUs (N8)."""
    return not over_limit(leaf, gpus) and not (non_preemptible and non_preemptible_over_quota(leaf, gpus))
