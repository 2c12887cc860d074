"""What a set of victims must satisfy, asked of all of it and of one option after the other."""

import random

import pytest

from entente.engine.busy import Idle
from entente.engine.candidates import candidates
from entente.engine.cycle import Claim, Cycle, begin, claim_of, walk_all
from entente.engine.ground import Ground
from entente.engine.limits import test_of as limits_test_of  # pytest takes what is called test_ for its own
from entente.engine.option import Option
from entente.engine.outlook import NOTHING
from entente.engine.state import State
from tests.support.estates import NOW, Draft, estate


def drawn(order: random.Random) -> Draft:
    """Hosts full of two borrowers' jobs, some of them elastic or on call, a claim, and jobs that wait beside it."""
    draft = estate().pool(hosts=3).tenant("a", order.choice((0, 8))).tenant("b", 4).tenant("c", 0)
    for host in range(3):
        left, index = 8, 0
        while left:
            gpus, key = min(left, order.choice((1, 2, 4, 8))), f"{order.choice('bc')}/r{host}-{index}"
            elastic, on_call = (1, gpus) if order.random() < 0.3 else None, order.random() < 0.1
            draft = draft.running(key, {f"h100-{host}": gpus}, ran_s=7200.0, elastic=elastic, on_call=on_call)
            left, index = left - gpus, index + 1
    draft = draft.pending(f"{order.choice('bc')}/w", gpus_per_worker=order.choice((1, 2, 4)), submitted=NOW)
    return draft.pending("a/claim", gpus_per_worker=order.choice((1, 2, 4)), submitted=NOW - 900.0)


def opened(draft: Draft, *, first: bool = True) -> tuple[Cycle, Claim]:
    cycle = begin(State(draft.snapshot()), NOW)
    walk_all(cycle)
    entry = next(e for e in cycle.pending("a") if e.job.key == "a/claim")
    return cycle, claim_of(cycle, entry, "h100", first=first)


@pytest.mark.parametrize("seed", range(80))
def test_what_is_taken_one_by_one_is_allowed_together_and_what_is_not_is_not(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - a repeatable draw, no secret
    cycle, claim = opened(drawn(order))
    ground = Ground(cycle, claim, (), NOW)
    groups = candidates(cycle, claim, ground.charges(NOTHING))
    test, taken = limits_test_of(cycle, claim, ground, groups, None, Idle(cycle, claim, ground)), list[Option]()
    take = test.taker()
    for group in order.sample(groups, len(groups)):
        option = order.choice(group)
        allowed = test.allowed([*taken, option])
        assert take(option) == allowed
        if allowed:
            taken.append(option)


def test_who_is_brought_down_to_what_it_keeps_by_its_own_ends_is_no_candidate() -> None:
    draft = estate().pool(hosts=1).tenant("a", 4).tenant("b", 4)
    draft = draft.running("b/ends", {"h100-0": 4}, max_s=7300.0, ran_s=7200.0).running("b/stays", {"h100-0": 4})
    cycle, claim = opened(draft.pending("a/claim", workers=4))
    assert [g[0].job for g in candidates(cycle, claim, {"a": 0, "b": 8})] == ["b/stays"]
    assert candidates(cycle, claim, {"a": 0, "b": 4}) == []


def test_what_is_on_call_is_a_candidate_all_the_same() -> None:
    draft = estate().pool(hosts=1).tenant("a", 4).tenant("b", 4).running("b/stays", {"h100-0": 4})
    draft = draft.running("b/called", {"h100-0": 4}, on_call=True)
    cycle, claim = opened(draft.pending("a/claim", workers=4))
    assert [g[0].job for g in candidates(cycle, claim, {"a": 0, "b": 4})] == ["b/called"]
