"""How many GPUs of each host of a pool will be free for a tenant at a later moment, when some jobs have ended."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from entente.engine.cycle import Claim, Cycle
from entente.engine.host import Host
from entente.engine.idle import binding, by_node, not_handed_over, taker_of
from entente.engine.placement import Spot

Freed = Mapping[str, Mapping[str, int]]
"""By job: GPUs that it gives on each node."""

NOTHING: Freed = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Plot:
    """A host at a later moment."""

    host: Host
    base: int
    """GPUs free then, if nobody is evicted."""
    users: Mapping[str, str]
    """The jobs that will still be there, and their tenants."""


class Outlook:
    """The hosts of a claim's pool at a later moment.

    A host on which nothing comes, goes or is reserved is then as it is now: only the others are looked at one by one.
    Who else is on a host matters where hosts are not shared, so that all are looked at closely there.
    """

    def __init__(self, cycle: Cycle, claim: Claim, over: frozenset[str], moment: float) -> None:
        self._cycle, self._pool, self._tenant = cycle, claim.pool, claim.tenant.name
        self._hosts, self._stock = cycle.estate.hosts, cycle.estate.stocks[claim.pool.name]
        self._over, self._moment = over, moment
        self._reserved = by_node(binding(cycle, claim.pool.name, taker_of(cycle, claim)))
        self._ended = Counter[str]()
        for key in over:
            for name in cycle.estate.running[key].nodes:
                if (host := self._hosts.get(name)) and (use := host.using.get(key)):
                    self._ended[name] += use.gpus
        self._changing = {*self._stock.moving, *self._reserved, *self._ended}
        self._bases: dict[str, int | None] = {}
        self._plots: dict[str, Plot] = {}
        self._spots: dict[tuple[str, int, frozenset[str] | None], list[Spot]] = {}
        self._rooms: dict[int, int] = {}

    def base(self, name: str) -> int | None:
        """GPUs free on a host then, if nobody is evicted; none where the claim's tenant cannot come to use it."""
        if name not in self._bases:
            self._bases[name] = self._look(name)
        return self._bases[name]

    def _look(self, name: str) -> int | None:
        host = self._hosts.get(name)
        if host is None or host.node.pool != self._pool.name:
            return None
        if not host.capacity or not_handed_over(host, self._tenant):
            return None
        free = host.capacity - host.staying_gpus
        if name not in self._changing:
            return free
        leaves_by, pool = self._cycle.leaves_by, self._pool
        late = sum(use.gpus for key, use in host.going.items() if leaves_by(key, pool) > self._moment)
        free += self._ended[name] - max(host.held_gpus, late)  # what leaves late goes to the holds first
        for reservation in self._reserved.get(name, ()):
            if pool.exclusive and reservation.tenant != self._tenant:
                return -host.capacity
            free -= reservation.gpus[name]
        return free

    def plot(self, name: str) -> Plot:
        """A host that the claim's tenant may come to use, with who will be on it."""
        if name not in self._plots:
            host, base = self._hosts[name], self.base(name)
            assert base is not None  # noqa: S101 - only such hosts are asked for
            late = {k: u for k, u in host.going.items() if self._cycle.leaves_by(k, self._pool) > self._moment}
            staying = {k: u for k, u in host.using.items() if k not in self._over}
            users = {k: u.tenant for k, u in (*late.items(), *staying.items(), *host.held.items())}
            self._plots[name] = Plot(host, base, users)
        return self._plots[name]

    def plots(self) -> Iterator[Plot]:
        """All hosts that the claim's tenant may come to use."""
        for host in self._cycle.estate.by_pool[self._pool.name]:
            if self.base(host.name) is not None:
                yield self.plot(host.name)

    def occupied(self, plot: Plot, freed: Freed, tenant: str) -> bool:
        """Whether a job of another tenant will still have GPUs on the host."""
        others = [key for key, user in plot.users.items() if user != tenant]
        return any(key not in freed or freed[key].get(plot.host.name, 0) < gpus_of(plot.host, key) for key in others)

    def free(self) -> int:
        """GPUs that are free then, over all hosts of a shared pool."""
        total = self._stock.open
        for name in self._cycle.estate.barred[self._pool.name] - self._changing:
            if self.base(name) is None:
                total -= self._hosts[name].open
        for name in self._changing:
            host = self._hosts.get(name)
            if host is not None and host.node.pool == self._pool.name:
                total += max(0, self.base(name) or 0) - host.open
        return total

    def rooms(self, gpus: int, freed: Freed) -> int:
        """Workers of so many GPUs that find room in a shared pool, once these jobs have given theirs."""
        if gpus not in self._rooms:
            self._rooms[gpus] = sum(spot.free // gpus for spot in self.spots(least=gpus))
        total = self._rooms[gpus]
        for name, more in given_by(freed).items():
            if (base := self.base(name)) is not None:
                total += (base + more) // gpus - max(0, base) // gpus
        return total

    def spots(
        self,
        freed: Freed = NOTHING,
        *,
        least: int = 1,
        only: frozenset[str] | None = None,
        tenant: str | None = None,
    ) -> list[Spot]:
        """Hosts with so many GPUs that are free for a tenant, else the claim's, once these jobs have given theirs."""
        user = self._tenant if tenant is None else tenant
        spots = self._spots_of(user, least, only)
        if not freed:
            return spots
        given = given_by(freed)
        kept = [s for s in spots if s.name not in given]
        inside = given if only is None else given.keys() & only
        return kept + [s for name in inside if (s := self._spot(name, given[name], freed, user)) and s.free >= least]

    def _spots_of(self, tenant: str, least: int, only: frozenset[str] | None) -> list[Spot]:
        key = (tenant, least, only)
        if key not in self._spots:
            names = {*(h.name for h in self._stock.hosts(least)), *self._changing} if only is None else only
            found = (self._spot(name, 0, NOTHING, tenant) for name in names)
            self._spots[key] = [s for s in found if s and s.free >= least]
        return self._spots[key]

    def _spot(self, name: str, given: int, freed: Freed, user: str) -> Spot | None:
        base = self.base(name)
        if base is None or base + given <= 0:
            return None
        host = self._hosts[name]
        if self._pool.exclusive and self.occupied(self.plot(name), freed, user):
            return None
        return Spot(name, host.node.domains, min(base + given, host.capacity), user in host.tenants)


def given_by(freed: Freed) -> Counter[str]:
    """GPUs that these jobs give on each host."""
    given = Counter[str]()
    for nodes in freed.values():
        given.update(nodes)
    return given


def gpus_of(host: Host, key: str) -> int:
    """GPUs of a job on a host, in use or held."""
    use = host.using.get(key) or host.held.get(key)
    return use.gpus if use else 0
