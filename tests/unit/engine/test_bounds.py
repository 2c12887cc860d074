"""The lower bound of what a set of victims costs, against brute force."""

import itertools
import random
from dataclasses import replace
from functools import reduce

import pytest

from entente.engine.bounds import NOTHING, Bounds, Room, Tally, main_host, plus
from entente.engine.option import NO_OWN, Group, Option


def option(job: str, freed: dict[str, int], risk: float = 1.0, *, own: bool = False, rank: float = 0.0) -> Option:
    return Option(job, "mine" if own else "other", own=own, rank=rank, risk=risk, started=0.0, freed=freed)


def room(workers: int, per: int, free: dict[str, int]) -> Room:
    """Room on hosts of which so many GPUs are free."""
    return Room(workers, per, lambda name, gpus: (free.get(name, 0) + gpus) // per - free.get(name, 0) // per)


def by_brute_force(groups: list[Group], needed: Room, free: dict[str, int]) -> tuple[float, tuple[int, ...]] | None:
    best: tuple[float, tuple[int, ...]] | None = None
    for picks in itertools.product(*((None, *g) for g in groups)):
        chosen = [o for o in picks if o is not None]
        freed = dict.fromkeys(free, 0)
        for one in chosen:
            for name, gpus in one.freed.items():
                freed[name] += gpus
        if sum(needed.made(name, gpus) for name, gpus in freed.items()) >= needed.workers:
            total = NOTHING
            for one in chosen:
                total = plus(total, one.amounts)
            found = (max((o.rank for o in chosen if o.own), default=NO_OWN), total)
            best = found if best is None else min(best, found)
    return best


@pytest.mark.parametrize("seed", range(60))
def test_where_each_job_is_on_one_host_the_bound_is_what_the_best_set_costs(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - a repeatable draw, no secret
    free = {name: order.randint(0, 3) for name in "lmn"}
    groups: list[Group] = []
    for index in range(order.randint(1, 7)):
        own = order.random() < 0.3
        host, gpus = order.choice("lmn"), order.choice((1, 2, 4))
        rank = float(order.choice((1, 2))) if own else 0.0
        groups.append((option(f"j{index}", {host: gpus}, float(order.randint(0, 9)), own=own, rank=rank),))
    groups.sort(key=main_host)
    needed = room(order.randint(1, 3), order.choice((1, 2, 4)), free)
    assert Bounds(groups, needed).rest(NO_OWN, (), 0) == by_brute_force(groups, needed, free)


@pytest.mark.parametrize("seed", range(60))
def test_where_jobs_are_on_several_hosts_no_set_costs_less_than_the_bound(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - as above
    free = {name: order.randint(0, 3) for name in "lmn"}
    groups: list[Group] = [
        (
            option(
                f"j{i}", {h: order.choice((1, 2, 4)) for h in order.sample("lmn", order.randint(1, 3))}, order.random()
            ),
        )
        for i in range(6)
    ]
    groups.sort(key=main_host)
    needed = room(order.randint(1, 4), order.choice((1, 2, 4)), free)
    bound, best = Bounds(groups, needed).rest(NO_OWN, (), 0), by_brute_force(groups, needed, free)
    assert best is None or (bound is not None and bound <= best)


def test_what_is_taken_already_counts_for_the_room() -> None:
    groups: list[Group] = [(option("a", {"n": 2}),), (option("b", {"n": 2}),), (option("c", {"n": 2}),)]
    bounds = Bounds(groups, room(1, 4, {"n": 0}))
    assert bounds.rest(NO_OWN, [groups[0][0]], 1) == (NO_OWN, (0, 1000, 2, 2, 1))
    assert bounds.rest(NO_OWN, [groups[0][0]], 3) is None


@pytest.mark.parametrize("seed", range(80))
def test_where_own_jobs_must_give_first_the_bound_is_no_more_than_what_the_best_set_costs(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - as above
    free = {name: order.randint(0, 3) for name in "lmn"}
    groups: list[Group] = []
    for index in range(order.randint(1, 7)):
        own = order.random() < 0.6
        host, gpus = order.choice("lmn"), order.choice((1, 2, 4))
        rank = float(order.choice((1, 2))) if own else 0.0
        groups.append((option(f"j{index}", {host: gpus}, float(order.randint(0, 9)), own=own, rank=rank),))
    groups.sort(key=main_host)
    plain = room(order.randint(1, 3), order.choice((1, 2, 4)), free)
    needed = replace(plain, tenant="mine", own_gpus=order.randint(1, 6))
    best: tuple[float, tuple[int, ...]] | None = None
    for picks in itertools.product(*((None, *g) for g in groups)):
        chosen = [o for o in picks if o is not None]
        given = sum(o.gpus for o in chosen if o.own)
        if any(not o.own for o in chosen) and given < needed.own_gpus:
            continue
        if Tally(needed, chosen).lacks:
            continue
        total = NOTHING
        for one in chosen:
            total = plus(total, one.amounts)
        found = (max((o.rank for o in chosen if o.own), default=NO_OWN), total)
        best = found if best is None else min(best, found)
    bound = Bounds(groups, needed).rest(NO_OWN, (), 0)
    assert best is None or (bound is not None and bound <= best)


@pytest.mark.parametrize("seed", range(60))
def test_where_gpus_must_be_given_in_all_the_bound_is_what_the_best_set_costs(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - as above
    groups: list[Group] = []
    for index in range(order.randint(1, 7)):
        given = sorted(order.sample((1, 2, 3, 4, 8), order.choice((1, 1, 2))))
        host, own = order.choice("lmn"), order.random() < 0.3
        ways = [
            option(f"j{index}", {host: gpus}, float(order.randint(0, 9)), own=own, rank=float(own)) for gpus in given
        ]
        groups.append(tuple(ways))
    groups.sort(key=main_host)
    needed = replace(room(0, 1, {}), gpus=order.randint(1, 16))
    sets = [[o for o in picks if o] for picks in itertools.product(*((None, *g) for g in groups))]
    enough = [chosen for chosen in sets if not Tally(needed, chosen).lacks]
    costs = [(max((o.rank for o in c if o.own), default=NO_OWN), reduce(plus, (o.amounts for o in c))) for c in enough]
    assert Bounds(groups, needed).rest(NO_OWN, (), 0) == min(costs, default=None)


def test_a_tally_forgets_what_is_dropped() -> None:
    tally = Tally(room(1, 4, {"n": 0}))
    pair = [option("a", {"n": 2}), option("b", {"n": 2})]
    tally.add(pair[0])
    assert tally.lacks
    tally.add(pair[1])
    assert not tally.lacks
    tally.drop(pair[0])
    assert tally.lacks
