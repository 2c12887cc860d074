"""A made-up estate of any size that is nearly full, with a backlog: drawn from a seed, the same each time."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bench.shapes import HOST_GPUS, LEVELS, PRIORITIES, Catalogue, Shape
from entente.engine.model import Job, Node, Placement, Pool, Snapshot, Tenant, Terms

POOL = "h100"
NOW = 1_800_000_000.0
BLOCK_HOSTS = 512
RACK_HOSTS = 16
FILL = 0.95
"""Share of the GPUs that run something before the first decision."""

_RUNNING_PER_GPU = 6_000 / 100_000
_PENDING_PER_GPU = 20_000 / 100_000
_PACKED = 0.997
"""Share of the GPUs that is packed at first; jobs are then taken out until `FILL` is left, which leaves gaps."""
_TRIES = 200
_RUN = (None, "default", "high", "frontier")
_WAIT = (None, "default", "low")
"""Priorities: whoever had a higher one has taken the place of a lower one long ago."""
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Party:
    """A tenant of the estate: its terms in thousandths of the capacity, and what it does with them."""

    name: str
    guaranteed: int
    uses: float
    """What its running jobs take, as a multiple of its guarantee."""
    backlog: int
    """Its share of the pending jobs, relative to the others'."""
    arrivals: int
    """Its share of the jobs that arrive, relative to the others'."""
    lends: float | None = None
    """Its lend limit, as a share of its guarantee."""
    borrows: float | None = None
    """Its borrow limit, as a share of its guarantee."""
    weight: int = 1
    shortest_first: bool = False


PARTIES = (
    Party("amber", 180, 1.06, 12, 12),
    Party("basil", 140, 1.0, 10, 10, weight=2),
    Party("cedar", 110, 1.08, 9, 9, borrows=0.4),
    Party("dahlia", 90, 1.0, 8, 8, lends=0.5),
    Party("elder", 80, 1.12, 7, 7, weight=3),
    Party("fern", 70, 0.7, 0, 3, lends=0.8),
    Party("ginger", 55, 1.1, 7, 7, shortest_first=True),
    Party("hazel", 45, 0.6, 0, 2),
    Party("iris", 40, 1.15, 6, 6, borrows=0.5),
    Party("juniper", 35, 1.05, 5, 5, weight=2),
    Party("kale", 30, 0.5, 0, 1, lends=0.2),
    Party("laurel", 25, 1.2, 5, 5, borrows=1.0),
    Party("maple", 20, 1.0, 4, 4, lends=0.0),
    Party("nettle", 15, 1.4, 4, 4, shortest_first=True),
    Party("olive", 10, 0.4, 0, 1, lends=0.5),
    Party("poppy", 0, 0.0, 5, 5),
)
"""Together they are guaranteed 94.5 % of the capacity; who has no guarantee lives on surplus alone.

The estate has been shared before: whoever waits uses its guarantee, and the others lend theirs until jobs of theirs
arrive; nobody waits behind a lower priority of its tenant, or behind workers that an elastic job could do without.
"""


@dataclass(slots=True)
class Estate:
    """The snapshot, and what draws further jobs for it."""

    snapshot: Snapshot
    catalogue: Catalogue
    dice: random.Random
    made: int = 0

    def arrival(self, now: float) -> Job:
        """A job that is submitted now, of one of the shapes and by one of the tenants that ask for something."""
        return self._draw(now, [p.arrivals for p in PARTIES], None)

    def waiting(self, since: float) -> Job:
        """One of the jobs that wait when all begins."""
        return self._draw(since, [p.backlog for p in PARTIES], _WAIT)

    def _draw(self, submitted: float, weights: Sequence[int], among: Sequence[str | None] | None) -> Job:
        self.made += 1
        party = self.dice.choices(PARTIES, weights)[0]
        return self.catalogue.draw(self.dice, among).job(self.made, party.name, submitted)


