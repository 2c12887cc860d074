"""Workloads, as Kueue sees jobs, and the ClusterQueues that they are in.

A workload waits in the queue of its ClusterQueue, or has reserved quota there; one that was told to stop keeps its
reservation until its pods are gone.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

from entente.simulator.baselines.kueue.quota import QuotaNode
from entente.simulator.hosts import Gang


class Shape(NamedTuple):
    """What scheduling depends on: workloads of one queue and shape get the same answer.

    After kubernetes-sigs/kueue `pkg/workload/workload.go` (`computeSchedulingHash`).
    """

    priority: int
    gang: Gang
    """With all its workers."""
    least: int
    """Workers with which it still runs: as many, or fewer (Kueue's partial admission)."""
    flavors: tuple[str, ...]
    """Pools that it may run in, in the order of the ClusterQueue (K9)."""


@dataclass(slots=True, eq=False)
class Workload:
    key: str
    queue: str
    shape: Shape
    created: float
    """Its place in the queue, also after an eviction (K26)."""
    gang: Gang
    """As it was admitted; all of it while it is pending."""
    flavor: str | None = None
    """The pool in which it has reserved quota; none: it is pending."""
    reserved: float = 0.0
    """When it got that quota."""
    evicted: bool = False
    """It was told to stop, and its pods are not gone yet."""
    tried: tuple[int, int] = (0, 0)
    """The flavor to go on with, and the time of the books (`Books.generation`) for which that holds."""

    @property
    def gpus(self) -> int:
        """GPUs of its workers."""
        return self.gang.total

    @property
    def priority(self) -> int:
        """Higher goes first, and may take from lower."""
        return self.shape.priority

    @property
    def rank(self) -> tuple[int, float, str]:
        """Sorts a queue: higher priority first, then first come (K10)."""
        return (-self.shape.priority, self.created, self.key)


class Pending:
    """The waiting workloads of a ClusterQueue with `queueingStrategy: BestEffortFIFO`.

    One that cannot be admitted is parked, with all of its shape, until something is freed; the next in line is then the
    head (K10). A workload whose victims are stopping stays at the head meanwhile. After kubernetes-sigs/kueue
    `pkg/cache/queue/cluster_queue.go` (`requeueIfNotPresent`, `handleInadmissibleHash`, `preemptorWorkload`).
    """

    def __init__(self) -> None:
        self._lines: dict[Shape, list[tuple[float, str, Workload]]] = {}
        self._awake: set[Shape] = set()
        """Shapes in the lines that are not parked."""
        self._parked: set[Shape] = set()
        self._sticky: Workload | None = None

    def push(self, workload: Workload) -> None:
        """A workload waits; it is parked where others of its shape are."""
        shape = workload.shape
        heappush(self._lines.setdefault(shape, []), (workload.created, workload.key, workload))
        if shape not in self._parked:
            self._awake.add(shape)

    def head(self) -> Workload | None:
        sticky = self._sticky
        if sticky is not None and sticky.shape not in self._parked:
            return sticky
        if not self._awake:
            return None
        return min((self._lines[shape][0][2] for shape in self._awake), key=lambda first: first.rank)

    def park(self, shape: Shape) -> None:
        """Workloads of this shape wait for something to be freed."""
        self._parked.add(shape)
        self._awake.discard(shape)

    def wake(self) -> None:
        """Something was freed: everything is tried again."""
        if self._parked:
            self._parked.clear()
            self._awake.update(self._lines)

    def stick(self, head: Workload) -> bool:
        """The head waits for its victims to stop, and stays the head. Returns whether it was not so already."""
        if self._sticky is head:
            return False
        if self._sticky is not None:
            self.push(self._sticky)
        self._take(head)
        self._sticky = head
        return True

    def pop(self, head: Workload) -> None:
        if self._sticky is head:
            self._sticky = None
        else:
            self._take(head)

    def _take(self, head: Workload) -> None:
        line = self._lines[head.shape]
        heappop(line)
        if not line:
            del self._lines[head.shape]
            self._awake.discard(head.shape)


Line = list[tuple[int, float, str, Workload]]
"""Workloads in the order of victims: lower priority first, then the most recently admitted, then by name (K15)."""


@dataclass(slots=True)
class ClusterQueue:
    """A tenant's queue, its quota in each pool, and what has reserved of it."""

    name: str
    quotas: Mapping[str, QuotaNode]
    """By pool, in the tenant's order: Kueue's flavors (K9)."""
    pending: Pending = field(default_factory=Pending)
    _lines: dict[tuple[str, bool], Line] = field(default_factory=dict)

    def reserve(self, workload: Workload, flavor: str, now: float) -> None:
        workload.flavor, workload.reserved = flavor, now
        self.quotas[flavor].add(workload.gpus)
        self._enter(workload)

    def release(self, workload: Workload) -> str:
        """A workload gives its quota back. Returns the pool that it was of.

        Raises:
            ValueError: It has none.
        """
        flavor = workload.flavor
        if flavor is None:
            msg = f"{workload.key}: has no quota to give back"
            raise ValueError(msg)
        self._leave(workload)
        self.quotas[flavor].remove(workload.gpus)
        workload.flavor, workload.gang = None, workload.shape.gang
        return flavor

    def evict(self, workload: Workload) -> None:
        """A workload is told to stop; it has its quota until its pods are gone."""
        self._leave(workload)
        workload.evicted = True
        self._enter(workload)

    def reserving(self, flavor: str, *, evicted: bool) -> Line:
        """What has quota of a pool, of those that stop or of those that do not; not to be changed."""
        return self._lines.get((flavor, evicted), [])

    def _enter(self, workload: Workload) -> None:
        insort(self._lines.setdefault((workload.flavor or "", workload.evicted), []), _victim_order(workload))

    def _leave(self, workload: Workload) -> None:
        line = self._lines[workload.flavor or "", workload.evicted]
        del line[bisect_left(line, _victim_order(workload))]


def _victim_order(workload: Workload) -> tuple[int, float, str, Workload]:
    return (workload.priority, -workload.reserved, workload.key, workload)
