"""Advance reservations: what they add to guarantees, when, and what is kept for them before."""

from collections.abc import Mapping, Sequence

import pytest

from entente.engine.guarantees import PoolQuotas, pool_quotas
from entente.engine.model import Terms, Window
from entente.engine.shares import kept_ahead
from entente.engine.windows import next_edge
from tests.support.estates import NOW, a_node, a_pool, a_tenant

HOUR_S = 3600.0
NOTICE_S = 300.0


def window(tenant: str = "a", gpus: int = 8, start: float = 0.0, end: float = HOUR_S) -> Window:
    """A window from and to so many seconds from now."""
    return Window(tenant, gpus, NOW + start, NOW + end)


def quotas(*windows: Window, at: float = 0.0, **asked: int | Terms) -> PoolQuotas:
    """Of a pool of two hosts of 8 GPUs, so many seconds from now."""
    return of_hosts((8, 8), windows, asked, at=at)


def of_hosts(
    hosts: Sequence[int],
    windows: Sequence[Window],
    asked: Mapping[str, int | Terms],
    *,
    exclusive: bool = False,
    at: float = 0.0,
) -> PoolQuotas:
    nodes = [a_node(f"n{i}", gpus=gpus) for i, gpus in enumerate(hosts)]
    pool = a_pool(exclusive=exclusive, notice_s=NOTICE_S, windows=tuple(windows))
    return pool_quotas(pool, nodes, [a_tenant(name, terms) for name, terms in asked.items()], NOW + at)


def guaranteed(made: PoolQuotas) -> dict[str, int]:
    return {name: quota.guaranteed for name, quota in made.quotas.items()}


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(-0.001, 4, id="before"),
        pytest.param(0.0, 12, id="its first moment"),
        pytest.param(HOUR_S - 0.001, 12, id="just before its end"),
        pytest.param(HOUR_S, 4, id="its end is after it"),
    ],
)
def test_a_guarantee_counts_more_from_the_start_of_a_window_until_before_its_end(at: float, expected: int) -> None:
    made = quotas(window(), at=at, a=4, b=4)
    assert guaranteed(made) == {"a": expected, "b": 4}
    assert made.quotas["a"].reserved == expected - 4


@pytest.mark.parametrize(
    ("windows", "asked", "expected"),
    [
        pytest.param([window(gpus=8)], {"a": 4, "b": 8}, {"a": 8, "b": 8}, id="no more than nobody is guaranteed"),
        pytest.param([window(gpus=8)], {"a": 8, "b": 8}, {"a": 8, "b": 8}, id="nothing where all is guaranteed"),
        pytest.param([window(gpus=8)], {"a": 12, "b": 12}, {"a": 8, "b": 8}, id="nothing where guarantees shrink"),
        pytest.param(
            [window("a", 6, 0), window("b", 6, -60)], {"a": 4, "b": 4}, {"a": 6, "b": 10}, id="the earlier start first"
        ),
        pytest.param([window("b", 6), window("a", 6)], {"a": 4, "b": 4}, {"a": 10, "b": 6}, id="then by name"),
        pytest.param(
            [window("a", 2, -60, 0), window("a", 3, 0, 60)], {"a": 0}, {"a": 3}, id="one window after the other"
        ),
        pytest.param([window("z", 8)], {"a": 8}, {"a": 8}, id="nothing for a tenant without terms"),
    ],
)
def test_a_window_is_served_from_what_nobody_is_guaranteed(
    windows: list[Window], asked: dict[str, int], expected: dict[str, int]
) -> None:
    assert guaranteed(quotas(*windows, **asked)) == expected
    assert guaranteed(quotas(*reversed(windows), **asked)) == expected


@pytest.mark.parametrize(
    ("hosts", "gpus", "asked", "expected"),
    [
        pytest.param((8, 8, 8), 12, {"a": 8}, {"a": 16}, id="rounded down to whole hosts"),
        pytest.param((8, 8, 8), 4, {"a": 12}, {"a": 16}, id="with what the guarantee itself lacks to a host"),
        pytest.param((8, 8, 8), 7, {"a": 8}, {"a": 8}, id="less than a host is none"),
        pytest.param((8, 8), 16, {"a": 4, "b": 8}, {"a": 8, "b": 8}, id="no host is reserved that is guaranteed"),
        pytest.param((8, 4, 4), 8, {"a": 0, "b": 8}, {"a": 8, "b": 8}, id="unlike hosts that others leave"),
        pytest.param((8, 6), 6, {"a": 0, "b": 6}, {"a": 0, "b": 6}, id="an unlike host that is too large"),
    ],
)
def test_windows_of_an_exclusive_pool_are_whole_hosts(
    hosts: tuple[int, ...], gpus: int, asked: dict[str, int], expected: dict[str, int]
) -> None:
    assert guaranteed(of_hosts(hosts, [window(gpus=gpus)], asked, exclusive=True)) == expected


