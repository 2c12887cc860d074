"""A node of a pool, and who uses, leaves and holds GPUs on it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from entente.engine.model import Node


@dataclass(frozen=True, slots=True)
class Use:
    """GPUs of one job (or bare pods) on a host."""

    tenant: str
    gpus: int


@dataclass(slots=True, eq=False)
class Host:
    """A node of a pool and what is on it. Changed by the estate only, which keeps the sums."""

    node: Node
    capacity: int
    using: dict[str, Use] = field(default_factory=dict)
    """By job: in use and staying."""
    going: dict[str, Use] = field(default_factory=dict)
    """By job: in use, and on its way out for sure."""
    held: dict[str, Use] = field(default_factory=dict)
    """By job: promised to a claimant."""
    staying_gpus: int = 0
    """GPUs in use by work that is not on its way out."""
    going_gpus: int = 0
    """GPUs in use by work on its way out."""
    held_gpus: int = 0
    """GPUs promised."""
    tenants: dict[str, int] = field(default_factory=dict)
    """By tenant: how many of its jobs use or hold GPUs here and stay."""

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def idle(self) -> int:
        """GPUs that nothing uses now, held or not."""
        return max(0, self.capacity - self.staying_gpus - self.going_gpus)

    @property
    def open(self) -> int:
        """GPUs that nothing uses now and that are not held: what leaves goes to the holds first."""
        return max(0, self.capacity - self.staying_gpus - max(self.going_gpus, self.held_gpus))

    @property
    def coming(self) -> int:
        """GPUs that are open once all that is on its way out is gone."""
        return max(0, self.capacity - self.staying_gpus - self.held_gpus)

    def set(self, side: dict[str, Use], key: str, use: Use | None) -> None:
        """Put a use on one side of the host in place of the one of this key, or take that away."""
        before = side.get(key)
        gpus = (use.gpus if use else 0) - (before.gpus if before else 0)
        if side is self.going:
            self.going_gpus += gpus
        else:
            if side is self.held:
                self.held_gpus += gpus
            else:
                self.staying_gpus += gpus
            if before:
                self._count(before.tenant, -1)
            if use:
                self._count(use.tenant, 1)
        if use:
            side[key] = use
        else:
            side.pop(key, None)

    def _count(self, tenant: str, by: int) -> None:
        count = self.tenants.get(tenant, 0) + by
        if count:
            self.tenants[tenant] = count
        else:
            del self.tenants[tenant]


@dataclass(frozen=True, slots=True)
class Domains:
    """The domains of one level of a pool: sets of hosts with the same value of the label, and of all wider ones."""

    of: Mapping[str, str]
    """By host that has the label: its domain."""
    hosts: Mapping[str, frozenset[str]]


class Layout:
    """What the hosts of a pool are, whoever is on them.

    Args:
        levels: labels of the pool's topology, wide to narrow.
        hosts: all hosts of the pool.
    """

    def __init__(self, levels: Sequence[str], hosts: Iterable[Host]) -> None:
        self._levels, self._hosts = levels, tuple(hosts)
        self._domains: dict[str, Domains] = {}

    @cached_property
    def sizes(self) -> Mapping[int, int]:
        """By GPUs that may be given out on them, if any: how many hosts."""
        return Counter(host.capacity for host in self._hosts if host.capacity)

    def domains(self, level: str) -> Domains:
        """Those of a level of the pool. Raises ValueError for any other."""
        if level not in self._domains:
            self._domains[level] = _domains_of(self._hosts, self._levels.index(level))
        return self._domains[level]


def _domains_of(hosts: Iterable[Host], level: int) -> Domains:
    """Those of a level, which is counted from the widest."""
    of = {host.name: domain for host in hosts if (domain := host.node.domains[level])}
    inside: dict[str, set[str]] = {}
    for name, domain in of.items():
        inside.setdefault(domain, set()).add(name)
    return Domains(of, {domain: frozenset(names) for domain, names in inside.items()})
