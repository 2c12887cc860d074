"""The walk of a tenant whose pools are all `Shared`: charges are GPUs, so that jobs that are alike are skipped at once.

It pays for what runs and for what is entitled, not for what waits.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field

from entente.engine.queues import Group, Pending, Rank
from entente.engine.running import Running
from entente.engine.walk import Bounds, Walk, Walker, asked


def walk_gpus(walker: Walker) -> Walk:
    """Class all running, held and pending jobs of a tenant."""
    return _GpuWalk(walker).run()


@dataclass(slots=True)
class _GpuWalk:
    walker: Walker
    result: Walk = field(default_factory=Walk)
    entitled: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    standing: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Running jobs so far, whatever their class, and entitled pending ones."""
    shut: set[str] = field(default_factory=set)

    def run(self) -> Walk:
        bare = {p: sum(self.walker.estate.bare_on(self.walker.tenant.name, p).values()) for p in self.bounds}
        for pool, gpus in bare.items():
            self.entitled[pool] = self.standing[pool] = gpus
        placed = self.walker.placed()
        firmly = [r for r in placed if not r.on_call]
        self._merge(firmly)
        for running in firmly:
            if running.job.elastic:
                self._further(running)
        for running in placed:
            if running.on_call:
                self._running(running, running.workers)
        demand = defaultdict(int, bare)
        for running in placed:
            demand[running.pool] += running.gpus
        self.result.pending = asked(self.walker, self.result)
        for pool in self.bounds:
            self.result.entitled[pool] = self.entitled[pool]
            self.result.demand[pool] = demand[pool] + self.result.pending.get(pool, 0)
        return self.result

    @property
    def bounds(self) -> dict[str, Bounds]:
        return dict(self.walker.bounds)

    def _merge(self, firmly: list[Running]) -> None:
        """Running jobs and groups of pending ones, by priority, running before pending."""
        groups = self.walker.queue.groups.values()
        heads: list[tuple[Rank, int, Group]] = [(g.entries[0].rank, 0, g) for g in groups if self._may_matter(g)]
        heapq.heapify(heads)
        after = 0
        while heads:
            rank, index, group = heapq.heappop(heads)
            while after < len(firmly) and -self.walker.priority(firmly[after]) <= rank[0]:
                self._running(firmly[after], min(firmly[after].workers, firmly[after].job.min_workers))
                after += 1
            if self._pending(group, index) and index + 1 < len(group.entries):
                heapq.heappush(heads, (group.entries[index + 1].rank, index + 1, group))
        for running in firmly[after:]:
            self._running(running, min(running.workers, running.job.min_workers))

    def _running(self, running: Running, workers: int) -> None:
        pool, gpus = running.pool, workers * running.job.gpus_per_worker
        bounds = self.walker.bounds.get(pool)
        if bounds is None:  # the pool was taken from the tenant: what runs there is borrowed
            self.result.put(running, 0)
            return
        fits = self.entitled[pool] + gpus <= bounds.guaranteed
        if fits:
            self.entitled[pool] += gpus
        self.standing[pool] += gpus
        self.result.put(running, workers if fits else 0)

    def _further(self, running: Running) -> None:
        """The workers of an elastic job beyond its least: entitled one by one as long as they fit."""
        workers = self.result.entitled_workers[running.job.key]
        if not workers:
            return
        pool, per = running.pool, running.job.gpus_per_worker
        room = max(0, self.walker.bounds[pool].guaranteed - self.entitled[pool]) // per
        more = min(running.workers - workers, room)
        self.entitled[pool] += more * per
        self.result.entitled_workers[running.job.key] = workers + more

    def _may_matter(self, group: Group) -> bool:
        """Whether jobs of a group can still be entitled, or shut the guarantee to those behind them."""
        like = group.like
        if any(self._fits(pool, like.least_gpus) for pool in like.pools):
            return True
        return like.old and self._within_due(like.pools[0], like.least_gpus)

    def _fits(self, pool: str, gpus: int) -> bool:
        return pool not in self.shut and self.standing[pool] + gpus <= self.walker.bounds[pool].guaranteed

    def _within_due(self, pool: str, gpus: int) -> bool:
        due = self.walker.bounds[pool].due
        return due is not None and pool not in self.shut and self.standing[pool] + gpus <= due

    def _pending(self, group: Group, index: int) -> bool:
        """Class one job of a group; whether the next ones still matter."""
        entry, like = group.entries[index], group.like
        if entry.job.key in self.walker.out:
            return True
        pools = [pool for pool in like.pools if self._fits(pool, like.least_gpus)]
        if not pools:
            if like.old and self._within_due(like.pools[0], like.least_gpus):
                self.shut.add(like.pools[0])
            return False
        self._entitle(entry, pools)
        return True

    def _entitle(self, entry: Pending, pools: list[str]) -> None:
        self.result.entitle(entry, pools[0])
        self.result.elsewhere.update((entry.job.key, pool) for pool in pools)
        gpus = entry.job.min_workers * entry.job.gpus_per_worker
        self.entitled[pools[0]] += gpus
        self.standing[pools[0]] += gpus
