"""Whom Kueue evicts for a workload: classic preemption (K14-K17, K19).

The settings are those of the comparison: `reclaimWithinCohort: Any`, `withinClusterQueue: LowerPriority`,
`borrowWithinCohort: Never` (so K18 has no part), no fair sharing. Written from the rules, after kubernetes-sigs/kueue
`pkg/scheduler/preemption/preemption.go` (`classicalPreemptions`, `fillBackWorkloads`, `workloadFits`),
`pkg/scheduler/preemption/classical/{candidate_generator,hierarchical_preemption}.go` and
`pkg/scheduler/preemption/common/ordering.go` (`CandidatesOrdering`).
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from heapq import heapify, heappop, heapreplace
from itertools import takewhile
from typing import NamedTuple

from entente.simulator.baselines.kueue.cohort import Cohort
from entente.simulator.baselines.kueue.quota import QuotaNode
from entente.simulator.baselines.kueue.workloads import ClusterQueue, Workload
from entente.simulator.hosts import Gang, Placed


class Reason(Enum):
    """Why a workload may be evicted; Kueue's own words (K25)."""

    IN_CLUSTER_QUEUE = auto()
    """By a higher priority of its own ClusterQueue."""
    IN_COHORT_RECLAMATION = auto()
    """By a ClusterQueue that takes its own quota back."""


class Target(NamedTuple):
    workload: Workload
    reason: Reason


class Request(NamedTuple):
    queue: str
    priority: int
    gang: Gang
    """All of its workers, or fewer."""


def has_lower(cohort: Cohort, request: Request) -> bool:
    """Whether anything of lower priority runs in the request's own ClusterQueue."""
    queue = cohort.queues[request.queue]
    lines = (queue.reserving(cohort.flavor, evicted=evicted) for evicted in (True, False))
    return any(line and line[0][0] < request.priority for line in lines)


class _Lender(NamedTuple):
    """A ClusterQueue that uses more than its own quota, so that others may take it back."""

    queue: ClusterQueue
    below: tuple[QuotaNode, ...]
    """Itself and the cohorts between it and the nearest one that it shares with the preemptor."""
    advantage: bool
    """The preemptor's request is within the quota of a node that the lender is not below (K16)."""

    def borrows(self) -> bool:
        """Whether it still yields victims (K14, K19)."""
        return all(node.borrows_with() for node in self.below)


