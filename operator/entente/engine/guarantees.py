"""Rules 1 and 10: what a guarantee counts for when hosts are whole and when more is promised than there is.

Apportionment is by largest remainder (Hamilton's method), in exact integer arithmetic, ties by tenant name.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from entente.engine.model import Node, Pool, Tenant


@dataclass(frozen=True, slots=True)
class Quota:
    """A tenant's terms in a pool, in the units that can in fact be had."""

    guaranteed: int
    """In force now: whole hosts where the pool is `Exclusive`, shrunken where it is overcommitted."""
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

    @property
    def most(self) -> int | None:
        """The most that the tenant may be charged; none without a borrow limit."""
        return None if self.borrow is None else self.guaranteed + self.borrow


@dataclass(frozen=True, slots=True)
class PoolQuotas:
    """All quotas of a pool."""

    capacity: int
    unit: int
    """GPUs of a host where hosts are the unit and all alike, else 1."""
    quotas: Mapping[str, Quota]
    """By tenant, in the order of names."""
    overcommitted: bool


def pool_quotas(pool: Pool, nodes: Sequence[Node], tenants: Iterable[Tenant], now: float) -> PoolQuotas:
    """What each tenant of a pool can count on at this moment."""
    hosts = [n.capacity for n in nodes if n.capacity]
    capacity = sum(hosts)
    sharers = sorted((t for t in tenants if pool.name in t.terms), key=lambda t: t.name)
    asked = {t.name: t.terms[pool.name].guaranteed for t in sharers}
    rounding = _Hosts(hosts) if pool.exclusive and hosts else None
    promised = rounding.match(asked) if rounding else dict(asked)
    overcommitted = sum(promised.values() if rounding and rounding.even else asked.values()) > capacity
    granted = dict(promised)
    if overcommitted:
        unit = rounding.unit if rounding else 1
        granted = {n: v * unit for n, v in apportion(capacity // unit, promised if unit > 1 else asked).items()}
        if rounding and not rounding.even:
            granted = rounding.match(granted)
    whole = rounding.floor if rounding else int
    quotas = {}
    for tenant in sharers:
        terms = tenant.terms[pool.name]
        guaranteed = granted[tenant.name]
        quotas[tenant.name] = Quota(
            guaranteed=guaranteed,
            promised=promised[tenant.name],
            asked=terms.guaranteed,
            lend=guaranteed if terms.lend_limit is None else whole(terms.lend_limit),
            borrow=None if terms.borrow_limit is None else whole(terms.borrow_limit),
            weight=terms.weight,
            past=past_borrowing(pool, terms.borrowed_gpu_s, terms.as_of, now),
        )
    return PoolQuotas(capacity, rounding.unit if rounding else 1, quotas, overcommitted)


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

    def match(self, asked: Mapping[str, int]) -> dict[str, int]:
        """Round every guarantee down to whole hosts; unlike hosts are matched jointly, in the order of names."""
        if self.even:
            return {name: self.floor(gpus) for name, gpus in asked.items()}
        left, result = Counter(self.sizes), {}
        for name in sorted(asked):
            result[name], used = _best_sum(left, asked[name])
            left -= used
        return result


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