def test_no_window_takes_from_the_guarantee_of_another() -> None:
    for hosts in ((8, 8), (8, 4, 2)):
        for exclusive in (False, True):
            for asked in ({"a": 4, "b": 6}, {"a": 8, "b": 8}, {"a": 2, "b": 4}, {"a": 16, "b": 8}):
                plain = of_hosts(hosts, [], asked, exclusive=exclusive)
                reserved = of_hosts(hosts, [window("a", 9), window("b", 5, -9)], asked, exclusive=exclusive)
                for name, quota in reserved.quotas.items():
                    assert quota.guaranteed - quota.reserved == plain.quotas[name].guaranteed
                assert sum(guaranteed(reserved).values()) <= sum(hosts)


def test_reserved_gpus_are_lent_as_guaranteed_ones_are() -> None:
    unlimited, limited = Terms(4), Terms(4, lend_limit=1, borrow_limit=2)
    assert quotas(window(), a=unlimited).quotas["a"].lend == 12
    quota = quotas(window(), a=limited).quotas["a"]
    assert (quota.lend, quota.most) == (1, 14)


def test_it_is_known_how_much_of_each_window_is_covered() -> None:
    made = quotas(window("b", 8, 60), window("a", 12, 0, 60), window("a", 4, -60, 0), window("z", 1, 600), a=4, b=4)
    found = [(c.window.tenant, c.window.gpus, c.gpus) for c in made.covers]
    assert found == [("a", 12, 8), ("b", 8, 8), ("z", 1, 0)]


def kept(made: PoolQuotas, tenant: str = "b", ends: float | None = None, **charged: int) -> int:
    return kept_ahead(made, charged, tenant, None if ends is None else NOW + ends)


SOON = window("a", 8, start=60)


@pytest.mark.parametrize(
    ("made", "tenant", "ends", "charged", "expected"),
    [
        pytest.param(quotas(SOON, a=4, b=4), "b", None, {}, 8, id="from the notice before it on"),
        pytest.param(quotas(SOON, at=-240.0, a=4, b=4), "b", None, {}, 8, id="the whole notice before it"),
        pytest.param(quotas(SOON, at=-240.1, a=4, b=4), "b", None, {}, 0, id="not earlier"),
        pytest.param(quotas(SOON, at=60.0, a=4, b=4), "b", None, {}, 0, id="once it is open the guarantee is more"),
        pytest.param(quotas(SOON, a=4, b=4), "b", 60.0, {}, 0, id="not from what is over by then"),
        pytest.param(quotas(SOON, a=4, b=4), "b", 60.1, {}, 8, id="from what is over a little later"),
        pytest.param(quotas(SOON, a=4, b=4), "a", None, {}, 0, id="not from its own tenant"),
        pytest.param(quotas(SOON, a=4, b=4), "b", None, {"a": 4}, 8, id="a guarantee in use is another matter"),
        pytest.param(quotas(SOON, a=4, b=4), "b", None, {"a": 9}, 3, id="what its tenant borrows is there already"),
        pytest.param(quotas(SOON, a=4, b=4), "b", None, {"a": 16}, 0, id="it has all of it already"),
        pytest.param(quotas(SOON, a=4, b=10), "b", None, {}, 2, id="only what is covered"),
        pytest.param(
            quotas(window("a", 8, -60, 60), window("a", 10, 60, 90), a=4, b=0),
            "b",
            None,
            {},
            2,
            id="only what is added",
        ),
        pytest.param(
            quotas(window("a", 8, 60, 90), window("c", 6, 90), a=4, b=0, c=0), "b", None, {}, 8, id="in turn, the more"
        ),
        pytest.param(
            quotas(window("a", 8, 60), window("c", 6, 90), a=0, b=0, c=0), "b", None, {}, 14, id="at once, the sum"
        ),
        pytest.param(
            quotas(window("a", 8, 60), window("c", 6, 90), a=0, b=0, c=0), "b", 90, {}, 8, id="those before its end"
        ),
    ],
)
def test_gpus_are_kept_for_a_window_that_opens_soon(
    made: PoolQuotas, tenant: str, ends: float | None, charged: dict[str, int], expected: int
) -> None:
    assert kept(made, tenant, ends, **charged) == expected


def test_the_next_edge_is_when_a_window_changes_what_may_be_decided() -> None:
    pools = [
        a_pool("p", notice_s=NOTICE_S, windows=(window(start=1000, end=2000),)),
        a_pool("q", notice_s=NOTICE_S, windows=(window(start=-50, end=900),)),
    ]
    found, moment = [], NOW
    while (edge := next_edge(pools, moment)) is not None:
        found.append(edge - NOW)
        moment = edge
    assert found == [700, 900, 1000, 2000]
