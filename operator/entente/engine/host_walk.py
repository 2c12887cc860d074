"""The walk of a tenant of `Exclusive` pools: it is charged whole hosts, so that each job counts where it would be."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy

from entente.engine.estate import Estate
from entente.engine.model import Job
from entente.engine.queues import Pending
from entente.engine.running import Running, gpus_on, without_workers
from entente.engine.walk import BORROWED, Walk, Walker, asked


def walk_hosts(walker: Walker) -> Walk:
    """Class all running, held and pending jobs of a tenant; in `Shared` pools, too."""
    return _HostWalk(walker).run()


class _Tally:
    """A charge that grows: GPUs in a shared pool, hosts in an exclusive one.

    Args:
        estate: the state of the decision.
        pool: whose hosts count.
        own: hosts of the pool that the tenant is charged for, in order; none in a shared pool.
    """

    def __init__(self, estate: Estate, pool: str, own: Sequence[str]) -> None:
        self._estate, self._pool, self._own = estate, pool, own
        self._exclusive = estate.pools[pool].exclusive
        self.gpus = 0
        self._counted: set[str] = set()
        """Own hosts that are charged for already."""
        self._open: dict[str, int] = {}
        """GPUs left on these, where some are."""
        self._unused = {name: estate.hosts[name].capacity for name in own}
        """GPUs of own hosts that are not charged for yet; of one that takes no pods none may be given out."""
        self._further: Counter[int] | None = None
        """Hosts that are not the tenant's, by size: those that pending jobs may come to need; made when they do."""
        self._spare: list[int] = []
        """GPUs left on the further hosts that were counted already, where some are."""
        self._full_for, self._spent_for = math.inf, math.inf
        """Workers of so many GPUs and more find no room any more on own hosts, and on the spare GPUs."""

    def copy(self) -> "_Tally":
        """Another that goes on from here by itself."""
        twin = copy(self)
        twin.part()
        return twin

    def part(self) -> None:
        """Whatever this is a copy of stays as it is."""
        self._further = None if self._further is None else Counter(self._further)
        self._spare = list(self._spare)
        self._counted, self._open, self._unused = set(self._counted), dict(self._open), dict(self._unused)

    def with_placed(self, gpus: Mapping[str, int]) -> int:
        """The charge with GPUs on known hosts."""
        if not self._exclusive:
            return self.gpus + sum(gpus.values())
        return self.gpus + sum(self._size(name) for name in gpus if name not in self._counted)

    def add_placed(self, gpus: Mapping[str, int]) -> None:
        """Count GPUs on known hosts."""
        self.gpus = self.with_placed(gpus)
        for name, count in gpus.items() if self._exclusive else ():
            if name not in self._counted:
                self._counted.add(name)
                self._open[name] = self._unused.pop(name, 0)
            left = self._open.get(name, 0) - count
            if left > 0:
                self._open[name] = left
            else:
                self._open.pop(name, None)

    def _size(self, name: str) -> int:
        host = self._estate.hosts.get(name)
        return host.node.offered if host and host.node.pool == self._pool else 0

    def add_wanted(self, workers: int, per_worker: int) -> None:
        """Count workers that have no host yet: they fill the tenant's own hosts first, then further ones."""
        if not self._exclusive:
            self.gpus += workers * per_worker
            return
        if per_worker < self._full_for:
            workers = self._fill_own(workers, per_worker)
        if workers and per_worker < self._spent_for:
            workers = self._fill_spare(workers, per_worker)
        while workers > 0:
            size = self._further_host(workers, per_worker)
            slots = min(workers, size // per_worker)
            if left := size - slots * per_worker:
                self._spare.append(left)
                self._spent_for = math.inf
            self.gpus += size
            workers -= slots

    def _fill_own(self, workers: int, per_worker: int) -> int:
        """Fill the tenant's own hosts; how many workers found no room."""
        placed: dict[str, int] = {}
        for name, free in (*self._open.items(), *self._unused.items()):
            if workers and (slots := min(workers, free // per_worker)):
                placed[name] = slots * per_worker
                workers -= slots
        self.add_placed(placed)
        if workers:
            self._full_for = per_worker
        return workers

    def _fill_spare(self, workers: int, per_worker: int) -> int:
        for index, free in enumerate(self._spare):
            slots = min(workers, free // per_worker)
            self._spare[index] = free - slots * per_worker
            workers -= slots
        self._spare = [free for free in self._spare if free]
        if workers:
            self._spent_for = per_worker
        return workers

    def _further_host(self, workers: int, per_worker: int) -> int:
        """The size of one more host: the smallest that takes all these workers, else the largest there is."""
        if self._further is None:
            self._further = Counter(self._estate.layout(self._pool).sizes)
            self._further.subtract(self._estate.hosts[name].capacity for name in self._own)
        sizes = sorted(size for size, count in self._further.items() if count > 0 and size >= per_worker)
        if not sizes:
            return per_worker * workers  # more than the pool can hold beside what is counted already
        best = next((size for size in sizes if size // per_worker >= workers), sizes[-1])
        self._further[best] -= 1
        return best


class _HostWalk:
    def __init__(self, walker: Walker) -> None:
        self.walker, self.estate, self.bounds = walker, walker.estate, walker.bounds
        self.placed = walker.placed()
        self.pending = [e for e in walker.queue if e.job.key not in walker.out]
        self.result = Walk()
        fresh = {pool: _Tally(self.estate, pool, self._own_hosts(pool)) for pool in self.bounds}
        for pool, tally in fresh.items():
            tally.add_placed(self._bare_on(pool))
        self.entitled = fresh
        self.standing = {pool: tally.copy() for pool, tally in fresh.items()}
        self.all = {pool: tally.copy() for pool, tally in fresh.items()}
        self._beyond: set[tuple[str, int, int, int]] = set()
        """Pools, limits and gangs that find no room within them, as the tenant stands."""
        self.shut: set[str] = set()

    def run(self) -> Walk:
        firmly = [r for r in self.placed if not r.on_call]
        for entry in _merge(firmly, self.pending, self.walker.priority):
            if isinstance(entry, Running):
                self._running(entry, min(entry.workers, entry.job.min_workers))
            else:
                self._pending(entry)
        for running in firmly:
            if running.job.elastic:
                self._further(running)
        for running in (r for r in self.placed if r.on_call):
            self._running(running, running.workers)
        self.result.pending = asked(self.walker, self.result)
        for pool, tally in self.entitled.items():
            self.result.entitled[pool] = tally.gpus
            self.result.demand[pool] = self.all[pool].gpus
        return self.result

    def _own_hosts(self, pool: str) -> list[str]:
        """Hosts of an exclusive pool that the tenant is charged for, in order."""
        if not self.estate.pools[pool].exclusive:
            return []
        names = {name for running in self.placed if running.pool == pool for name in running.nodes}
        names.update(self._bare_on(pool))
        hosts, tenant = self.estate.hosts, self.walker.tenant.name
        found = (hosts[name] for name in sorted(names) if name in hosts)
        return [h.name for h in found if h.node.pool == pool and self.estate.charges.holds_host(tenant, h)]

    def _bare_on(self, pool: str) -> Mapping[str, int]:
        return self.estate.bare_on(self.walker.tenant.name, pool)

    def _running(self, running: Running, workers: int) -> None:
        pool, per = running.pool, running.job.gpus_per_worker
        if pool not in self.bounds:  # the pool was taken from the tenant: what runs there is borrowed
            self.result.put(running, 0)
            return
        whole = decisive = gpus_on(running.nodes, per)
        if workers < running.workers:
            decisive = gpus_on(without_workers(running.nodes, running.workers - workers), per)
        fits = self.entitled[pool].with_placed(decisive) <= self.bounds[pool].guaranteed
        if fits:
            self.entitled[pool].add_placed(decisive)
        self._stand(pool).add_placed(decisive)
        self.all[pool].add_placed(whole)
        self.result.put(running, workers if fits else 0)

    def _stand(self, pool: str) -> _Tally:
        """What the tenant stands at, to be changed."""
        self._beyond = {known for known in self._beyond if known[0] != pool}
        return self.standing[pool]

    def _further(self, running: Running) -> None:
        """The workers of an elastic job beyond its least: entitled one by one as long as they fit."""
        key, least = running.job.key, min(running.workers, running.job.min_workers)
        if running.pool not in self.bounds or self.result.classes[key] is BORROWED:
            return
        kept = without_workers(running.nodes, running.workers - least)
        for count in range(least + 1, running.workers + 1):
            wider = without_workers(running.nodes, running.workers - count)
            more = {n: (w - kept.get(n, 0)) for n, w in wider.items() if w > kept.get(n, 0)}
            gpus, entitled = gpus_on(more, running.job.gpus_per_worker), self.entitled[running.pool]
            if entitled.with_placed(gpus) > self.bounds[running.pool].guaranteed:
                return
            entitled.add_placed(gpus)
            kept = wider
            self.result.entitled_workers[key] = count

    def _pending(self, entry: Pending) -> None:
        job = entry.job
        home: str | None = None
        for pool in entry.pools:
            trial = None if pool in self.shut else self._with(job, pool, self.bounds[pool].guaranteed)
            if trial is None:
                continue
            self.result.elsewhere.add((job.key, pool))
            if home is None:
                home = pool
                self._stand(pool)
                self.standing[pool] = trial
                self.entitled[pool].add_wanted(job.min_workers, job.gpus_per_worker)
        if home is not None:
            self.result.entitle(entry, home)
        counts = home or entry.pools[0]
        self.all[counts].add_wanted(job.workers, job.gpus_per_worker)
        due = self.bounds[counts].due
        if home is None and due is not None and self._is_old(entry) and self._with(job, counts, due):
            self.shut.add(counts)

    def _with(self, job: Job, pool: str, most: int) -> _Tally | None:
        """What the tenant stands at with one more job; none when that is more than `most`."""
        asked = (pool, most, job.min_workers, job.gpus_per_worker)
        if self.standing[pool].gpus > most or asked in self._beyond:
            return None
        trial = self.standing[pool].copy()
        trial.add_wanted(job.min_workers, job.gpus_per_worker)
        if trial.gpus > most:
            self._beyond.add(asked)
            return None
        return trial

    def _is_old(self, entry: Pending) -> bool:
        """Whether it has waited the least runtime of its first pool."""
        return self.walker.queue.group_of(entry.job.key).like.old


def _merge(
    running: Iterable[Running], pending: Sequence[Pending], priority: Callable[[Running], int]
) -> list[Running | Pending]:
    """By priority, running before pending, each side in its own order (both are sorted by priority already)."""
    ranked: list[tuple[int, int, int, Running | Pending]] = []
    ranked += [(-priority(r), 0, i, r) for i, r in enumerate(running)]
    ranked += [(-p.priority, 1, i, p) for i, p in enumerate(pending)]
    return [entry for _, _, _, entry in sorted(ranked, key=lambda t: t[:3])]
