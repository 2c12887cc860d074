"""Where gangs go on simulated hosts, and what their hosts then count."""

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.simulator.hosts import Gang, Hosts, Placed

FOUR = {"a": 8, "b": 8, "c": 8, "d": 8}


def hosts(gpus: dict[str, int], used: dict[str, int], *, exclusive: bool = False, tenant: str = "t") -> Hosts:
    """Hosts on which something else has so many GPUs."""
    made = Hosts(gpus, exclusive=exclusive)
    for host, count in used.items():
        made.restore(f"on-{host}", Placed(tenant, Gang(1, count), {host: 1}))
    return made


@pytest.mark.parametrize(
    ("used", "gang", "nodes"),
    [
        pytest.param({}, Gang(1, 3), {"a": 1}, id="of equal hosts the first"),
        pytest.param({"b": 3, "c": 5}, Gang(1, 3), {"c": 1}, id="the host with the least room that is enough"),
        pytest.param({"b": 3, "c": 5}, Gang(2, 2), {"b": 2}, id="a gang that fits one host is not split"),
        pytest.param({"a": 1}, Gang(2, 8), {"b": 1, "c": 1}, id="a big gang takes whole hosts"),
        pytest.param({"a": 4, "b": 1}, Gang(5, 4), {"c": 2, "d": 2, "a": 1}, id="the rest goes where it fits best"),
        pytest.param({"a": 6, "b": 1}, Gang(20, 1), {"c": 8, "d": 8, "b": 4}, id="the rest goes to one host"),
        pytest.param(
            {"a": 1, "b": 2, "c": 5, "d": 6}, Gang(9, 1), {"a": 7, "d": 2}, id="no empty host: the roomiest first"
        ),
        pytest.param({"a": 5, "b": 5, "c": 5, "d": 5}, Gang(4, 3), {"a": 1, "b": 1, "c": 1, "d": 1}, id="all of them"),
        pytest.param({"a": 6, "b": 6, "c": 6, "d": 6}, Gang(1, 3), None, id="free GPUs, but not on one host"),
        pytest.param({"a": 1, "b": 1, "c": 1}, Gang(2, 8), None, id="no second empty host"),
        pytest.param({}, Gang(1, 9), None, id="larger than a host"),
        pytest.param({}, Gang(33, 1), None, id="larger than all"),
    ],
)
def test_a_gang_goes_where_it_leaves_the_least_behind(
    used: dict[str, int], gang: Gang, nodes: dict[str, int] | None
) -> None:
    estate = hosts(FOUR, used)
    assert estate.fits("t", gang) is (nodes is not None)
    assert estate.place("new", "t", gang) == nodes


@pytest.mark.parametrize(
    ("used", "gang", "nodes"),
    [
        pytest.param({"a": 1}, Gang(1, 1), {"b": 1}, id="not beside another tenant"),
        pytest.param({"a": 1, "b": 1, "c": 1}, Gang(2, 8), None, id="others' hosts are no room"),
        pytest.param({}, Gang(10, 1), {"a": 8, "b": 2}, id="empty hosts are anybody's"),
    ],
)
def test_exclusive_hosts_are_for_one_tenant(used: dict[str, int], gang: Gang, nodes: dict[str, int] | None) -> None:
    estate = hosts(FOUR, used, exclusive=True, tenant="other")
    assert estate.fits("t", gang) is (nodes is not None)
    assert estate.place("new", "t", gang) == nodes


def test_on_exclusive_hosts_a_tenants_own_come_first() -> None:
    estate = Hosts({"small": 2, "large": 8, "next": 8}, exclusive=True)
    assert estate.place("one", "t", Gang(1, 4)) == {"large": 1}
    assert estate.place("two", "t", Gang(1, 2)) == {"large": 1}
    assert estate.place("three", "t", Gang(1, 2)) == {"large": 1}
    assert estate.place("four", "t", Gang(1, 2)) == {"small": 1}


def test_an_exclusive_host_counts_wholly_until_its_last_gang_is_gone() -> None:
    estate = Hosts(FOUR, exclusive=True)
    estate.place("one", "t", Gang(1, 1))
    assert estate.charge("t") == 8
    assert estate.extra_charge("t", Gang(1, 1), {"a": 1}) == 0
    assert estate.extra_charge("u", Gang(1, 1), {"b": 1}) == 8
    estate.place("two", "t", Gang(1, 1))
    estate.release("one")
    assert estate.charge("t") == 8
    estate.release("two")
    assert estate.charge("t") == 0
    assert estate.place("three", "u", Gang(4, 8)) == {"a": 1, "b": 1, "c": 1, "d": 1}


def test_a_shared_host_counts_by_what_is_used() -> None:
    estate = Hosts(FOUR)
    estate.place("one", "t", Gang(3, 2))
    estate.place("two", "u", Gang(1, 2))
    assert (estate.charge("t"), estate.charge("u"), estate.charge("v")) == (6, 2, 0)
    assert estate.extra_charge("t", Gang(2, 2), {"a": 2}) == 4
    assert estate.free == 24


