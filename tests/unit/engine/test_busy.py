"""What taking from others may leave idle."""

import random

import pytest

from entente.engine.busy import Idle, keeps_busy
from entente.engine.candidates import candidates
from entente.engine.cycle import begin, claim_of, walk_all
from entente.engine.ground import Ground
from entente.engine.outlook import NOTHING
from entente.engine.state import State
from tests.support.estates import NOW, Draft, estate


def drawn(order: random.Random) -> Draft:
    """Hosts full of two borrowers' jobs, a claim, and jobs that wait beside it."""
    draft = estate().pool(hosts=3).tenant("a", 0).tenant("b", 0).tenant("c", 0)
    for host in range(3):
        left, index = 8, 0
        while left:
            gpus = min(left, order.choice((1, 2, 4, 8)))
            draft = draft.running(f"{order.choice('bc')}/r{host}-{index}", {f"h100-{host}": gpus}, ran_s=7200.0)
            left, index = left - gpus, index + 1
    for index in range(order.randint(0, 3)):
        asked = order.choice((1, 2, 4, 8))
        draft = draft.pending(f"{order.choice('abc')}/w{index}", gpus_per_worker=asked, submitted=NOW)
    return draft.pending("a/claim", gpus_per_worker=order.choice((1, 2, 4)), submitted=NOW - 900.0)


@pytest.mark.parametrize("seed", range(80))
def test_no_set_that_keeps_the_gpus_busy_leaves_any_idle_nor_does_a_larger_one_use_more(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - a repeatable draw, no secret
    state = State(drawn(order).snapshot())
    cycle = begin(state, NOW)
    walk_all(cycle)
    entry = next(e for e in cycle.pending("a") if e.job.key == "a/claim")
    claim = claim_of(cycle, entry, "h100", first=True)
    ground = Ground(cycle, claim, (), NOW)
    groups, idle = candidates(cycle, claim, ground.charges(NOTHING)), Idle(cycle, claim, ground)
    for _ in range(30):
        chosen = [order.choice(g) for g in groups if order.random() < 0.3]
        if chosen and keeps_busy(cycle, claim, ground, chosen):
            assert not idle.left_by(chosen)
        if chosen and idle.left_by(chosen[:1]):
            assert idle.left_by(chosen)
