"""The walk: which jobs of a tenant are entitled, and which borrow.

A tenant's jobs go by priority (high first), running before pending, submission (pending ones by the tenant's chosen
order) and name. A job is entitled when the tenant's charge with it and the entitled ones before it stays within its
guarantee; one that does not fit borrows, and the walk goes on.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from entente.api.job import AllocationClass
from entente.engine.estate import Estate, Running, gpus_on, without_workers
from entente.engine.model import Job, Tenant

ENTITLED, BORROWED = AllocationClass.ENTITLED, AllocationClass.BORROWED


@dataclass(frozen=True, slots=True)
class Pending:
    """A pending job that is in the walk."""

    job: Job
    pools: tuple[str, ...]
    """Those that may take it, best first."""
    priority: int


@dataclass(slots=True)
class Walk:
    """The outcome for one tenant."""

    classes: dict[str, AllocationClass] = field(default_factory=dict)
    """Of running and held jobs, and of pending ones in the pool in which they count."""
    counts_in: dict[str, str] = field(default_factory=dict)
    """The pool in which each pending job counts."""
    elsewhere: dict[tuple[str, str], AllocationClass] = field(default_factory=dict)
    """Of a pending job in each pool that may take it."""
    entitled_workers: dict[str, int] = field(default_factory=dict)
    entitled: dict[str, int] = field(default_factory=dict)
    """By pool: entitled charge, running and pending."""
    demand: dict[str, int] = field(default_factory=dict)
    """By pool: charge of everything that runs or could start."""
    pending: dict[str, int] = field(default_factory=dict)
    """By pool: GPUs that pending jobs ask for."""


class _Tally:
    """A charge that grows: GPUs in a shared pool, hosts in an exclusive one."""

    def __init__(self, estate: Estate, tenant: str, pool: str) -> None:
        self.exclusive = estate.pools[pool].exclusive
        self.gpus = 0
        self.sizes = {h.name: h.node.offered for h in estate.by_pool[pool]} if self.exclusive else {}
        self.own = [h.name for h in estate.by_pool[pool] if self.exclusive and estate.holds_host(tenant, h)]
        mine = set(self.own)
        self.further = Counter(size for name, size in self.sizes.items() if size and name not in mine)
        """Hosts that are not the tenant's, by size: those that pending jobs may come to need."""
        self.counted: set[str] = set()
        """Own hosts that are charged for already."""
        self.open: dict[str, int] = {}
        """GPUs left on these, where some are."""
        self.unused = {name: self.sizes[name] for name in self.own}
        """Own hosts that are not charged for yet."""
        self.spare: list[int] = []
        """GPUs left on the further hosts that were counted already, where some are."""

    def copy(self) -> "_Tally":
        twin = object.__new__(_Tally)
        twin.exclusive, twin.gpus, twin.sizes, twin.own = self.exclusive, self.gpus, self.sizes, self.own
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
                self.open[name] = self.unused.pop(name, self.sizes.get(name, 0))
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


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits a tenant in a pool."""

    guaranteed: int
    due: int | None = None
    """Known in the second walk: a job that waited long and is within it shuts the guarantee to those behind it."""


class Walker:
    """Walks the jobs of tenants on one estate."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._placed: dict[str, list[Running]] = {}
        for running in (*estate.running.values(), *estate.holds.values()):
            self._placed.setdefault(running.tenant, []).append(running)

    def walk(self, tenant: Tenant, pending: Sequence[Pending], bounds: Mapping[str, Bounds]) -> Walk:
        """Class all running, held and pending jobs of a tenant. `pending` is in the tenant's order."""
        return _TenantWalk(self.estate, tenant, self._placed.get(tenant.name, []), pending, bounds).run()


def priority_of(job: Job, tenant: Tenant) -> int | None:
    """The value of the job's priority; none when the tenant has no priority of that name."""
    if job.priority is None:
        return tenant.default_priority
    return tenant.priorities.get(job.priority)


