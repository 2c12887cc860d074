"""Rules 1 and 10: what a guarantee counts for when hosts are whole and when more is promised than there is.

An advance reservation adds to it while its window is open, from capacity that nobody is guaranteed.

Apportionment is by largest remainder (Hamilton's method), in exact integer arithmetic, ties by tenant name.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from entente.engine.model import Node, Pool, Tenant, Window
from entente.engine.windows import Ahead, Cover, not_over, open_at, opens_soon


@dataclass(frozen=True, slots=True)
class Quota:
    """A tenant's terms in a pool, in the units that can in fact be had."""

    guaranteed: int
    """In force now, with what is reserved: whole hosts if the pool is `Exclusive`, shrunken if it is overcommitted."""
    promised: int
    """Before shrinking, in whole hosts."""
    asked: int
    """As the Tenant says."""
    lend: int
    """Lend limit; the guarantee when none is set."""
    borrow: int | None
    weight: int
    past: float
    """GPUs borrowed lately on average (rule 3), never negative."""
    reserved: int = 0
    """Of the guaranteed GPUs, those of an advance reservation whose window is open."""

    @property
    def most(self) -> int | None:
        """The most that the tenant may be charged; none without a borrow limit."""
        return None if self.borrow is None else self.guaranteed + self.borrow


@dataclass(frozen=True, slots=True)
class PoolQuotas:
    capacity: int
    unit: int
    """GPUs of a host where hosts are the unit and all alike, else 1."""
    quotas: Mapping[str, Quota]
    """By tenant, in the order of names."""
    overcommitted: bool
    ahead: tuple[Ahead, ...] = ()
    """Reservations for which GPUs are kept already, though their windows are not open yet."""
    covers: tuple[Cover, ...] = ()
    """All reservations that are not over, in the order in which they are served."""


