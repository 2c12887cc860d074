"""Rules N13-N18: who may take from whom."""

from collections.abc import Mapping, Sequence
from itertools import product

import pytest

from entente.simulator.baselines.kai.queues import Queue
from entente.simulator.baselines.kai.reclaim import Claim, leveled, may_be_victim, may_reclaim, valid


def queue(
    name: str,
    quota: int | None,
    allocated: int,
    fair_share: int,
    *,
    limit: int | None = None,
    parent: Queue | None = None,
) -> Queue:
    return Queue(name, quota, limit, allocated=allocated, fair_share=fair_share, parent=parent)


@pytest.mark.parametrize(
    ("quota", "certain", "gpus", "expected"),
    [
        pytest.param(2, 0, 3, True, id="up to the fair share"),
        pytest.param(2, 0, 4, False, id="not beyond it"),
        pytest.param(9, 0, 4, False, id="not beyond it, though within a quota that nobody granted"),
        pytest.param(3, 1, 2, True, id="what cannot be evicted up to the quota"),
        pytest.param(2, 1, 2, False, id="what cannot be evicted not beyond the quota"),
    ],
)
def test_a_job_may_reclaim_within_its_queues_fair_share(quota: int, certain: int, gpus: int, *, expected: bool) -> None:
    mine = queue("mine", quota, 2, 5)
    mine.allocated_non_preemptible = certain
    assert may_reclaim(Claim(mine, gpus, non_preemptible=certain > 0)) is expected


def test_queues_are_compared_just_below_their_lowest_common_ancestor() -> None:
    top, other = Queue("top", None), Queue("other", None)
    department, sibling = Queue("department", None, parent=top), Queue("sibling", None, parent=top)
    a, b, c, d = (
        Queue(name, None, parent=parent)
        for name, parent in [("a", department), ("b", department), ("c", sibling), ("d", other)]
    )
    assert leveled(a, b) == (a, b)
    assert leveled(a, c) == (department, sibling)
    assert leveled(a, d) == (top, other)


@pytest.mark.parametrize(
    ("mine", "theirs", "gpus", "expected"),
    [
        pytest.param((4, 1, 6), (2, 3, 5), 3, True, id="within the quota: from whoever is above its quota"),
        pytest.param((4, 1, 6), (3, 3, 5), 3, False, id="within the quota: not from one at its quota"),
        pytest.param((4, 1, 6), (2, 6, 5), 4, True, id="beyond the quota: from one above its fair share"),
        pytest.param((4, 1, 6), (2, 5, 5), 4, False, id="beyond the quota: not from one at its fair share"),
        pytest.param((4, 1, 6), (None, 9, 5), 3, False, id="not from an unlimited quota"),
    ],
)
def test_victims_are_sought_in_queues_that_have_too_much(
    mine: tuple[int, int, int], theirs: tuple[int | None, int, int], gpus: int, *, expected: bool
) -> None:
    top = Queue("top", None)
    claim = Claim(queue("mine", *mine, parent=top), gpus)
    assert may_be_victim(claim, queue("theirs", *theirs, parent=top)) is expected


