"""The search for Kueue's victims, read plainly from the rules: all candidates in one list, every attempt in full.

For a cohort without cohorts in it (K14, K15, K17, K19).
"""

from collections.abc import Mapping, Sequence

from entente.simulator.baselines.kueue.cohort import Cohort
from entente.simulator.baselines.kueue.preemption import Request
from entente.simulator.baselines.kueue.workloads import Workload

_Gone = list[tuple[Workload, Mapping[str, int]]]


class Reference:
    """One search.

    Args:
        site: As it stands; it is changed on trial, and as before afterwards.
        request: For what.
    """

    def __init__(self, site: Cohort, request: Request) -> None:
        self.site, self.request = site, request
        self.own = site.queues[request.queue].quotas[site.flavor]
        self.advantage = self.own.usage + request.gang.total <= self.own.nominal

    def victims(self) -> list[str]:
        """Their keys, in the order in which they were chosen."""
        candidates = self._candidates()
        for borrowing in self._attempts(candidates):
            gone = self._removed(candidates, borrowing=borrowing)
            if gone and self._fits(borrowing=borrowing):
                return self._filled_back(gone, borrowing=borrowing)
            for it, nodes in gone:
                self._put_back(it, nodes)
        return []

    def _over(self, queue: str) -> bool:
        quota = self.site.queues[queue].quotas[self.site.flavor]
        return quota.usage > quota.nominal

    def _candidates(self) -> list[Workload]:
        return [
            entry[-1]
            for evicted in (True, False)
            for foreign in (True, False)
            for entry in sorted(self._lines(evicted=evicted, foreign=foreign))
        ]

    def _lines(self, *, evicted: bool, foreign: bool) -> list[tuple[int, float, str, Workload]]:
        return [
            (it.priority, -it.reserved, it.key, it)
            for name, queue in self.site.queues.items()
            if (name != self.request.queue) is foreign
            for *_, it in queue.reserving(self.site.flavor, evicted=evicted)
            if (self._over(name) if foreign else it.priority < self.request.priority)
        ]

    def _attempts(self, candidates: Sequence[Workload]) -> list[bool]:
        foreign = any(it.queue != self.request.queue for it in candidates)
        if not foreign or self.own.usage >= self.own.nominal:
            return [True]
        return [True, False] if self.advantage else [False, True]

    def _removed(self, candidates: Sequence[Workload], *, borrowing: bool) -> _Gone:
        gone: _Gone = []
        for it in candidates:
            if it.queue != self.request.queue and ((borrowing and not self.advantage) or not self._over(it.queue)):
                continue
            gone.append((it, self.site.free(it).workers_on))
            if self._fits(borrowing=borrowing):
                break
        return gone

    def _fits(self, *, borrowing: bool) -> bool:
        gang = self.request.gang
        within = self.own.usage + gang.total <= self.own.nominal
        enough = gang.total <= self.own.available() and self.site.hosts.fits(self.request.queue, gang)
        return enough and (borrowing or within)

    def _filled_back(self, gone: _Gone, *, borrowing: bool) -> list[str]:
        kept = [gone[-1]]
        for it, nodes in reversed(gone[:-1]):
            self._put_back(it, nodes)
            if not self._fits(borrowing=borrowing):
                self.site.free(it)
                kept.append((it, nodes))
        for it, nodes in kept:
            self._put_back(it, nodes)
        return [it.key for it, _ in reversed(kept)]

    def _put_back(self, it: Workload, nodes: Mapping[str, int]) -> None:
        self.site.admit(it, it.gang, nodes, it.reserved)
