"""What guarantees count for, against brute force on small states."""

import itertools
from fractions import Fraction

import pytest

from entente.engine.guarantees import Quota, apportion, past_borrowing, pool_quotas
from entente.engine.model import Terms
from tests.support.estates import NOW, a_node, a_pool, a_tenant

DAY_S = 86_400.0
NAMES = ("a", "b", "c")


def fairest(total: int, parts: dict[str, int]) -> dict[str, int]:
    """Of all divisions in whole units the one closest to the exact shares; of equal ones, the first names get more."""
    exact = {n: Fraction(total * p, sum(parts.values())) for n, p in parts.items()}
    divisions = [
        dict(zip(parts, units, strict=True))
        for units in itertools.product(range(total + 1), repeat=len(parts))
        if sum(units) == total
    ]
    return min(divisions, key=lambda d: (sum((d[n] - exact[n]) ** 2 for n in d), [-d[n] for n in sorted(d)]))


@pytest.mark.parametrize("total", range(7))
def test_largest_remainder_is_the_division_closest_to_the_exact_shares(total: int) -> None:
    for weights in itertools.product(range(5), repeat=3):
        parts = dict(zip(NAMES, weights, strict=True))
        expected = fairest(total, parts) if any(weights) else dict.fromkeys(NAMES, 0)
        assert apportion(total, parts) == expected, parts


def quotas_of(hosts: list[int], asked: dict[str, int], *, exclusive: bool = True) -> dict[str, Quota]:
    nodes = [a_node(f"n{i}", gpus=gpus) for i, gpus in enumerate(hosts)]
    tenants = [a_tenant(name, gpus) for name, gpus in asked.items()]
    return dict(pool_quotas(a_pool(exclusive=exclusive), nodes, tenants, NOW).quotas)


def sums_of(hosts: list[int]) -> set[int]:
    """All numbers of GPUs that whole hosts make."""
    return {sum(chosen) for n in range(len(hosts) + 1) for chosen in itertools.combinations(hosts, n)}


def test_an_exclusive_guarantee_is_the_largest_sum_of_hosts_within_it() -> None:
    for hosts in itertools.combinations_with_replacement((2, 4, 8), 3):
        for asked in range(sum(hosts) + 1):
            quota = quotas_of(list(hosts), {"a": asked})["a"]
            assert quota.guaranteed == max(s for s in sums_of(list(hosts)) if s <= asked), (hosts, asked)


def test_unlike_hosts_are_matched_jointly_so_that_no_host_is_promised_twice() -> None:
    for hosts in itertools.combinations_with_replacement((2, 4, 8), 3):
        for first in range(sum(hosts) + 1):
            asked = {"a": first, "b": sum(hosts) - first}
            granted = {n: q.guaranteed for n, q in quotas_of(list(hosts), asked).items()}
            assert all(granted[n] <= asked[n] for n in asked)
            splits = {
                (sum(chosen), sum(hosts) - sum(chosen)) for n in range(4) for chosen in itertools.combinations(hosts, n)
            }
            assert any(granted["a"] == a and granted["b"] <= b for a, b in splits), (hosts, asked, granted)


@pytest.mark.parametrize(
    ("hosts", "asked", "expected"),
    [
        pytest.param([8, 8], {"a": 8, "b": 8}, {"a": 8, "b": 8}, id="what fits is promised in full"),
        pytest.param([8], {"a": 12, "b": 4}, {"a": 6, "b": 2}, id="in proportion"),
        pytest.param([7], {"b": 5, "a": 5}, {"a": 4, "b": 3}, id="equal remainders go by name"),
        pytest.param([1], {"a": 2, "b": 3}, {"a": 0, "b": 1}, id="the larger remainder gets the only GPU"),
        pytest.param([], {"a": 2}, {"a": 0}, id="no capacity"),
    ],
)
def test_more_promised_than_there_is_shrinks_guarantees_in_a_shared_pool(
    hosts: list[int], asked: dict[str, int], expected: dict[str, int]
) -> None:
    assert {n: q.guaranteed for n, q in quotas_of(hosts, asked, exclusive=False).items()} == expected


def test_shrunken_guarantees_of_an_exclusive_pool_are_whole_hosts() -> None:
    granted = quotas_of([8, 8, 8], {"a": 16, "b": 16})
    assert {n: q.guaranteed for n, q in granted.items()} == {"a": 16, "b": 8}
    assert {n: q.promised for n, q in granted.items()} == {"a": 16, "b": 16}


def test_a_cordoned_node_is_no_capacity() -> None:
    nodes = [a_node("n0"), a_node("n1", usable=False), a_node("n2", foreign=3)]
    made = pool_quotas(a_pool(), nodes, [a_tenant("a", 16)], NOW)
    assert (made.capacity, made.overcommitted, made.quotas["a"].guaranteed) == (13, True, 13)


@pytest.mark.parametrize(
    ("terms", "lend", "borrow", "most"),
    [
        pytest.param(Terms(8), 8, None, None, id="all is lent and nothing limits by default"),
        pytest.param(Terms(8, lend_limit=4, borrow_limit=4), 0, 0, 8, id="limits are rounded down to hosts"),
        pytest.param(Terms(8, lend_limit=0, borrow_limit=0), 0, 0, 8, id="zero is a limit"),
        pytest.param(Terms(8, lend_limit=8, borrow_limit=9), 8, 8, 16, id="whole hosts stay whole"),
    ],
)
def test_limits_count_in_hosts_where_nodes_are_exclusive(
    terms: Terms, lend: int, borrow: int | None, most: int | None
) -> None:
    nodes = [a_node("n0"), a_node("n1")]
    quota = pool_quotas(a_pool(exclusive=True), nodes, [a_tenant("a", terms)], NOW).quotas["a"]
    assert (quota.lend, quota.borrow, quota.most) == (lend, borrow, most)


@pytest.mark.parametrize(
    ("half_life_s", "gpu_s", "age_s", "expected"),
    [
        pytest.param(0.0, 1e6, 0.0, 0.0, id="no memory"),
        pytest.param(DAY_S, 0.0, 0.0, 0.0, id="nothing borrowed"),
        pytest.param(DAY_S, DAY_S, 0.0, 0.693147, id="a GPU-day just borrowed"),
        pytest.param(DAY_S, DAY_S, DAY_S, 0.346574, id="half of it a day later"),
        pytest.param(DAY_S, DAY_S, -60.0, 0.693147, id="a clock that was ahead adds nothing"),
    ],
)
def test_past_borrowing_decays(half_life_s: float, gpu_s: float, age_s: float, expected: float) -> None:
    found = past_borrowing(a_pool(half_life_s=half_life_s), gpu_s, NOW - age_s, NOW)
    assert found == pytest.approx(expected, abs=1e-6)


def test_only_tenants_with_terms_share_a_pool() -> None:
    made = pool_quotas(a_pool(), [a_node("n0")], [a_tenant("b", 1), a_tenant("a", {"other": 4}), a_tenant("c", 0)], NOW)
    assert list(made.quotas) == ["b", "c"]


def test_equal_remainders_go_by_name_in_whatever_order_the_parts_come() -> None:
    assert apportion(2, {"c": 1, "b": 1, "a": 1}) == {"a": 1, "b": 1, "c": 0}
