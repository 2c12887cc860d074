"""What a claim takes on exclusive hosts, against brute force over all sets of victims."""

import itertools
import random
from collections.abc import Sequence

import pytest

from entente.engine.busy import Idle
from entente.engine.candidates import candidates
from entente.engine.caps import cap_of
from entente.engine.cycle import Claim, Cycle, begin, claim_of
from entente.engine.decisions import Evict
from entente.engine.ground import Ground
from entente.engine.limits import test_of as asked_of
from entente.engine.option import Group, Option
from entente.engine.outlook import NOTHING
from entente.engine.planner import decide
from entente.engine.reclaim import take
from entente.engine.state import State
from entente.engine.verdict import opened
from entente.engine.victims import cost, freed_by
from tests.support.crowds import TENANTS, drawn_alone
from tests.support.estates import NOW, estate


def cheapest_of_all(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group]) -> tuple[Option, ...] | None:
    """The cheapest set that may be taken, of all in which each victim is needed for the claim's own place."""
    idle = Idle(cycle, claim, ground)
    test = asked_of(cycle, claim, ground, groups, None, idle)
    sets = (
        tuple(o for o in picked if o is not None) for picked in itertools.product(*[(None, *group) for group in groups])
    )
    passing = [s for s in sets if s and test.allowed(s) and test.passed(s)]

    def stands(options: Sequence[Option]) -> bool:
        return ground.stands(freed_by(options), cap=cap_of(cycle, claim, options))

    def all_needed(options: Sequence[Option]) -> bool:
        return not any(stands([o for o in options if o is not left]) for left in options)

    return min(filter(all_needed, passing), key=cost, default=None)


@pytest.mark.parametrize("seed", range(400))
def test_on_exclusive_hosts_nothing_is_cheaper_among_all_sets(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - a repeatable draw, no secret
    cycle = opened(begin(State(drawn_alone(order).snapshot()), NOW))
    for tenant in TENANTS:
        for entry in list(cycle.pending(tenant)):
            claim = claim_of(cycle, entry, "h100", first=True)
            ground = Ground(cycle, claim, (), NOW)
            if ground.stands():
                continue
            groups = candidates(cycle, claim, ground.charges(NOTHING))
            expected, taking = cheapest_of_all(cycle, claim, ground, groups), take(cycle, claim, ground, groups)
            if taking is not None and taking.moved:
                continue  # moves are sought beside victims
            assert (taking and cost(taking.options)) == (expected and cost(expected)), (entry.job.key, expected)


@pytest.mark.parametrize(
    ("waiting", "taken"),
    [
        pytest.param(("a/x",), set(), id="one GPU of four would be used"),
        pytest.param(("a/x", "b/y0", "b/y1", "b/y2"), set(), id="what others wait for is not to be had there"),
        pytest.param(("a/x", "a/x1", "a/x2", "a/x3"), {"c/r0", "c/r1", "c/r2", "c/r3"}, id="its own jobs use it"),
    ],
)
def test_an_exclusive_host_is_taken_for_the_fair_share_only_if_its_new_tenant_keeps_it_as_busy(
    waiting: tuple[str, ...], taken: set[str]
) -> None:
    draft = estate().pool(hosts=2, gpus=4, exclusive=True).tenant("a", 0).tenant("b", 0).tenant("c", 0)
    for index in range(4):
        draft = draft.running(f"c/r{index}", {"h100-0": 1}, ran_s=7200.0)
    draft = draft.running("c/rest", {"h100-1": 4}, ran_s=91_000.0)
    for key in waiting:
        draft = draft.pending(key, submitted=NOW - 900.0)
    assert {d.job for d in decide(draft.snapshot()).decisions if isinstance(d, Evict)} == taken