def pool_quotas(pool: Pool, nodes: Sequence[Node], tenants: Iterable[Tenant], now: float) -> PoolQuotas:
    """What each tenant of a pool can count on at this moment."""
    hosts = [n.capacity for n in nodes if n.capacity]
    capacity = sum(hosts)
    sharers = sorted((t for t in tenants if pool.name in t.terms), key=lambda t: t.name)
    asked = {t.name: t.terms[pool.name].guaranteed for t in sharers}
    rounding = _Hosts(hosts) if pool.exclusive and hosts else None
    promised, left = rounding.match(asked) if rounding else (dict(asked), None)
    overcommitted = sum(promised.values() if rounding and rounding.even else asked.values()) > capacity
    granted = dict(promised)
    unit = rounding.unit if rounding else 1
    if overcommitted:
        granted = {n: v * unit for n, v in apportion(capacity // unit, promised if unit > 1 else asked).items()}
        if rounding and not rounding.even:
            granted, _ = rounding.match(granted)
    free = 0 if overcommitted else capacity - sum(granted.values())
    reserving = _Reserving(pool, {n: asked[n] - granted[n] for n in asked}, free, unit, left)
    reserved = reserving.at(now)
    whole = rounding.floor if rounding else int
    quotas = {}
    for tenant in sharers:
        terms = tenant.terms[pool.name]
        guaranteed = granted[tenant.name] + reserved.get(tenant.name, 0)
        quotas[tenant.name] = Quota(
            guaranteed=guaranteed,
            promised=promised[tenant.name],
            asked=terms.guaranteed,
            lend=guaranteed if terms.lend_limit is None else whole(terms.lend_limit),
            borrow=None if terms.borrow_limit is None else whole(terms.borrow_limit),
            weight=terms.weight,
            past=past_borrowing(pool, terms.borrowed_gpu_s, terms.as_of, now),
            reserved=reserved.get(tenant.name, 0),
        )
    return PoolQuotas(capacity, unit, quotas, overcommitted, reserving.ahead(now), reserving.covers(now))


def past_borrowing(pool: Pool, gpu_seconds: float, as_of: float | None, now: float) -> float:
    """GPUs borrowed lately on average: decayed GPU-seconds times ln 2 over the half-life (exponential decay)."""
    if pool.half_life_s <= 0 or gpu_seconds <= 0:
        return 0.0
    age = max(0.0, now - as_of) if as_of is not None else 0.0
    return gpu_seconds * math.pow(0.5, age / pool.half_life_s) * math.log(2) / pool.half_life_s


def apportion(total: int, parts: Mapping[str, int]) -> dict[str, int]:
    """Divide `total` units in proportion to `parts` by largest remainder, ties by name; all zero when nobody asks."""
    whole = sum(parts.values())
    if whole <= 0:
        return dict.fromkeys(parts, 0)
    result = {name: total * part // whole for name, part in parts.items()}
    left = total - sum(result.values())
    by_remainder = sorted(parts, key=lambda name: (-(total * parts[name] % whole), name))
    for name in by_remainder[:left]:
        result[name] += 1
    return result


@dataclass(frozen=True, slots=True)
class _Reserving:
    """The windows of a pool, served one after the other from capacity that nobody is guaranteed."""

    pool: Pool
    short: Mapping[str, int]
    """By tenant with terms: GPUs of its guarantee that are no whole hosts."""
    free: int
    unit: int
    hosts: Counter[int] | None
    """Hosts of unlike size that nobody is guaranteed."""

    def at(self, moment: float) -> dict[str, int]:
        """GPUs that are reserved for each tenant, if there is at that moment what there is now."""
        free, hosts, found = self.free, self.hosts, dict[str, int]()
        for window in open_at(self.pool.windows, moment):
            wanted = min(free, window.gpus + self.short.get(window.tenant, 0))
            if window.tenant not in self.short:
                continue  # it has no terms here
            if hosts is None:
                gpus = wanted // self.unit * self.unit
            else:
                gpus, used = _best_sum(hosts, wanted)
                hosts = hosts - used
            found[window.tenant], free = gpus, free - gpus
        return found

    def ahead(self, now: float) -> tuple[Ahead, ...]:
        """What windows that open within the notice will add to the guarantees of now."""
        reserved, found = self.at(now), []
        for start in sorted({w.start for w in self.pool.windows if opens_soon(w, self.pool, now)}):
            then = self.at(start)
            more = {name: gpus - reserved.get(name, 0) for name, gpus in then.items()}
            found.append(Ahead(start, {name: gpus for name, gpus in more.items() if gpus > 0}))
        return tuple(found)

    def covers(self, now: float) -> tuple[Cover, ...]:
        """How much of each window is reserved in fact."""
        return tuple(self._cover(window, max(now, window.start)) for window in not_over(self.pool.windows, now))

    def _cover(self, window: Window, moment: float) -> Cover:
        return Cover(window, min(window.gpus, self.at(moment).get(window.tenant, 0)))


class _Hosts:
    """Whole hosts as the unit of quantities."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = Counter(sizes)
        self.even = len(self.sizes) == 1
        self.unit = max(sizes) if self.even else 1

    def floor(self, gpus: int) -> int:
        """The most GPUs of whole hosts that are not more than `gpus`."""
        if self.even:
            return gpus // self.unit * self.unit
        return _best_sum(self.sizes, gpus)[0]

    def match(self, asked: Mapping[str, int]) -> tuple[dict[str, int], Counter[int] | None]:
        """Round every guarantee down to whole hosts; unlike hosts are matched jointly, in the order of names.

        With them come those that are left, where they are of unlike size.
        """
        if self.even:
            return {name: self.floor(gpus) for name, gpus in asked.items()}, None
        left, result = Counter(self.sizes), {}
        for name in sorted(asked):
            result[name], used = _best_sum(left, asked[name])
            left -= used
        return result, left


def _best_sum(sizes: Mapping[int, int], limit: int) -> tuple[int, Counter[int]]:
    """The largest sum of hosts within a limit, and the hosts: larger ones are preferred (bounded subset sum)."""
    best: dict[int, Counter[int]] = {0: Counter()}
    for size in sorted(sizes, reverse=True):
        reached = dict(best)
        for total, used in best.items():
            most = min(sizes[size], (limit - total) // size)
            for count in range(1, most + 1):
                reached.setdefault(total + count * size, used + Counter({size: count}))
        best = reached
    top = max(total for total in best if total <= limit)
    return top, best[top]
