"""The walk: which jobs of a tenant are entitled, and which borrow.

A tenant's jobs go by priority (high first), running before pending, submission (pending ones by the tenant's chosen
order) and name. A job is entitled when the tenant's charge with it and the entitled ones before it stays within its
guarantee; one that does not fit borrows, and the walk goes on.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from entente.api.job import AllocationClass
from entente.engine.estate import Estate
from entente.engine.model import Tenant
from entente.engine.queues import Pending, Queue
from entente.engine.running import Running
from entente.engine.screening import priority_or_default

ENTITLED, BORROWED = AllocationClass.ENTITLED, AllocationClass.BORROWED


@dataclass(frozen=True, slots=True)
class Bounds:
    guaranteed: int
    due: int | None = None
    """Known in the second walk: a job that waited long and is within it shuts the guarantee to those behind it."""


@dataclass(frozen=True, slots=True)
class Walker:
    """What a walk over a tenant's jobs rests on."""

    estate: Estate
    tenant: Tenant
    queue: Queue
    out: Collection[str]
    """Jobs of the queue that wait no longer: GPUs are held for them."""
    bounds: Mapping[str, Bounds]
    """By pool."""

    def held(self) -> list[Running]:
        """The tenant's jobs that GPUs are held for."""
        return [hold for hold in self.estate.holds.values() if hold.tenant == self.tenant.name]

    def basis(self) -> tuple[object, ...]:
        """All that the outcome rests on: the same basis gives the same walk."""
        held = [(hold.job, hold.pool, tuple(hold.nodes.items())) for hold in self.held()]
        out = [key for key in self.out if self.queue.get(key)]
        return (
            self.estate.changed[self.tenant.name],
            self.queue,
            self.queue.changed,
            tuple((pool, bounds, self.estate.built[pool]) for pool, bounds in self.bounds.items()),
            sorted(held, key=lambda h: h[0].key),
            sorted(out),
        )

    def placed(self) -> list[Running]:
        """Running and held jobs, in the order of the walk."""
        found = [*self.estate.by_tenant.get(self.tenant.name, {}).values(), *self.held()]
        return sorted(found, key=lambda r: (-self.priority(r), r.job.submitted, r.job.key))

    def priority(self, running: Running) -> int:
        return priority_or_default(running.job, self.tenant)


@dataclass(slots=True)
class Walk:
    """The outcome for one tenant. Of a pending job it says something only where that is entitled."""

    classes: dict[str, AllocationClass] = field(default_factory=dict)
    """Of running and held jobs, and of the entitled pending ones."""
    homes: dict[str, str] = field(default_factory=dict)
    """The pool in which each entitled pending job counts, in the tenant's order."""
    elsewhere: set[tuple[str, str]] = field(default_factory=set)
    """Pending jobs and pools in which they would be entitled."""
    entitled_workers: dict[str, int] = field(default_factory=dict)
    lending: list[str] = field(default_factory=list)
    """Running and held jobs that others may take something from: those that borrow, and elastic ones."""
    entitled: dict[str, int] = field(default_factory=dict)
    """By pool: entitled charge, running and pending."""
    demand: dict[str, int] = field(default_factory=dict)
    """By pool: charge of everything that runs or could start."""
    pending: dict[str, int] = field(default_factory=dict)
    """By pool: GPUs that pending jobs ask for."""

    def class_of(self, key: str) -> AllocationClass:
        """Of any job that is in the walk."""
        return self.classes.get(key, BORROWED)

    def class_in(self, key: str, pool: str) -> AllocationClass:
        """Of a pending job, were it to start in this pool."""
        return ENTITLED if (key, pool) in self.elsewhere else BORROWED

    def counts_in(self, entry: Pending) -> str:
        """The pool in which a pending job counts: the first in which it would be entitled, else its first."""
        return self.homes.get(entry.job.key, entry.pools[0])

    def put(self, running: Running, workers: int) -> None:
        """A running job is entitled with so many workers; without any it borrows."""
        self.classes[running.job.key] = ENTITLED if workers else BORROWED
        self.entitled_workers[running.job.key] = workers
        if not workers or running.job.elastic:
            self.lending.append(running.job.key)

    def entitle(self, entry: Pending, pool: str) -> None:
        """A pending job is entitled, and counts in this pool."""
        self.classes[entry.job.key] = ENTITLED
        self.homes[entry.job.key] = pool
        self.entitled_workers[entry.job.key] = entry.job.min_workers


def asked(walker: Walker, walk: Walk) -> dict[str, int]:
    """GPUs that the tenant's pending jobs ask for, by the pool in which each counts."""
    found = dict(walker.queue.asked)
    moved = [(e, None) for key in walker.out if (e := walker.queue.get(key))]
    for entry, pool in (*moved, *_elsewhere(walker.queue, walk)):
        gpus = entry.job.workers * entry.job.gpus_per_worker
        found[entry.pools[0]] -= gpus
        if pool is not None:
            found[pool] = found.get(pool, 0) + gpus
    return {pool: gpus for pool, gpus in found.items() if gpus}


def _elsewhere(queue: Queue, walk: Walk) -> Iterable[tuple[Pending, str]]:
    for key, pool in walk.homes.items():
        if (entry := queue.get(key)) and entry.pools[0] != pool:
            yield entry, pool