@pytest.mark.parametrize(
    ("mine", "others", "gpus", "victims", "expected"),
    [
        pytest.param((2, 0, 1), {"a": (2, 4, 3)}, 1, {"a": [4]}, True, id="W8: all 4 GPUs of one gang, for one GPU"),
        pytest.param((0, 3, 5), {"a": (0, 7, 5)}, 2, {"a": [1, 1]}, True, id="N16a: one by one down to the fair share"),
        pytest.param(
            (0, 3, 5), {"a": (0, 7, 5)}, 2, {"a": [1, 1, 1]}, False, id="N16a: none of a queue at its fair share"
        ),
        pytest.param(
            (0, 3, 5),
            {"a": (0, 7, 5)},
            2,
            {"a": [1, 6]},
            True,
            id="N16a: the last may take it far below: judged before",
        ),
        pytest.param((0, 3, 5), {"a": (0, 7, 5)}, 2, {"a": [6, 1]}, False, id="N16a: and then no other"),
        pytest.param(
            (0, 3, 5), {"a": (4, 4, 2)}, 2, {"a": [1]}, False, id="N16a: not below a quota that is above the fair share"
        ),
        pytest.param(
            (4, 1, 6), {"a": (2, 5, 5)}, 3, {"a": [3]}, True, id="N16b: within the quota, from one above its quota only"
        ),
        pytest.param((4, 1, 6), {"a": (2, 5, 5)}, 4, {"a": [3]}, False, id="N16b: not beyond the quota"),
        pytest.param((4, 1, 6), {"a": (2, 5, 5)}, 3, {"a": [3, 1]}, False, id="N16b: none of a queue at its quota"),
        pytest.param(
            (0, 0, 4), {"a": (0, 5, 3), "b": (0, 5, 3)}, 4, {"a": [2], "b": [2]}, True, id="N16: each queue by itself"
        ),
        pytest.param(
            (0, 0, 4),
            {"a": (0, 5, 3), "b": (0, 3, 3)},
            4,
            {"a": [2], "b": [2]},
            False,
            id="N16: all queues have to fit",
        ),
        pytest.param((0, 3, 5), {"a": (0, 7, 5)}, 2, {}, True, id="nothing is taken where all are moved"),
        pytest.param((9, 4, 4), {"a": (0, 9, 6)}, 1, {"a": [1]}, True, id="N17: 5/4 after it is less than 8/6"),
        pytest.param((9, 5, 4), {"a": (0, 9, 6)}, 1, {"a": [1]}, False, id="N17: 6/4 after it is not less than 8/6"),
        pytest.param(
            (9, 7, 6), {"a": (0, 9, 6)}, 1, {"a": [1]}, False, id="N17: not where both would be equally saturated"
        ),
        pytest.param((9, 0, 0), {"a": (0, 9, 6)}, 1, {"a": [1]}, False, id="N17: without a share any GPU is too much"),
        pytest.param((9, 7, 6), {"a": (0, 9, 0)}, 1, {"a": [1]}, True, id="N17: nobody yields to one without a share"),
    ],
)
def test_a_scenario_is_valid(
    mine: tuple[int, int, int],
    others: Mapping[str, tuple[int, int, int]],
    gpus: int,
    victims: Mapping[str, Sequence[int]],
    *,
    expected: bool,
) -> None:
    top = Queue("top", None)
    leaves = {name: queue(name, *figures, parent=top) for name, figures in others.items()}
    assert valid(Claim(queue("mine", *mine, parent=top), gpus), victims, leaves) is expected


def test_a_multiplier_slows_reclaim() -> None:
    top = Queue("top", None)
    theirs, claim = queue("a", 0, 9, 6, parent=top), Claim(queue("mine", 9, 4, 4, parent=top), 1)
    assert valid(claim, {"a": [1]}, {"a": theirs}, slowness=1.0)
    assert not valid(claim, {"a": [1]}, {"a": theirs}, slowness=1.2)


def test_saturation_is_compared_at_every_level() -> None:
    """A leaf below its share takes from another department only while its own department stays less saturated."""
    outcomes = {}
    for taken in (6, 9):
        mine, theirs = queue("mine", 12, 5, 5), queue("theirs", 2, taken, 5)
        leaf, victim = queue("leaf", 3, 1, 3, parent=mine), queue("victim", 0, taken, 5, parent=theirs)
        outcomes[taken] = valid(Claim(leaf, 1), {"victim": [1]}, {"victim": victim})
    # 6/5 is not less than 5/5, but less than 8/5
    assert outcomes == {6: False, 9: True}


def test_what_cannot_be_evicted_stays_within_the_quota_of_each_level() -> None:
    top = Queue("top", 3, allocated_non_preemptible=3, fair_share=8)
    leaf, victim = queue("leaf", 4, 0, 4, parent=top), queue("victim", 0, 6, 2, parent=top)
    assert valid(Claim(leaf, 1), {"victim": [1]}, {"victim": victim})
    assert not valid(Claim(leaf, 1, non_preemptible=True), {"victim": [1]}, {"victim": victim})


def test_a_queue_never_takes_back_what_was_just_taken_by_fair_share() -> None:
    """N13, N16a: no two queues reclaim from each other in turn, whatever their shares and victims."""
    top = Queue("top", None)
    for fair_a, used_a, gpus in product(range(1, 9), range(9), range(1, 5)):
        fair_b, used_b = 8 - fair_a, 8 - used_a
        a, b = queue("a", 0, used_a, fair_a, parent=top), queue("b", 0, used_b, fair_b, parent=top)
        claim = Claim(a, gpus)
        if used_b < gpus or not may_reclaim(claim) or not valid(claim, {"b": [gpus]}, {"b": b}):
            continue
        a.allocated, b.allocated = used_a + gpus, used_b - gpus
        back = Claim(b, gpus)
        assert not (may_reclaim(back) and valid(back, {"a": [gpus]}, {"a": a}))
