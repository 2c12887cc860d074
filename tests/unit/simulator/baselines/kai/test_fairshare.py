"""Rules N2-N7: what each queue's share is. W1-W3 and W8 are worked examples of the rules."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.simulator.baselines.kai.fairshare import divide
from entente.simulator.baselines.kai.queues import Queue


def queue(name: str, quota: int | None, requested: int, **more: object) -> Queue:
    made = Queue(name, quota, **more)  # type: ignore[arg-type]  # each case names fields of the queue
    made.requested = requested
    return made


def shares(total: int, queues: Sequence[Queue], k: float = 1.0) -> dict[str, int]:
    divide(total, queues, {}, k)
    return {queue.name: queue.fair_share for queue in queues}


@pytest.mark.parametrize(
    ("total", "queues", "expected"),
    [
        pytest.param(10, [queue("a", 3, 10), queue("b", 3, 10)], {"a": 5, "b": 5}, id="W1: the rest in equal parts"),
        pytest.param(
            10, [queue("a", 3, 10, weight=3), queue("b", 3, 10)], {"a": 6, "b": 4}, id="W2: the rest by weight"
        ),
        pytest.param(
            10,
            [queue("a", 3, 10, priority=2), queue("b", 3, 10, priority=1, weight=100)],
            {"a": 7, "b": 3},
            id="W3: a queue of higher priority takes all of the rest",
        ),
        pytest.param(4, [queue("a", 2, 4), queue("b", 2, 1)], {"a": 3, "b": 1}, id="W8: what one leaves, another has"),
        pytest.param(10, [queue("a", 3, 2), queue("b", 3, 1)], {"a": 2, "b": 1}, id="N3: no more than is asked for"),
        pytest.param(
            4, [queue("a", 3, 9), queue("b", 3, 9)], {"a": 3, "b": 3}, id="N3: quotas beyond the total are granted"
        ),
        pytest.param(
            10, [queue("a", None, 4), queue("b", 2, 9)], {"a": 4, "b": 6}, id="N3: an unlimited quota is the total"
        ),
        pytest.param(10, [queue("a", 2, 9, limit=3), queue("b", 2, 9)], {"a": 3, "b": 7}, id="N2: up to the limit"),
        pytest.param(10, [queue("a", 4, 9, limit=0), queue("b", 2, 9)], {"a": 0, "b": 9}, id="N1: limit 0 blocks all"),
        pytest.param(
            10, [queue("a", 2, 9, weight=0), queue("b", 2, 5)], {"a": 2, "b": 5}, id="N4: weight 0 has its quota only"
        ),
        pytest.param(
            12,
            [queue("a", 0, 2), queue("b", 0, 20), queue("c", 0, 20)],
            {"a": 2, "b": 5, "c": 5},
            id="N4: another round for what one asked less than its part",
        ),
        pytest.param(
            10,
            [queue("a", 0, 9, priority=2), queue("b", 0, 9, priority=1)],
            {"a": 9, "b": 1},
            id="N4: the next bucket has what the one before left",
        ),
        pytest.param(
            10,
            [queue("a", 0, 10, age=2), queue("b", 0, 10, age=1), queue("c", 0, 10, age=0)],
            {"a": 3, "b": 3, "c": 4},
            id="N5: of equal fractions the older queue's is rounded up",
        ),
        pytest.param(
            10,
            [queue("a", 0, 10, weight=2, age=9), queue("b", 0, 10, weight=5, age=1)],
            {"a": 3, "b": 7},
            id="N5: the largest fraction is rounded up, 20/7 before 50/7",
        ),
        pytest.param(
            11,
            [
                queue("a", 0, 10, priority=2),
                queue("b", 0, 10, priority=2, age=1),
                queue("c", 0, 10, priority=1),
            ],
            {"a": 5, "b": 5, "c": 1},
            id="N4, N5: what rounding kept from a bucket goes to the next bucket first",
        ),
    ],
)
def test_a_share_is_the_quota_and_a_part_of_the_rest(
    total: int, queues: Sequence[Queue], expected: Mapping[str, int]
) -> None:
    assert shares(total, queues) == expected


@pytest.mark.parametrize(
    ("usage", "k", "expected"),
    [
        pytest.param((0.8, 0.2), 1.0, {"a": 2, "b": 8}, id="N25: equal weights, s = (0.2, 0.8)"),
        pytest.param((0.8, 0.2), 0.0, {"a": 5, "b": 5}, id="N25: k 0 forgets"),
        pytest.param((1.5, 0.5), 1.0, {"a": 0, "b": 10}, id="N4: never below nothing"),
    ],
)
def test_past_use_counts_against_a_weight(usage: tuple[float, float], k: float, expected: Mapping[str, int]) -> None:
    used_a, used_b = usage
    assert shares(10, [queue("a", 0, 10, usage=used_a), queue("b", 0, 10, usage=used_b)], k) == expected


def test_children_divide_their_parents_share() -> None:
    left, right = Queue("left", 4), Queue("right", 6)
    leaves = {
        "left": [Queue("a", 2, parent=left), Queue("b", 0, parent=left, age=1)],
        "right": [Queue("c", 1, parent=right)],
    }
    for leaf, gpus in zip([*leaves["left"], *leaves["right"]], [3, 9, 2], strict=True):
        leaf.request(gpus)
    divide(10, [left, right], leaves)
    assert [left.fair_share, right.fair_share] == [8, 2]
    assert [leaf.fair_share for leaf in (*leaves["left"], *leaves["right"])] == [3, 5, 2]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(queue("a", None, 0), None, id="an unlimited quota without a limit has no bound"),
        pytest.param(queue("a", None, 0, limit=7), 7, id="an unlimited quota is bound by the limit"),
        pytest.param(queue("a", 3, 0), 3, id="the quota, also when nothing is asked for"),
        pytest.param(queue("a", 3, 0, fair_share=5), 5, id="the fair share where it is more"),
        pytest.param(queue("a", 3, 0, fair_share=5, limit=4), 4, id="no more than the limit"),
    ],
)
def test_allocatable_is_what_a_queue_may_have_by_right(made: Queue, expected: int | None) -> None:
    assert made.allocatable == expected


drawn = st.builds(
    queue,
    st.uuids().map(str),
    st.integers(0, 12),
    st.integers(0, 30),
    limit=st.one_of(st.none(), st.integers(0, 20)),
    weight=st.integers(0, 5),
    priority=st.integers(1, 2),
    age=st.integers(0, 3),
)


@given(st.integers(0, 60), st.lists(drawn, max_size=6))
def test_shares_sum_to_no_more_than_the_capacity_when_quotas_do(total: int, queues: list[Queue]) -> None:
    found = shares(total, queues)
    quotas = sum(queue.quota or 0 for queue in queues)
    if quotas <= total:
        assert sum(found.values()) <= total
    for made in queues:
        assert min(made.quota or 0, made.requestable) <= made.fair_share <= max(made.requestable, 0)


@given(st.integers(0, 60), st.lists(drawn, min_size=1, max_size=6))
def test_nothing_is_left_while_a_queue_with_a_weight_wants_more(total: int, queues: list[Queue]) -> None:
    found = shares(total, queues)
    if sum(found.values()) < total:
        # a bucket's fractions are given out once; more can be left only by its last round
        hungry = [made for made in queues if made.weight and made.fair_share < made.requestable]
        assert not hungry


@given(st.integers(0, 60), st.lists(drawn, max_size=6, unique_by=lambda made: made.age), st.randoms())
def test_the_order_in_which_queues_are_given_does_not_matter(total: int, queues: list[Queue], chance: object) -> None:
    before = shares(total, queues)
    chance.shuffle(queues)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert shares(total, queues) == before