class _TenantWalk:
    def __init__(
        self,
        estate: Estate,
        tenant: Tenant,
        placed: Sequence[Running],
        pending: Sequence[Pending],
        bounds: Mapping[str, Bounds],
    ) -> None:
        self.estate, self.tenant, self.bounds = estate, tenant, bounds
        self.placed = sorted(placed, key=lambda r: (-self._priority(r.job), r.job.submitted, r.job.key))
        self.pending = pending
        self.result = Walk()
        self.entitled = {p: _Tally(estate, tenant.name, p) for p in bounds}
        self.standing = {p: _Tally(estate, tenant.name, p) for p in bounds}
        self.all = {p: _Tally(estate, tenant.name, p) for p in bounds}
        self.shut: set[str] = set()

    def _priority(self, job: Job) -> int:
        value = priority_of(job, self.tenant)
        return self.tenant.default_priority if value is None else value

    def run(self) -> Walk:
        self._bare_pods()
        firmly = [r for r in self.placed if not r.on_call]
        for entry in _merge(firmly, self.pending, self._priority):
            if isinstance(entry, Running):
                self._running(entry, min(entry.workers, entry.job.min_workers))
            else:
                self._pending(entry)
        for running in firmly:
            self._further(running)
        for running in (r for r in self.placed if r.on_call):
            self._running(running, running.workers)
        for pool, tally in self.entitled.items():
            self.result.entitled[pool] = tally.gpus
            self.result.demand[pool] = self.all[pool].gpus
        return self.result

    def _bare_pods(self) -> None:
        key = f"pods of {self.tenant.name}"
        for pool in self.bounds:
            for host in self.estate.by_pool[pool]:
                if use := host.using.get(key):
                    for tally in (self.entitled[pool], self.standing[pool], self.all[pool]):
                        tally.add_placed({host.name: use.gpus})

    def _running(self, running: Running, workers: int) -> None:
        if running.pool not in self.bounds:  # the pool was taken from the tenant: what runs there is borrowed
            self.result.classes[running.job.key] = BORROWED
            self.result.entitled_workers[running.job.key] = 0
            return
        decisive = gpus_on(without_workers(running.nodes, running.workers - workers), running.job.gpus_per_worker)
        trial = self.entitled[running.pool].copy()
        trial.add_placed(decisive)
        fits = trial.gpus <= self.bounds[running.pool].guaranteed
        if fits:
            self.entitled[running.pool] = trial
        self.standing[running.pool].add_placed(decisive)
        self.all[running.pool].add_placed(gpus_on(running.nodes, running.job.gpus_per_worker))
        self.result.classes[running.job.key] = ENTITLED if fits else BORROWED
        self.result.entitled_workers[running.job.key] = workers if fits else 0

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
            self.result.elsewhere[job.key, pool] = ENTITLED if trial else BORROWED
            if trial and home is None:
                home, self.standing[pool] = pool, trial
                self.entitled[pool].add_wanted(job.min_workers, job.gpus_per_worker)
        counts = home or entry.pools[0]
        self.result.classes[job.key] = ENTITLED if home else BORROWED
        self.result.entitled_workers[job.key] = job.min_workers if home else 0
        self.result.counts_in[job.key] = counts
        self.result.pending[counts] = self.result.pending.get(counts, 0) + job.workers * job.gpus_per_worker
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


def waited(job: Job, now: float) -> float:
    """Seconds that a job has been pending."""
    return max(0.0, now - (job.submitted if job.pending_since is None else job.pending_since))


def _merge(
    running: Iterable[Running], pending: Sequence[Pending], priority: Callable[[Job], int]
) -> list[Running | Pending]:
    """By priority, running before pending, each side in its own order (both are sorted by priority already)."""
    ranked: list[tuple[int, int, int, Running | Pending]] = []
    ranked += [(-priority(r.job), 0, i, r) for i, r in enumerate(running)]
    ranked += [(-p.priority, 1, i, p) for i, p in enumerate(pending)]
    return [entry for _, _, _, entry in sorted(ranked, key=lambda t: t[:3])]
