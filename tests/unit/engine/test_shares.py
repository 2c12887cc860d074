"""The fair surplus, against what defines weighted max-min, on all small states."""

import itertools
from collections.abc import Iterator
from fractions import Fraction

import pytest

from entente.engine.guarantees import PoolQuotas, Quota
from entente.engine.shares import Share, Use, divide, fair_surplus, kept_back, lent, surplus

NAMES = ("a", "b", "c")

States = Iterator[tuple[int, dict[str, Share]]]


def level(total: Fraction, shares: dict[str, Share]) -> Fraction:
    """The water level at which the exact shares make the total, between the marks at which a share starts or ends."""

    def filled(height: Fraction) -> Fraction:
        return sum((exact(height, s) for s in shares.values()), Fraction(0))

    marks = sorted({(Fraction(s.past) + d) / s.weight for s in shares.values() for d in (0, s.demand)})
    for low, high in itertools.pairwise(marks):
        if filled(high) >= total:
            rise = filled(high) - filled(low)
            return low + (high - low) * (total - filled(low)) / rise if rise else high
    return marks[-1]


def exact(height: Fraction, share: Share) -> Fraction:
    return min(max(height * share.weight - Fraction(share.past), Fraction(0)), Fraction(share.demand))


def states() -> States:
    sides = [Share(d, w, p) for d in range(4) for w in (1, 2) for p in (0.0, 1.5)]
    for total in range(6):
        for pair in itertools.product(sides, repeat=2):
            yield total, dict(zip(NAMES, pair, strict=False))
        for triple in itertools.product([s for s in sides if not s.past], repeat=3):
            yield total, dict(zip(NAMES, triple, strict=True))


def test_the_surplus_is_divided_by_weighted_max_min_and_largest_remainder() -> None:
    for total, shares in states():
        given = divide(total, shares)
        there = min(total, sum(s.demand for s in shares.values()))
        height = level(Fraction(there), shares)
        parts = {n: exact(height, s) for n, s in shares.items()}
        floors = {n: int(p) for n, p in parts.items()}
        rest = there - sum(floors.values())
        for name in sorted(parts, key=lambda n: (floors[n] - parts[n], n)):
            if rest and floors[name] < shares[name].demand:
                floors[name] += 1
                rest -= 1
        assert given == floors, (total, shares)


def quotas(capacity: int, unit: int = 1, **rows: tuple[int, int, int | None]) -> PoolQuotas:
    """Quotas of tenants by (guarantee, lend limit, borrow limit)."""
    made = {n: Quota(g, g, g, lend, borrow, 1, 0.0) for n, (g, lend, borrow) in rows.items()}
    return PoolQuotas(capacity, unit, made, overcommitted=False)


@pytest.mark.parametrize(
    ("pool", "uses", "expected"),
    [
        pytest.param(quotas(16, a=(8, 8, None)), {}, 16, id="nobody uses anything and all is lent"),
        pytest.param(quotas(16, a=(8, 3, None)), {}, 11, id="what is not lent is kept back"),
        pytest.param(quotas(16, a=(8, 3, None)), {"a": Use(2, 6, 6)}, 10, id="entitled demand is use by right"),
        pytest.param(quotas(16, a=(8, 0, None)), {"a": Use(5, 5, 5)}, 8, id="keeping back ends at the guarantee"),
        pytest.param(quotas(16, a=(8, 8, None)), {"a": Use(14, 8, 14)}, 8, id="borrowed use is surplus"),
        pytest.param(
            quotas(16, a=(8, 8, None)), {"a": Use(8, 0, 8)}, 8, id="running within the guarantee is no surplus"
        ),
        pytest.param(quotas(4, a=(4, 0, None), b=(4, 0, None)), {}, 0, id="never negative"),
    ],
)
def test_surplus_is_what_is_left_after_use_by_right_and_what_is_kept_back(
    pool: PoolQuotas, uses: dict[str, Use], expected: int
) -> None:
    assert surplus(pool, uses) == expected


@pytest.mark.parametrize(
    ("pool", "uses", "expected"),
    [
        pytest.param(
            quotas(16, a=(4, 4, None), b=(4, 4, None)),
            {"a": Use(4, 4, 12), "b": Use(4, 4, 5)},
            {"a": 7, "b": 1},
            id="small demand in full, the rest to who asks for more",
        ),
        pytest.param(
            quotas(16, a=(4, 4, 2), b=(4, 4, None)),
            {"a": Use(4, 4, 12), "b": Use(4, 4, 12)},
            {"a": 2, "b": 6},
            id="nobody gets more than its borrow limit",
        ),
        pytest.param(
            quotas(24, 8, a=(8, 8, None), b=(8, 8, None)),
            {"a": Use(8, 8, 16), "b": Use(8, 8, 16)},
            {"a": 8, "b": 0},
            id="whole hosts, ties by name",
        ),
    ],
)
def test_borrowers_share_the_surplus(pool: PoolQuotas, uses: dict[str, Use], expected: dict[str, int]) -> None:
    assert fair_surplus(pool, uses) == expected


def test_lent_is_what_others_borrow_beyond_what_nobody_is_guaranteed() -> None:
    for charges in itertools.product(range(0, 9, 2), repeat=3):
        for limits in itertools.product((0, 1, 4), repeat=3):
            a, b, c = limits
            pool = quotas(12, a=(4, a, None), b=(4, b, None), c=(4, c, None))
            charged = dict(zip(NAMES, charges, strict=True))
            lendable = {n: min(pool.quotas[n].lend, max(0, 4 - charged[n])) for n in NAMES}
            borrowed = sum(max(0, u - 4) for u in charges)
            given = lent(pool, charged)
            assert sum(given.values()) == min(borrowed, sum(lendable.values()))
            assert all(given[n] <= lendable[n] for n in NAMES)


@pytest.mark.parametrize(
    ("guaranteed", "lend", "charged", "expected"),
    [
        pytest.param(8, 8, 0, 0, id="everything is lent"),
        pytest.param(8, 3, 0, 5, id="the rest is kept"),
        pytest.param(8, 3, 4, 1, id="own use counts first"),
        pytest.param(8, 0, 12, 0, id="a borrower keeps nothing"),
    ],
)
def test_kept_back(guaranteed: int, lend: int, charged: int, expected: int) -> None:
    assert kept_back(guaranteed, lend, charged) == expected
