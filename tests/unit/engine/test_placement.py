"""Where workers go: topology, own hosts, best fit; whatever the order of the hosts."""

import itertools
import random
from collections.abc import Mapping, Sequence

import pytest

from entente.engine.placement import Shape, Spot, holds, place
from tests.support.estates import HOST, RACK, a_pool

POOL = a_pool()


def spot(name: str, free: int, *, rack: str = "r0", own: bool = False) -> Spot:
    return Spot(name, (rack, f"{rack}/{name}"), free, own)


def gang(workers: int, per: int = 1, **more: object) -> Shape:
    return Shape(
        workers, workers, per, str(more["level"]) if "level" in more else None, required=bool(more.get("required"))
    )


@pytest.mark.parametrize(
    ("spots", "shape", "expected"),
    [
        pytest.param([spot("a", 8), spot("b", 4), spot("c", 6)], gang(1, 4), {"b": 1}, id="the tightest host"),
        pytest.param([spot("a", 4), spot("b", 4)], gang(1, 4), {"a": 1}, id="equal hosts go by name"),
        pytest.param([spot("a", 4), spot("b", 8, own=True)], gang(1, 4), {"b": 1}, id="own hosts before a better fit"),
        pytest.param(
            [spot("a", 2), spot("b", 8), spot("c", 3)], gang(10), {"b": 8, "a": 2}, id="few hosts, the last one tight"
        ),
        pytest.param(
            [spot("a", 8), spot("b", 2, own=True)], gang(4), {"b": 2, "a": 2}, id="own hosts are filled, then others"
        ),
        pytest.param([spot("a", 3), spot("b", 3)], gang(3, 2), None, id="free GPUs in pieces hold no worker"),
        pytest.param([spot("a", 3), spot("b", 3)], gang(2, 2), {"a": 1, "b": 1}, id="one worker on each"),
        pytest.param([], gang(1), None, id="nothing is free"),
        pytest.param(
            [spot("a", 8, rack="r0"), spot("b", 4, rack="r0"), spot("c", 4, rack="r1")],
            gang(1, 4),
            {"c": 1},
            id="of equal hosts the one in the fuller rack",
        ),
        pytest.param(
            [spot("a", 8), spot("b", 8)], Shape(2, 5, 4), {"a": 2, "b": 2}, id="as many as fit from the least on"
        ),
        pytest.param([spot("a", 4), spot("b", 4)], Shape(3, 5, 4), None, id="fewer than the least are none"),
    ],
)
def test_packing(spots: list[Spot], shape: Shape, expected: Mapping[str, int] | None) -> None:
    assert place(POOL, spots, shape) == expected


TWO_RACKS = [
    spot("a", 4, rack="r0"),
    spot("b", 4, rack="r0"),
    spot("c", 6, rack="r1"),
    spot("d", 4, rack="r1"),
]


@pytest.mark.parametrize(
    ("spots", "shape", "expected"),
    [
        pytest.param(
            TWO_RACKS, gang(8, level=RACK, required=True), {"a": 4, "b": 4}, id="the fullest rack that holds it"
        ),
        pytest.param(
            TWO_RACKS, gang(10, level=RACK, required=True), {"c": 6, "d": 4}, id="the only rack that holds it"
        ),
        pytest.param(TWO_RACKS, gang(11, level=RACK, required=True), None, id="no rack holds it"),
        pytest.param(TWO_RACKS, gang(6, level=RACK), {"c": 6}, id="one host is narrower than a rack"),
        pytest.param(
            TWO_RACKS, gang(11, level=RACK), {"a": 4, "b": 1, "c": 6}, id="preferred goes wider when no rack holds it"
        ),
        pytest.param(TWO_RACKS, gang(5, level=HOST, required=True), {"c": 5}, id="one host"),
        pytest.param(TWO_RACKS, gang(1, level="other", required=True), None, id="a level that the pool has not"),
        pytest.param(TWO_RACKS, gang(4, level="other"), {"a": 4}, id="an unknown level that is only preferred"),
        pytest.param(
            [Spot("x", ("", ""), 8, own=False), spot("y", 8)],
            gang(8, level=RACK, required=True),
            {"y": 8},
            id="a host without the label is in no domain",
        ),
        pytest.param(
            [spot("a", 8, rack="r0"), spot("b", 8, rack="r1", own=True)],
            gang(4, level=RACK, required=True),
            {"b": 4},
            id="the rack of the tenant's own hosts",
        ),
    ],
)
def test_topology(spots: list[Spot], shape: Shape, expected: Mapping[str, int] | None) -> None:
    assert place(POOL, spots, shape) == expected


def small_estates() -> list[list[Spot]]:
    """Three hosts in two racks, with all numbers of free GPUs up to four, the first one the tenant's own or not."""
    return [
        [spot("a", x, own=own), spot("b", y), spot("c", z, rack="r1")]
        for x, y, z in itertools.product(range(5), repeat=3)
        for own in (False, True)
    ]


def possible(spots: Sequence[Spot], workers: int, per: int) -> list[dict[str, int]]:
    """All ways to put the workers on the hosts."""
    rooms = [range(s.free // per + 1) for s in spots]
    return [
        {s.name: count for s, count in zip(spots, counts, strict=True) if count}
        for counts in itertools.product(*rooms)
        if sum(counts) == workers
    ]


SHAPES = [
    gang(workers, per, **more)
    for workers in range(1, 5)
    for per in (1, 2, 3)
    for more in (
        {},
        {"level": RACK},
        {"level": RACK, "required": True},
        {"level": HOST},
        {"level": HOST, "required": True},
    )
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_gang_is_placed_where_brute_force_finds_a_way(shape: Shape) -> None:
    for spots in small_estates():
        ways = possible(spots, shape.least, shape.gpus_per_worker)
        domains = {s.name: s.domains for s in spots}
        by_level = [[w for w in ways if len({domains[n][i] for n in w}) == 1] for i in range(2)]
        if shape.level is not None:
            narrow = by_level[1] or by_level[0] if shape.level == RACK else by_level[1]
            ways = narrow if shape.required or narrow else by_level[0] or ways
        found = place(POOL, spots, shape)
        assert found in ways if ways else found is None, spots
        if shape.required or shape.level is None:
            assert holds(POOL, spots, shape) is bool(ways)
        if found and shape.level is None:
            own = spots[0]
            used = found.get("a", 0)
            full = used == min(own.free // shape.gpus_per_worker, shape.least)
            assert full or not own.own, "own hosts are filled before others"
            if not own.own:
                assert len(found) == min(len(w) for w in ways), "no host more than needed"


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_the_hosts_does_not_matter(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - an order for a test, no secret
    spots = [spot(f"n{i}", order.randrange(9), rack=f"r{i % 3}", own=order.random() < 0.3) for i in range(9)]
    shapes = [Shape(2, 5, 2), Shape(3, 6, 1, RACK), Shape(2, 4, 2, RACK, required=True), Shape(1, 1, 4, HOST)]
    expected = [place(POOL, spots, shape) for shape in shapes]
    for _ in range(10):
        order.shuffle(spots)
        assert [place(POOL, spots, shape) for shape in shapes] == expected
