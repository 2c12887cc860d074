"""How many GPUs of each host of a pool will be free for a tenant at a later moment, when some jobs have ended."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from entente.engine.coming import Coming, coming
from entente.engine.cycle import Claim, Cycle
from entente.engine.host import Host
from entente.engine.idle import bonds_of, not_handed_over, taker_of
from entente.engine.model import Pool
from entente.engine.placement import Shape, Spot
from entente.engine.reservations import Bonds, Reservation

Freed = Mapping[str, Mapping[str, int]]
"""By job: GPUs that it gives on each node."""

NOTHING: Freed = MappingProxyType({})

_MOST_KEPT = 32
"""Outlooks kept for claims that come; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A host at a later moment."""

    host: Host
    base: int
    """GPUs free then, if nobody is evicted."""
    users: Mapping[str, str]
    """The jobs that will still be there, and their tenants."""


class View(NamedTuple):
    pool: str
    tenant: str
    """Whose eyes it is seen with; nobody's in particular where all see the same."""
    over: frozenset[str]
    moment: float
    sign: int
    """Of the reservations that are respected."""


class Outlook:
    """The hosts of a pool at a later moment.

    Args:
        cycle: the decision under way.
        pool: whose hosts.
        tenant: whose eyes they are seen with.
        over: running jobs that have ended by then.
        moment: on the clock of the snapshots, in seconds.
        bound: the reservations that are respected.
    """

    def __init__(
        self,
        cycle: Cycle,
        pool: Pool,
        tenant: str,
        over: frozenset[str],
        moment: float,
        bound: Sequence[Reservation],
    ) -> None:
        self._cycle, self._pool, self._tenant = cycle, pool, tenant
        self._hosts, self._stock = cycle.estate.hosts, cycle.estate.stocks[pool.name]
        self.over, self._moment = over, moment
        self.ended: Counter[str] = Counter()
        """By tenant: GPUs of its jobs that have ended."""
        self._ended: Counter[str] = Counter()
        self.reserved: Counter[str] = Counter()
        """By host: GPUs that are reserved for others."""
        self._closed: set[str] = set()
        """Hosts that are another tenant's by a reservation, where hosts are not shared."""
        self._free: dict[str, int] = dict(self._stock.open_on)
        """By host that has any: GPUs that are free then."""
        self._counts = Counter(self._stock.counts)
        """How many hosts have so many GPUs free then."""
        self._bases: dict[str, int | None] = {}
        self._plots: dict[str, Plot] = {}
        self._whole: int | None = None
        self._rooms: dict[tuple[int, frozenset[str] | None], int] = {}
        self._most_together: dict[tuple[int, str], int] = {}
        self._spots: dict[tuple[str, int, frozenset[str] | None], list[Spot]] = {}
        self._seen = len(cycle.estate.touched[pool.name])
        changed = {*self._stock.moving, *cycle.estate.barred[pool.name], *self._end(over), *self._reserve(bound)}
        for name in changed:
            self._look(name)

    def _end(self, over: Iterable[str]) -> set[str]:
        """More jobs have ended; the hosts that they were on."""
        changed = set[str]()
        for key in over:
            running = self._cycle.estate.running[key]
            for name in running.nodes:
                host = self._hosts.get(name)
                if host and host.node.pool == self._pool.name and (use := host.using.get(key)):
                    self._ended[name] += use.gpus
                    self.ended[running.tenant] += use.gpus
                    changed.add(name)
        return changed

    def _reserve(self, bound: Iterable[Reservation]) -> set[str]:
        """More reservations are respected; the hosts that they are for."""
        changed = set[str]()
        for reservation in bound:
            changed.update(reservation.gpus)
            for name, gpus in reservation.gpus.items():
                self.reserved[name] += gpus
            if self._pool.exclusive and reservation.tenant != self._tenant:
                self._closed.update(reservation.gpus)
        return changed

    def extend(self, over: frozenset[str], moment: float, bound: Iterable[Reservation]) -> None:
        """Another moment, by which more jobs have ended, and further reservations; what this is a copy of stays."""
        self.ended, self._ended, self.reserved = self.ended.copy(), self._ended.copy(), self.reserved.copy()
        self._closed, self._free, self._counts = set(self._closed), dict(self._free), self._counts.copy()
        self._bases, self._plots = dict(self._bases), {}
        self._whole, self._rooms, self._most_together, self._spots = None, {}, {}, {}
        changed = self._end(over - self.over) | self._reserve(bound)
        changed |= coming(self._cycle, self._pool).left_between(self._moment, moment)
        self.over, self._moment = over, moment
        for name in changed:
            self._look(name)

    def catch_up(self) -> None:
        touched = self._cycle.estate.touched[self._pool.name]
        if self._seen < len(touched):
            for name in {*touched[self._seen :]}:
                self._look(name)
                self._plots.pop(name, None)
            self._seen = len(touched)
            self._whole = None
            self._rooms.clear()
            self._most_together.clear()
            self._spots.clear()

    def _look(self, name: str) -> None:
        base = self._bases[name] = self._base(name)
        free = max(0, base or 0)
        before = self._free.get(name, 0)
        if free != before:
            self._counts[before] -= 1
            self._counts[free] += 1
            if free:
                self._free[name] = free
            else:
                del self._free[name]

    def base(self, name: str) -> int | None:
        """GPUs free on a host then, if nobody is evicted; none where the tenant cannot come to use it."""
        if name not in self._bases:
            self._bases[name] = self._base(name)
        return self._bases[name]

    def _base(self, name: str) -> int | None:
        host = self._hosts.get(name)
        if host is None or host.node.pool != self._pool.name:
            return None
        if not host.capacity or not_handed_over(host, self._tenant):
            return None
        if name in self._closed:
            return -host.capacity
        busy = host.held_gpus
        if host.going:  # what leaves late goes to the holds first
            leaves_by, pool = self._cycle.leaves_by, self._pool
            late = sum(use.gpus for key, use in host.going.items() if leaves_by(key, pool) > self._moment)
            busy = max(busy, late)
        base = host.capacity - host.staying_gpus - busy + self._ended[name] - self.reserved[name]
        return min(base, host.capacity)

    def plot(self, name: str) -> Plot:
        """A host that the tenant may come to use, with who will be on it."""
        if name not in self._plots:
            host, base = self._hosts[name], self.base(name)
            assert base is not None  # noqa: S101 - only such hosts are asked for
            late = {k: u for k, u in host.going.items() if self._cycle.leaves_by(k, self._pool) > self._moment}
            staying = {k: u for k, u in host.using.items() if k not in self.over}
            users = {k: u.tenant for k, u in (*late.items(), *staying.items(), *host.held.items())}
            self._plots[name] = Plot(host, base, users)
        return self._plots[name]

    def occupied(self, plot: Plot, freed: Freed, tenant: str) -> bool:
        """Whether a job of another tenant will still have GPUs on the host."""
        others = [key for key, user in plot.users.items() if user != tenant]
        return any(key not in freed or freed[key].get(plot.host.name, 0) < gpus_of(plot.host, key) for key in others)

    def free(self) -> int:
        """GPUs that are free then, over all hosts, whoever is on them."""
        return sum(free * count for free, count in self._counts.items())

    def whole(self) -> int:
        """GPUs of the hosts that nobody will be on, nor has reserved, where hosts are not shared."""
        if self._whole is None:
            sizes = ((free, self._hosts[name].capacity) for name, free in self._free.items())
            self._whole = sum(free for free, capacity in sizes if free == capacity)
        return self._whole

    def rooms(self, gpus: int, freed: Freed = NOTHING, only: frozenset[str] | None = None) -> int:
        """Workers of so many GPUs that find room in a shared pool, once these jobs have given theirs."""
        total = self._rooms_at_first(gpus, only)
        for name, more in given_by(freed).items() if freed else ():
            if (only is None or name in only) and (base := self.base(name)) is not None:
                total += max(0, base + more) // gpus - max(0, base) // gpus
        return total

    def _rooms_at_first(self, gpus: int, only: frozenset[str] | None) -> int:
        key = (gpus, only)
        if key not in self._rooms:
            if only is None:
                self._rooms[key] = sum(free // gpus * count for free, count in self._counts.items())
            else:
                self._rooms[key] = sum(self._free.get(name, 0) // gpus for name in only)
        return self._rooms[key]

    def holds(self, shape: Shape) -> bool:
        """Whether the least number of workers finds room in a shared pool, in one domain where that is required."""
        if shape.level is None or not shape.required:
            return self.rooms(shape.gpus_per_worker) >= shape.least
        known = shape.level in self._pool.levels
        return known and self._together(shape.gpus_per_worker, shape.level) >= shape.least

    def _together(self, gpus: int, level: str) -> int:
        """Workers of so many GPUs that find room in one domain, at the most."""
        key = (gpus, level)
        if key not in self._most_together:
            rooms, index = Counter[str](), self._pool.levels.index(level)
            for name, free in self._free.items():
                if free >= gpus and (domain := self._hosts[name].node.domains[index]):
                    rooms[domain] += free // gpus
            self._most_together[key] = max(rooms.values(), default=0)
        return self._most_together[key]

    def spots(
        self, tenant: str, *, freed: Freed = NOTHING, least: int = 1, only: frozenset[str] | None = None
    ) -> list[Spot]:
        """Hosts with so many GPUs that are free for a tenant once these jobs have given theirs."""
        spots = self._spots_of(tenant, least, only)
        if not freed:
            return spots
        given = given_by(freed)
        kept = [s for s in spots if s.name not in given]
        inside = given if only is None else given.keys() & only
        for name in inside:
            if (base := self.base(name)) is not None and base + given[name] >= least:
                kept += self._spot(name, base + given[name], freed, tenant)
        return kept

    def _spots_of(self, tenant: str, least: int, only: frozenset[str] | None) -> list[Spot]:
        key = (tenant, least, only)
        if key not in self._spots:
            free = self._free if only is None else {name: self._free.get(name, 0) for name in only}
            enough = [(name, gpus) for name, gpus in free.items() if gpus >= least]
            self._spots[key] = [spot for name, gpus in enough for spot in self._spot(name, gpus, NOTHING, tenant)]
        return self._spots[key]

    def _spot(self, name: str, free: int, freed: Freed, tenant: str) -> Iterable[Spot]:
        host = self._hosts[name]
        if self._pool.exclusive and self.occupied(self.plot(name), freed, tenant):
            return ()
        return (Spot(name, host.node.domains, min(free, host.capacity), tenant in host.tenants),)


def outlook(cycle: Cycle, claim: Claim, over: frozenset[str], moment: float) -> Outlook:
    """What a claim will find at a moment: made anew only if no claim of the decision looked at anything alike."""
    pool, name, known = claim.pool, claim.tenant.name, cycle.outlooks
    bonds = bonds_of(cycle, pool.name, taker_of(cycle, claim))
    if claim.job.key in cycle.reserved:
        bonds = bonds.without(claim.job.key, cycle.signs)
    tenant = name if pool.exclusive or cycle.estate.barred[pool.name] else ""
    view = View(pool.name, tenant, over, moment, bonds.sign)
    found = known.pop(view, None)
    if found is None and (near := _nearest(known, view, bonds, coming(cycle, pool))) is not None:
        known[near].catch_up()
        found = copy(known[near])
        found.extend(over, moment, bonds.bound[bonds.places[near.sign] :])
    if found is None:
        found = Outlook(cycle, pool, tenant, over, moment, bonds.bound)
    found.catch_up()
    known[view] = found
    if len(known) > _MOST_KEPT:
        del known[next(iter(known))]
    return found


def _nearest(known: Iterable[View], view: View, bonds: Bonds, soon: Coming) -> View | None:
    """The one from which the fewest ends, reservations and leaving jobs are missing, with none too many."""
    missing: list[tuple[int, int, View]] = []
    left = soon.left_by(view.moment)
    for serial, other in enumerate(known):
        ends, place = len(view.over) - len(other.over), bonds.places.get(other.sign)
        if other.pool == view.pool and other.tenant == view.tenant and ends >= 0 and place is not None:
            leaving = abs(left - soon.left_by(other.moment))
            missing.append((ends + len(bonds.bound) - place + leaving, serial, other))
    return next((other for _, _, other in sorted(missing) if other.over <= view.over), None)


def given_by(freed: Freed) -> dict[str, int]:
    """GPUs that these jobs give on each host."""
    given: dict[str, int] = {}
    for nodes in freed.values():
        for name, gpus in nodes.items():
            given[name] = given.get(name, 0) + gpus
    return given


def gpus_of(host: Host, key: str) -> int:
    """GPUs of a job on a host, in use or held."""
    use = host.using.get(key) or host.held.get(key)
    return use.gpus if use else 0