class Preemption:
    """The search for the victims of one workload.

    Args:
        cohort: Where they are sought.
        preemptor: For whom.
        placed: Whether its gang must find hosts too; without, the answer is about quota alone.
    """

    def __init__(self, cohort: Cohort, preemptor: Request, *, placed: bool) -> None:
        self._cohort = cohort
        self._preemptor = preemptor
        self._queue = cohort.queues[preemptor.queue]
        self._quota = self._queue.quotas[cohort.flavor]
        self._placed = placed
        self._lenders = self._found_lenders()
        self._off_hosts: dict[str, Placed] = {}
        self.freed_in_vain: Mapping[str, int] | None = None
        """After a first attempt in vain: free GPUs of each host once all its victims are gone."""

    def targets(self) -> list[Target]:
        """The victims, in the order in which they were chosen; none if no set of them makes the workload fit (K19)."""
        for borrowing in self._attempts():
            removed: list[Target] = []
            for target in self._candidates(borrowing=borrowing):
                self._remove(target.workload)
                removed.append(target)
                if self._fits(borrowing=borrowing):
                    kept = self._filled_back(removed, borrowing=borrowing)
                    self._restore(kept)
                    return kept
            if self._placed and self.freed_in_vain is None:
                self.freed_in_vain = self._cohort.free_by_host()
            self._restore(removed)
        return []

    def _found_lenders(self) -> list[_Lender]:
        """ClusterQueues above their quota, from the nearest cohort outwards (K14, K16)."""
        lenders: list[_Lender] = []
        quota, requested = self._quota, self._preemptor.gang.total
        advantage = not quota.borrows_with(requested)
        requested = max(0, requested - quota.local_available())
        done = quota
        for cohort in quota.path():
            for child in cohort.children:
                if child is not done:
                    self._collect(child, (), lenders, advantage=advantage)
            advantage = advantage or not cohort.borrows_with(requested)
            requested = max(0, requested - cohort.local_available())
            done = cohort
        return lenders

    def _collect(
        self, node: QuotaNode, above: tuple[QuotaNode, ...], lenders: list[_Lender], *, advantage: bool
    ) -> None:
        if not node.borrows_with():
            return
        below = (node, *above)
        for child in node.children:
            self._collect(child, below, lenders, advantage=advantage)
        if node.children:
            return
        queue, flavor = self._cohort.queues[node.name], self._cohort.flavor
        if queue.reserving(flavor, evicted=False) or queue.reserving(flavor, evicted=True):
            lenders.append(_Lender(queue, below, advantage))

    def _attempts(self) -> Iterator[bool]:
        """With which leave to borrow, after the evictions, victims are sought, one try after the other (K17).

        Tries that cannot succeed are left out: without borrowing where all lower work of the own ClusterQueue is too
        little to stay within quota, or where that has no candidates more.
        """
        if not self._lenders or self._quota.usage >= self._quota.nominal:
            yield True
        elif not any(lender.advantage for lender in self._lenders):
            if self._may_stay_within():
                yield False
            yield True
        else:
            yield True
            if not all(lender.advantage for lender in self._lenders) and self._may_stay_within():
                yield False

    def _may_stay_within(self) -> bool:
        own = sum(target.workload.gpus for evicted in (True, False) for target in self._own(evicted=evicted))
        return not self._quota.borrows_with(self._preemptor.gang.total - own)

    def _candidates(self, *, borrowing: bool) -> Iterator[Target]:
        """Candidates in order: evicted ones first, of others before one's own, of those with an advantage first (K15).

        Without an advantage over it a lender is not touched by a workload that then borrows itself (K17).
        """
        near = [lender for lender in self._lenders if lender.advantage]
        far = [] if borrowing else [lender for lender in self._lenders if not lender.advantage]
        for evicted in (True, False):
            yield from self._foreign(near, evicted=evicted)
            yield from self._foreign(far, evicted=evicted)
            yield from self._own(evicted=evicted)

    def _foreign(self, lenders: Sequence[_Lender], *, evicted: bool) -> Iterator[Target]:
        """Workloads of these lenders, each as long as it borrows: while victims are chosen, none begins to again."""
        lines = [lender.queue.reserving(self._cohort.flavor, evicted=evicted) for lender in lenders]
        heads = [(*line[0], number, 0) for number, line in enumerate(lines) if line]
        heapify(heads)
        while heads:
            *_, workload, number, place = heads[0]
            if not lenders[number].borrows():
                heappop(heads)
                continue
            line = lines[number]
            if place + 1 < len(line):
                heapreplace(heads, (*line[place + 1], number, place + 1))
            else:
                heappop(heads)
            yield Target(workload, Reason.IN_COHORT_RECLAMATION)

    def _own(self, *, evicted: bool) -> Iterator[Target]:
        """Workloads of the own ClusterQueue of lower priority (K14)."""
        limit = self._preemptor.priority
        line = self._queue.reserving(self._cohort.flavor, evicted=evicted)
        for *_, workload in takewhile(lambda entry: entry[0] < limit, line):
            yield Target(workload, Reason.IN_CLUSTER_QUEUE)

    def _fits(self, *, borrowing: bool) -> bool:
        preemptor, quota = self._preemptor, self._quota
        if not borrowing and quota.borrows_with(preemptor.gang.total):
            return False
        if preemptor.gang.total > quota.available():
            return False
        return not self._placed or self._cohort.hosts.fits(preemptor.queue, preemptor.gang)

    def _filled_back(self, removed: Sequence[Target], *, borrowing: bool) -> list[Target]:
        """Put back, from the second last to the first, each without which the workload still fits (K19)."""
        kept = [removed[-1]]
        for target in reversed(removed[:-1]):
            self._put_back(target.workload)
            if not self._fits(borrowing=borrowing):
                self._remove(target.workload)
                kept.append(target)
        kept.reverse()
        return kept

    def _remove(self, workload: Workload) -> None:
        self._cohort.queues[workload.queue].quotas[self._cohort.flavor].remove(workload.gpus)
        if self._placed:
            self._off_hosts[workload.key] = self._cohort.hosts.release(workload.key)

    def _put_back(self, workload: Workload) -> None:
        self._cohort.queues[workload.queue].quotas[self._cohort.flavor].add(workload.gpus)
        if self._placed:
            self._cohort.hosts.restore(workload.key, self._off_hosts.pop(workload.key))

    def _restore(self, removed: Sequence[Target]) -> None:
        for target in removed:
            self._put_back(target.workload)