def make_estate(gpus: int, *, exclusive: bool = False, seed: int = 4) -> Estate:
    """An estate of so many GPUs, a multiple of 8: 95 % in use by 6 jobs per 100 GPUs, with 20 pending ones.

    Raises:
        ValueError: the number of GPUs makes no whole hosts, or fewer than the largest gang needs.
    """
    if gpus % HOST_GPUS or gpus < BLOCK_HOSTS * HOST_GPUS:
        message = f"gpus must be a multiple of {HOST_GPUS} and at least {BLOCK_HOSTS * HOST_GPUS}, not {gpus}"
        raise ValueError(message)
    dice = random.Random(seed)  # noqa: S311 - the draws are to be the same each time, not secret
    nodes = {node.name: node for node in (_host(i) for i in range(gpus // HOST_GPUS))}
    catalogue = Catalogue(dice)
    jobs = _running(dice, catalogue, list(nodes), exclusive=exclusive)
    estate = Estate(_snapshot(gpus, nodes, jobs, exclusive=exclusive), catalogue, dice, made=len(jobs))
    for _ in range(round(gpus * _PENDING_PER_GPU)):
        job = estate.waiting(NOW - dice.uniform(0.0, 2 * _DAY_S))
        jobs[job.key] = job
    return estate


def _host(index: int) -> Node:
    block, rack, name = f"b{index // BLOCK_HOSTS:02d}", f"r{index // RACK_HOSTS:04d}", f"{POOL}-{index:06d}"
    return Node(name, POOL, HOST_GPUS, (block, f"{block}/{rack}", f"{block}/{rack}/{name}"))


def _snapshot(gpus: int, nodes: dict[str, Node], jobs: dict[str, Job], *, exclusive: bool) -> Snapshot:
    pool = Pool(
        POOL,
        LEVELS,
        notice_s=300.0,
        min_runtime_s=600.0,
        max_at_risk_s=3600.0,
        exclusive=exclusive,
        handover_s=None,
        half_life_s=7 * _DAY_S,
    )
    tenants = {p.name: _tenant(p, gpus) for p in PARTIES}
    return Snapshot(NOW, {POOL: pool}, nodes, tenants, jobs)


def _tenant(party: Party, gpus: int) -> Tenant:
    guaranteed = _guaranteed(party, gpus)
    terms = Terms(
        guaranteed,
        None if party.lends is None else round(party.lends * guaranteed),
        None if party.borrows is None else round(party.borrows * guaranteed),
        party.weight,
        borrowed_gpu_s=max(0.0, party.uses - 1) * guaranteed * _DAY_S,
        as_of=NOW,
    )
    return Tenant(
        party.name,
        {POOL: terms},
        priorities=PRIORITIES,
        default_priority=PRIORITIES["default"],
        shortest_first=party.shortest_first,
    )


def _guaranteed(party: Party, gpus: int) -> int:
    """In GPUs, of whole hosts."""
    return gpus * party.guaranteed // (1000 * HOST_GPUS) * HOST_GPUS


def _running(dice: random.Random, catalogue: Catalogue, hosts: Sequence[str], *, exclusive: bool) -> dict[str, Job]:
    """Jobs on hosts: packed as tightly as they go, largest first, then thinned out, so that gaps are left."""
    gpus = len(hosts) * HOST_GPUS
    wanted = round(gpus * _RUNNING_PER_GPU)
    chosen = _of_total(dice, catalogue, round(wanted * _PACKED / FILL), round(gpus * _PACKED))
    room = _Room(len(hosts), exclusive=exclusive)
    used = dict.fromkeys((p.name for p in PARTIES), 0)
    packed: list[tuple[Shape, str, dict[int, int]]] = []
    for shape in sorted(chosen, key=lambda s: (-s.gpus, -s.gpus_per_worker)):
        tenant = max(PARTIES, key=lambda p: (p.uses * _guaranteed(p, gpus) - used[p.name], p.name)).name
        where = room.take(tenant, shape)
        if where is not None:
            packed.append((shape, tenant, where))
            used[tenant] += shape.gpus
    jobs = {}
    for number, (shape, tenant, where) in enumerate(_thinned(dice, packed, wanted, round(gpus * FILL)), start=1):
        started = NOW - dice.uniform(0.0, 0.9) * shape.length_s
        submitted = started - dice.uniform(0.0, _DAY_S)
        job = shape.job(number, tenant, submitted)
        placement = Placement(POOL, {hosts[i]: workers for i, workers in sorted(where.items())})
        jobs[job.key] = shape.running(job, placement, started)
    return jobs


def _of_total(dice: random.Random, catalogue: Catalogue, count: int, gpus: int) -> list[Shape]:
    """So many shapes drawn, and redrawn one by one until together they ask for that many GPUs, or a host less."""
    chosen = [catalogue.draw(dice, _RUN).shrunk for _ in range(count)]
    missing = gpus - sum(s.gpus for s in chosen)
    while not 0 <= missing < HOST_GPUS:
        index, other = dice.randrange(count), catalogue.draw(dice, _RUN).shrunk
        left = missing + chosen[index].gpus - other.gpus
        if abs(left) < abs(missing):
            chosen[index], missing = other, left
    return chosen


def _thinned(
    dice: random.Random, packed: list[tuple[Shape, str, dict[int, int]]], count: int, gpus: int
) -> list[tuple[Shape, str, dict[int, int]]]:
    """So many of them, those of several draws that come nearest to so many GPUs."""
    draws = (dice.sample(range(len(packed)), min(count, len(packed))) for _ in range(_TRIES))
    best = min(draws, key=lambda kept: abs(gpus - sum(packed[i][0].gpus for i in kept)))
    return [packed[i] for i in sorted(best)]


class _Room:
    """Free GPUs of hosts, while jobs are packed: whole hosts in order, parts of hosts by best fit."""

    def __init__(self, hosts: int, *, exclusive: bool) -> None:
        self._hosts = hosts
        self._next = 0
        self._exclusive = exclusive
        self._parts: dict[tuple[str, int], list[int]] = {}
        """Hosts with so many free GPUs; of a tenant, where hosts are not shared."""

    def take(self, tenant: str, shape: Shape) -> dict[int, int] | None:
        """Workers on each host; none where so many do not fit any more."""
        whole, per_host = shape.gpus_per_worker == HOST_GPUS, HOST_GPUS // shape.gpus_per_worker
        if self._next + -(-shape.workers // per_host) > self._hosts and (
            whole or self._parts_for(tenant, shape) is None
        ):
            return None
        where: dict[int, int] = {}
        for _ in range(shape.workers):
            host = self._host_for(tenant, shape.gpus_per_worker)
            where[host] = where.get(host, 0) + 1
        return where

    def _owner(self, tenant: str) -> str:
        return tenant if self._exclusive else ""

    def _parts_for(self, tenant: str, shape: Shape) -> int | None:
        """Whether parts of hosts in use are enough: how many workers they hold, at least those asked for."""
        size, owner = shape.gpus_per_worker, self._owner(tenant)
        held = sum(free // size * len(self._parts.get((owner, free), ())) for free in range(size, HOST_GPUS))
        return held if held >= shape.workers else None

    def _host_for(self, tenant: str, size: int) -> int:
        owner = self._owner(tenant)
        for free in range(size, HOST_GPUS):
            if parts := self._parts.get((owner, free)):
                return self._put(parts.pop(), owner, free - size)
        self._next += 1
        return self._put(self._next - 1, owner, HOST_GPUS - size)

    def _put(self, host: int, owner: str, free: int) -> int:
        if free:
            self._parts.setdefault((owner, free), []).append(host)
        return host
