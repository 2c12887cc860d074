"""Rule 3: the fair surplus, by weighted max-min over the borrowed demand, with a memory of past borrowing.

Progressive filling (Bertsekas and Gallager, Data Networks, 6.5.2) in exact rational arithmetic, then whole units by
largest remainder. The past enters as a head start: the lowest `(share + past) / weight` is filled first.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from entente.engine.guarantees import PoolQuotas, apportion

_PAST_GRID = 1_000_000
"""Past borrowing is rounded to a millionth of a GPU, so that equal histories compare equal."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a tenant is charged in a pool, in GPUs."""

    charged: int = 0
    """Running and held."""
    entitled: int = 0
    """Entitled, running and pending."""
    demand: int = 0
    """Of all running jobs and of the pending ones that could start."""


@dataclass(frozen=True, slots=True)
class Share:
    """A borrower's side of the division."""

    demand: int
    weight: int
    past: float


def surplus(pool: PoolQuotas, uses: Mapping[str, Use]) -> int:
    """GPUs that nobody uses or keeps back by right of guarantee; never negative."""
    left = pool.capacity
    for name, quota in pool.quotas.items():
        use = uses.get(name, Use())
        by_right = max(use.entitled, min(quota.guaranteed, use.charged))
        left -= by_right + max(0, quota.guaranteed - by_right - quota.lend)
    return max(0, left)


def fair_surplus(pool: PoolQuotas, uses: Mapping[str, Use]) -> dict[str, int]:
    """Each tenant's fair part of the surplus, in GPUs (whole hosts where the unit is a host)."""
    shares = {}
    for name, quota in pool.quotas.items():
        wanted = max(0, uses.get(name, Use()).demand - quota.guaranteed)
        if quota.borrow is not None:
            wanted = min(wanted, quota.borrow)
        shares[name] = Share(-(-wanted // pool.unit), quota.weight, quota.past / pool.unit)
    units = divide(surplus(pool, uses) // pool.unit, shares)
    return {name: count * pool.unit for name, count in units.items()}


def divide(total: int, shares: Mapping[str, Share]) -> dict[str, int]:
    """Divide `total` units by weighted max-min, nobody above its demand, in whole units, ties by name."""
    asked = sum(s.demand for s in shares.values())
    if total >= asked:
        return {name: share.demand for name, share in shares.items()}
    exact = _fill(total, shares)
    result = {name: int(part) for name, part in exact.items()}
    left = total - sum(result.values())
    for name in sorted(exact, key=lambda n: (result[n] - exact[n], n)):
        if left and result[name] < shares[name].demand:
            result[name] += 1
            left -= 1
    return result


def _fill(total: int, shares: Mapping[str, Share]) -> dict[str, Fraction]:
    """Raise one water level over all borrowers until the total, which is less than they ask for, is given out.

    Levels are whole numbers of 1 / (grid x common multiple of the weights), so that only the last step divides.
    """
    common = math.lcm(*(s.weight for s in shares.values()))
    scale = _PAST_GRID * common
    floors = {n: round(s.past * _PAST_GRID) * (common // s.weight) for n, s in shares.items()}
    tops = {n: floors[n] + s.demand * scale // s.weight for n, s in shares.items()}
    turns = [(floors[n], s.weight) for n, s in shares.items()] + [(tops[n], -s.weight) for n, s in shares.items()]
    left, speed, level = total * scale, 0, 0
    for turn, change in sorted(turns):
        if speed * (turn - level) >= left and speed:
            break
        left -= speed * (turn - level)
        level, speed = turn, speed + change
    reached = Fraction(left, speed) + level if speed else Fraction(level)
    given = {n: max(Fraction(0), min(reached, Fraction(tops[n])) - floors[n]) for n in shares}
    return {n: given[n] * s.weight / scale for n, s in shares.items()}


def lent(pool: PoolQuotas, charged: Mapping[str, int]) -> dict[str, int]:
    """GPUs of each tenant's guarantee that others borrow.

    What is borrowed beyond the capacity that nobody is guaranteed, in proportion to `min(L, max(0, g - u))`, ties by
    name.
    """
    borrowed = sum(max(0, charged.get(n, 0) - q.guaranteed) for n, q in pool.quotas.items())
    unguaranteed = max(0, pool.capacity - sum(q.guaranteed for q in pool.quotas.values()))
    lendable = {n: min(q.lend, max(0, q.guaranteed - charged.get(n, 0))) // pool.unit for n, q in pool.quotas.items()}
    from_others = min(max(0, borrowed - unguaranteed) // pool.unit, sum(lendable.values()))
    return {name: units * pool.unit for name, units in apportion(from_others, lendable).items()}


def kept_back(guaranteed: int, lend: int, charged: int) -> int:
    """GPUs of its guarantee that a tenant does not use and does not lend either."""
    return max(0, guaranteed - charged - lend)


def kept_ahead(pool: PoolQuotas, charged: Mapping[str, int], tenant: str, ends: float | None) -> int:
    """GPUs that are kept for others' windows that open soon, from work of a tenant that is not over by then.

    Args:
        pool: its quotas now.
        charged: of each tenant, now; what it borrows counts for its window.
        tenant: whose work it is.
        ends: when that is over at the latest, if that is known.
    """
    most = 0
    for ahead in pool.ahead:
        if ends is None or ends > ahead.start:
            kept = 0
            for name, more in ahead.more.items():
                if name != tenant:
                    kept += min(more, max(0, pool.quotas[name].guaranteed + more - charged.get(name, 0)))
            most = max(most, kept)
    return most