def test_a_host_that_is_down_takes_nothing_until_it_is_back() -> None:
    estate = Hosts({"a": 8, "b": 4})
    estate.place("one", "t", Gang(1, 3))
    estate.place("two", "t", Gang(1, 8))
    assert estate.lose("b") == ["one"]
    assert (estate.capacity, estate.free) == (8, 0)
    estate.release("one")
    assert not estate.fits("t", Gang(1, 1))
    with pytest.raises(ValueError, match="host b is down"):
        estate.restore("one", Placed("t", Gang(1, 1), {"b": 1}))
    estate.regain("b")
    assert (estate.capacity, estate.free) == (12, 4)
    assert estate.place("one", "t", Gang(1, 3)) == {"b": 1}


@pytest.mark.parametrize(
    ("key", "placed", "error"),
    [
        pytest.param("on-a", Placed("t", Gang(1, 1), {"b": 1}), "on hosts already", id="twice"),
        pytest.param("x", Placed("t", Gang(1, 5), {"a": 1}), "host a has 4 free GPUs, 5 are needed", id="overfilled"),
        pytest.param("x", Placed("u", Gang(1, 1), {"a": 1}), "host a is another tenant's", id="two tenants"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(key: str, placed: Placed, error: str) -> None:
    estate = hosts(FOUR, {"a": 4}, exclusive=True)
    with pytest.raises(ValueError, match=error):
        estate.restore(key, placed)
    assert (estate.free, estate.charge("t"), estate.charge("u")) == (28, 8, 0)


def test_a_host_with_less_than_no_gpus_is_refused() -> None:
    with pytest.raises(ValueError, match=r"host a: GPUs: -1 given, allowed are 0 and more"):
        Hosts({"a": -1})


def test_a_copy_is_changed_alone() -> None:
    estate = hosts(FOUR, {"a": 4})
    twin = estate.copy()
    twin.release("on-a")
    twin.place("big", "u", Gang(4, 8))
    assert (estate.free, estate.charge("u"), list(estate.placed)) == (28, 0, ["on-a"])
    assert estate.place("x", "t", Gang(1, 4)) == {"a": 1}


def seated(estate: Hosts, sizes: dict[str, int]) -> Iterator[tuple[str, str, int]]:
    """Each host of each gang, with the tenant and its GPUs there."""
    for placed in estate.placed.values():
        for host, workers in placed.workers_on.items():
            assert host in sizes
            yield host, placed.tenant, workers * placed.gang.gpus


steps = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.sampled_from("tu"), st.builds(Gang, st.integers(1, 9), st.integers(1, 8))),
        st.tuples(st.just("release"), st.integers(0, 30), st.none()),
        st.tuples(st.just("lose"), st.sampled_from("abcd"), st.none()),
        st.tuples(st.just("regain"), st.sampled_from("abcd"), st.none()),
    ),
    max_size=40,
)


@given(st.lists(st.integers(0, 8), min_size=4, max_size=4), st.booleans(), steps)
def test_books_and_answers_agree_with_a_count_from_scratch(
    gpus: list[int],
    exclusive: bool,  # noqa: FBT001 - drawn by hypothesis
    calls: list[tuple[str, object, object]],
) -> None:
    sizes = dict(zip("abcd", gpus, strict=True))
    estate, down = Hosts(sizes, exclusive=exclusive), set[str]()
    for number, (call, what, gang) in enumerate(calls):
        if call == "place":
            assert isinstance(what, str)
            assert isinstance(gang, Gang)
            room = 0
            for host, total in sizes.items():
                there = [(tenant, used) for at, tenant, used in seated(estate, sizes) if at == host]
                closed = exclusive and any(tenant != what for tenant, _ in there)
                room += 0 if closed or host in down else (total - sum(used for _, used in there)) // gang.gpus
            assert estate.fits(what, gang) is (room >= gang.workers)
            nodes = estate.place(str(number), what, gang)
            assert (nodes is not None) is (room >= gang.workers)
            assert nodes is None or sum(nodes.values()) == gang.workers
        elif call == "release" and (keys := list(estate.placed)):
            assert isinstance(what, int)
            estate.release(keys[what % len(keys)])
        elif call == "lose":
            estate.lose(str(what))
            down.add(str(what))
        elif call == "regain":
            estate.regain(str(what))
            down.discard(str(what))
        taken = dict.fromkeys(sizes, 0)
        tenants = {host: set[str]() for host in sizes}
        for host, tenant, used in seated(estate, sizes):
            taken[host] += used
            tenants[host].add(tenant)
        assert all(0 <= taken[h] <= sizes[h] for h in sizes)
        assert all(estate.free_on(h) == sizes[h] - taken[h] for h in sizes)
        assert estate.free == sum(sizes[h] - taken[h] for h in sizes if h not in down)
        for tenant, host in product("tu", sizes):
            assert not exclusive or len(tenants[host]) <= 1
            whole = sum(sizes[h] for h in sizes if tenant in tenants[h])
            used = sum(n for _, t, n in seated(estate, sizes) if t == tenant)
            assert estate.charge(tenant) == (whole if exclusive else used)
