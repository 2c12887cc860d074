"""The walk of a tenant of `Exclusive` pools: it is charged whole hosts, so that each job counts where it would be."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from entente.engine.estate import Estate
from entente.engine.model import Job
from entente.engine.queues import Pending, waited
from entente.engine.running import Running, gpus_on, without_workers
from entente.engine.walk import BORROWED, Walk, Walker, asked


def walk_hosts(walker: Walker) -> Walk:
    """Class all running, held and pending jobs of a tenant; in `Shared` pools, too."""
    return _HostWalk(walker).run()


class _Tally:
    """A charge that grows: GPUs in a shared pool, hosts in an exclusive one."""

    def __init__(self, estate: Estate, tenant: str, pool: str) -> None:
        self.exclusive = estate.pools[pool].exclusive
        self.gpus = 0
        self.sizes = {h.name: h.node.offered for h in estate.by_pool[pool]} if self.exclusive else {}
        self.own = [h.name for h in estate.by_pool[pool] if self.exclusive and estate.charges.holds_host(tenant, h)]
        mine = set(self.own)
        self.rooms = {h.name: h.capacity for h in estate.by_pool[pool]} if self.exclusive else {}
        """GPUs of each host that may be given out: none of one that takes no pods, though it is charged."""
        self.further = Counter(room for name, room in self.rooms.items() if room and name not in mine)
        """Hosts that are not the tenant's, by size: those that pending jobs may come to need."""
        self.counted: set[str] = set()
        """Own hosts that are charged for already."""
        self.open: dict[str, int] = {}
        """GPUs left on these, where some are."""
        self.unused = {name: self.rooms[name] for name in self.own}
        """Own hosts that are not charged for yet."""
        self.spare: list[int] = []
        """GPUs left on the further hosts that were counted already, where some are."""

    def copy(self) -> "_Tally":
        twin = object.__new__(_Tally)
        twin.exclusive, twin.gpus, twin.sizes, twin.own = self.exclusive, self.gpus, self.sizes, self.own
        twin.rooms = self.rooms
        twin.further, twin.spare = Counter(self.further), list(self.spare)
        twin.counted, twin.open, twin.unused = set(self.counted), dict(self.open), dict(self.unused)
        return twin

    def add_placed(self, gpus: Mapping[str, int]) -> None:
        """Count GPUs on known hosts."""
        if not self.exclusive:
            self.gpus += sum(gpus.values())
            return
        for name, count in gpus.items():
            if name not in self.counted:
                self.counted.add(name)
                self.gpus += self.sizes.get(name, 0)
                self.open[name] = self.unused.pop(name, self.rooms.get(name, 0))
            left = self.open.get(name, 0) - count
            if left > 0:
                self.open[name] = left
            else:
                self.open.pop(name, None)

    def add_wanted(self, workers: int, per_worker: int) -> None:
        """Count workers that have no host yet: they fill the tenant's own hosts first, then further ones."""
        if not self.exclusive:
            self.gpus += workers * per_worker
            return
        placed: dict[str, int] = {}
        for name, free in (*self.open.items(), *self.unused.items()):
            if workers and (slots := min(workers, free // per_worker)):
                placed[name] = slots * per_worker
                workers -= slots
        self.add_placed(placed)
        for index, free in enumerate(self.spare):
            slots = min(workers, free // per_worker)
            self.spare[index] = free - slots * per_worker
            workers -= slots
        self.spare = [free for free in self.spare if free]
        while workers > 0:
            size = self._further_host(workers, per_worker)
            slots = min(workers, size // per_worker)
            if left := size - slots * per_worker:
                self.spare.append(left)
            self.gpus += size
            workers -= slots

    def _further_host(self, workers: int, per_worker: int) -> int:
        """The size of one more host: the smallest that takes all these workers, else the largest there is."""
        sizes = sorted(size for size, count in self.further.items() if count and size >= per_worker)
        if not sizes:
            return per_worker * workers  # more than the pool can hold beside what is counted already
        best = next((size for size in sizes if size // per_worker >= workers), sizes[-1])
        self.further[best] -= 1
        return best


class _HostWalk:
    def __init__(self, walker: Walker) -> None:
        self.walker, self.estate, self.bounds = walker, walker.estate, walker.bounds
        self.placed = walker.placed()
        self.pending = [e for e in walker.queue if e.job.key not in walker.out]
        self.result = Walk()
        name = walker.tenant.name
        self.entitled = {p: _Tally(self.estate, name, p) for p in self.bounds}
        self.standing = {p: _Tally(self.estate, name, p) for p in self.bounds}
        self.all = {p: _Tally(self.estate, name, p) for p in self.bounds}
        self.shut: set[str] = set()

    def run(self) -> Walk:
        self._bare_pods()
        firmly = [r for r in self.placed if not r.on_call]
        for entry in _merge(firmly, self.pending, self.walker.priority):
            if isinstance(entry, Running):
                self._running(entry, min(entry.workers, entry.job.min_workers))
            else:
                self._pending(entry)
        for running in firmly:
            self._further(running)
        for running in (r for r in self.placed if r.on_call):
            self._running(running, running.workers)
        self.result.pending = asked(self.walker, self.result)
        for pool, tally in self.entitled.items():
            self.result.entitled[pool] = tally.gpus
            self.result.demand[pool] = self.all[pool].gpus
        return self.result

    def _bare_pods(self) -> None:
        for pool in self.bounds:
            gpus = self.estate.bare_on(self.walker.tenant.name, pool)
            for tally in (self.entitled[pool], self.standing[pool], self.all[pool]):
                tally.add_placed(gpus)

    def _running(self, running: Running, workers: int) -> None:
        if running.pool not in self.bounds:  # the pool was taken from the tenant: what runs there is borrowed
            self.result.put(running, 0)
            return
        decisive = gpus_on(without_workers(running.nodes, running.workers - workers), running.job.gpus_per_worker)
        trial = self.entitled[running.pool].copy()
        trial.add_placed(decisive)
        fits = trial.gpus <= self.bounds[running.pool].guaranteed
        if fits:
            self.entitled[running.pool] = trial
        self.standing[running.pool].add_placed(decisive)
        self.all[running.pool].add_placed(gpus_on(running.nodes, running.job.gpus_per_worker))
        self.result.put(running, workers if fits else 0)

    def _further(self, running: Running) -> None:
        """The workers of an elastic job beyond its least: entitled one by one as long as they fit."""
        key, least = running.job.key, min(running.workers, running.job.min_workers)
        if running.pool not in self.bounds or self.result.classes[key] is BORROWED:
            return
        kept = without_workers(running.nodes, running.workers - least)
        for count in range(least + 1, running.workers + 1):
            wider = without_workers(running.nodes, running.workers - count)
            more = {n: (w - kept.get(n, 0)) for n, w in wider.items() if w > kept.get(n, 0)}
            trial = self.entitled[running.pool].copy()
            trial.add_placed(gpus_on(more, running.job.gpus_per_worker))
            if trial.gpus > self.bounds[running.pool].guaranteed:
                return
            self.entitled[running.pool], kept = trial, wider
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
                home, self.standing[pool] = pool, trial
                self.entitled[pool].add_wanted(job.min_workers, job.gpus_per_worker)
        if home is not None:
            self.result.entitle(entry, home)
        counts = home or entry.pools[0]
        self.all[counts].add_wanted(job.workers, job.gpus_per_worker)
        due = self.bounds[counts].due
        if home is None and due is not None and self._waited(job, counts) and self._with(job, counts, due):
            self.shut.add(counts)

    def _with(self, job: Job, pool: str, most: int) -> _Tally | None:
        """What the tenant stands at with one more job; none when that is more than `most`."""
        if self.standing[pool].gpus > most:
            return None
        trial = self.standing[pool].copy()
        trial.add_wanted(job.min_workers, job.gpus_per_worker)
        return trial if trial.gpus <= most else None

    def _waited(self, job: Job, pool: str) -> bool:
        return waited(job, self.estate.now) >= self.estate.pools[pool].min_runtime_s


def _merge(
    running: Iterable[Running], pending: Sequence[Pending], priority: Callable[[Running], int]
) -> list[Running | Pending]:
    """By priority, running before pending, each side in its own order (both are sorted by priority already)."""
    ranked: list[tuple[int, int, int, Running | Pending]] = []
    ranked += [(-priority(r), 0, i, r) for i, r in enumerate(running)]
    ranked += [(-p.priority, 1, i, p) for i, p in enumerate(pending)]
    return [entry for _, _, _, entry in sorted(ranked, key=lambda t: t[:3])]
