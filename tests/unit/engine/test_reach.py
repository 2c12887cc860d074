"""What a borrowed claim could come to: nothing that is passed over for it would have started, or taken anything."""

import random
from collections import Counter

import pytest

from entente.engine import lanes, serving
from entente.engine.cycle import Claim, Cycle
from entente.engine.planner import decide
from entente.engine.reach import comes_to_nothing, out_of_reach
from entente.engine.reclaim import reclaim
from entente.engine.taking import Taking
from tests.support.crowds import behind, drawn, drawn_alone, judged
from tests.support.estates import estate


def counted(cycle: Cycle) -> Counter[str]:
    """How the jobs that still wait are judged; fails where one is passed over of which something would come."""
    found = Counter[str]()
    for entry, claim in behind(cycle):
        beyond, nothing = out_of_reach(cycle, entry), comes_to_nothing(cycle, claim)
        taking = isinstance(reclaim(cycle, claim), Taking)
        assert not (taking and nothing), entry.job
        assert nothing or not beyond
        found.update(beyond=beyond, nothing=nothing, taking=taking, all=1)
    return found


@pytest.mark.parametrize("seeds", [range(n, n + 25) for n in range(0, 200, 25)], ids=str)
def test_nothing_would_have_come_of_what_is_passed_over(seeds: range) -> None:
    found = sum((judged(seed, counted) for seed in seeds), Counter[str]())
    assert found["all"] > found["nothing"] > found["beyond"] > 0
    assert found["taking"]


@pytest.mark.parametrize("seeds", [range(n, n + 25) for n in range(0, 200, 25)], ids=str)
def test_the_same_is_decided_as_when_every_job_is_tried(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [random.Random(seed) for seed in seeds]  # noqa: S311 - a repeatable draw, no secret
    snapshots = [draw(order).snapshot() for order in orders for draw in (drawn, drawn_alone)]
    found = [decide(snapshot).decisions for snapshot in snapshots]
    monkeypatch.setattr(lanes, "out_of_reach", lambda *_: False)
    monkeypatch.setattr(lanes, "waits_in_vain", lambda *_: False)
    monkeypatch.setattr(serving, "comes_to_nothing", lambda *_: False)
    assert [decide(snapshot).decisions for snapshot in snapshots] == found


def test_a_kind_of_claim_that_came_to_nothing_is_tried_once_until_the_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draft = estate().pool(hosts=1).tenant("a", 0).tenant("b", 0).running("b/whole", {"h100-0": 8}, ran_s=7200.0)
    for index, length in enumerate((None, 90_000.0, 91_000.0, 92_000.0)):  # of unlike lengths, so that none are alike
        draft = draft.pending(f"a/w{index}", gpus_per_worker=2, max_s=length)
    tried: list[str] = []

    def counting(cycle: Cycle, claim: Claim) -> object:
        tried.append(claim.job.key)
        return reclaim(cycle, claim)

    monkeypatch.setattr(serving, "reclaim", counting)
    plan = decide(draft.snapshot())
    assert {type(d).__name__ for d in plan.decisions} == {"Wait"}, plan.decisions
    assert tried == ["a/w0", "a/w1"]
