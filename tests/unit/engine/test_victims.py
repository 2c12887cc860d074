"""The cheapest victims, against brute force over all sets."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from entente.engine.option import Group, Option, risk_of
from entente.engine.victims import EXACT_CANDIDATES, Effort, cheapest, cost, freed_by
from entente.engine.victims import Test as Asked  # pytest takes what is called Test for its own

Chosen = tuple[Option, ...]


def option(job: str, gpus: int = 1, risk: float = 0.0, **more: object) -> Option:
    """A job of another tenant that gives GPUs of the node n."""
    plain = Option(job, "other", own=False, rank=0.0, risk=risk, started=0.0, freed={"n": gpus})
    return replace(plain, **more)  # type: ignore[arg-type] # fields of the dataclass, as each test says them


def needing(gpus: int) -> Asked:
    """So many GPUs make the placement possible; anything is allowed."""
    return Asked(lambda _: True, lambda chosen: sum(o.gpus for o in chosen) >= gpus, lambda _: True)


def names(chosen: Chosen | None) -> set[str] | None:
    return None if chosen is None else {o.job for o in chosen}


@pytest.mark.parametrize(
    ("options", "needed", "expected"),
    [
        pytest.param([option("a", 1), option("b", 2), option("c", 4)], 4, {"c"}, id="one that fits instead of two"),
        pytest.param([option("a", 4, 9.0), option("b", 4, 1.0)], 4, {"b"}, id="least at risk"),
        pytest.param([option("a", 8, 1.0), option("b", 4, 1.0)], 4, {"b"}, id="equal risk: fewer GPUs"),
        pytest.param(
            [option("a", 2, 1.0), option("b", 2, 1.0), option("c", 4, 2.0)], 4, {"c"}, id="equal GPUs: fewer jobs"
        ),
        pytest.param(
            [option("a", 4, started=1.0), option("b", 4, started=2.0)], 4, {"b"}, id="equal jobs: the later start"
        ),
        pytest.param([option("b", 4), option("a", 4)], 4, {"a"}, id="equal in all: by name"),
        pytest.param(
            [option("a", 4, 1.0, own=True, rank=1.0), option("b", 4, 9.0)], 4, {"b"}, id="others' work before own"
        ),
        pytest.param(
            [option("a", 4, 1.0, own=True, rank=5.0), option("b", 4, 9.0, own=True, rank=1.0)],
            4,
            {"b"},
            id="of own work the lowest priority",
        ),
        pytest.param([option("a", 2), option("b", 1)], 4, None, id="all together are too little"),
        pytest.param([], 1, None, id="no candidates"),
    ],
)
def test_the_set_that_costs_least_is_taken(options: list[Option], needed: int, expected: set[str] | None) -> None:
    assert names(cheapest([(o,) for o in options], needing(needed), Effort())) == expected


def drawn_groups(order: random.Random, count: int) -> list[Group]:
    """Jobs of three tenants on three nodes; some elastic, some alike."""
    groups: list[Group] = []
    for index in range(count):
        tenant = order.choice(("mine", "x", "y"))
        whole = Option(
            f"job-{index}",
            tenant,
            own=tenant == "mine",
            rank=float(order.choice((1, 2))) if tenant == "mine" else 0.0,
            risk=float(order.choice((0, 1, 3, 7))),
            started=float(order.choice((0, 5))),
            freed={order.choice("lmn"): order.choice((1, 2, 4)) for _ in range(order.choice((1, 1, 2)))},
        )
        part = {node: gpus - 1 for node, gpus in whole.freed.items() if gpus > 1}
        shrinks = (replace(whole, freed=part, keeps=dict.fromkeys(whole.freed, 1)),) if part and index % 3 == 0 else ()
        groups.append((*shrinks, whole))
    return groups


def drawn_test(order: random.Random) -> Asked:
    """Needs GPUs of one node, or of all together; x gives two jobs at most; an odd rule that is not monotone."""
    needed, together, odd = order.choice((2, 4, 5)), order.random() < 0.5, order.random() < 0.3

    def possible(chosen: Sequence[Option]) -> bool:
        given: dict[str, int] = {}
        for nodes in freed_by(chosen).values():
            for node, gpus in nodes.items():
                given[node] = given.get(node, 0) + gpus
        return (sum(given.values()) if together else max(given.values(), default=0)) >= needed

    return Asked(
        allowed=lambda chosen: sum(o.tenant == "x" for o in chosen) <= 2,
        possible=possible,
        acceptable=lambda chosen: not odd or sum(o.gpus for o in chosen) % 2 == 0,
    )


def brute(groups: Sequence[Group], test: Asked) -> Chosen | None:
    sets = [
        tuple(o for o in picked if o is not None) for picked in itertools.product(*[(None, *group) for group in groups])
    ]
    passing = [s for s in sets if s and test.allowed(s) and test.passed(s)]
    return min(passing, key=cost, default=None)


@pytest.mark.parametrize("seed", range(150))
def test_nothing_is_cheaper_among_all_sets(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - cases for a test, no secret
    groups, test = drawn_groups(order, order.randrange(1, 8)), drawn_test(order)
    expected, found = brute(groups, test), cheapest(groups, test, Effort())
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert cost(found) == cost(expected)


@pytest.mark.parametrize("seed", range(50))
def test_a_set_is_found_only_where_one_of_its_cost_is_still_wanted(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - cases for a test, no secret
    groups, test = drawn_groups(order, order.randrange(1, 8)), drawn_test(order)
    if (expected := brute(groups, test)) is None:
        return
    risk = risk_of(cost(expected))
    assert names(cheapest(groups, replace(test, wanted=lambda cost: risk_of(cost) <= risk), Effort()))
    assert cheapest(groups, replace(test, wanted=lambda found: found < cost(expected)), Effort()) is None


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_candidates_does_not_matter(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - cases for a test, no secret
    groups, test = drawn_groups(order, 7), drawn_test(order)
    expected = names(cheapest(groups, test, Effort()))
    order.shuffle(groups)
    assert names(cheapest(groups, test, Effort())) == expected


@pytest.mark.parametrize("seed", range(20))
def test_of_many_candidates_none_is_taken_that_could_be_left_out(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - cases for a test, no secret
    groups = drawn_groups(order, EXACT_CANDIDATES + 10)
    test = needing(order.randrange(1, 40))
    found = cheapest(groups, test, Effort())
    assert found is not None
    assert test.passed(found)
    assert len({o.job for o in found}) == len(found), "one option of each job at most"
    for left_out in found:
        assert not test.passed([o for o in found if o is not left_out])


def test_twenty_alike_candidates_are_no_explosion() -> None:
    alike = [(option(f"job-{i:02}", 1, 1.0),) for i in range(EXACT_CANDIDATES)]
    asked = 0

    def possible(chosen: Sequence[Option]) -> bool:
        nonlocal asked
        asked += 1
        return len(chosen) >= 10

    found = cheapest(alike, Asked(lambda _: True, possible, lambda _: True), Effort())
    assert names(found) == {f"job-{i:02}" for i in range(10)}
    assert asked < 1_000
