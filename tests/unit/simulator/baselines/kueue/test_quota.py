"""Kueue's quota arithmetic in a tree of cohorts (K1-K8); V1-V3 are vectors worked out from the rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.simulator.baselines.kueue.quota import QuotaNode, Reach


def pair(a: QuotaNode, b: QuotaNode, *, extra: int = 0) -> QuotaNode:
    return QuotaNode("all", extra, children=[a, b])


@pytest.mark.parametrize(
    ("borrow", "lend", "available", "subtree"),
    [
        pytest.param(None, None, (21, 21), 21, id="V1: idle, all of the cohort is for everybody"),
        pytest.param(1, None, (10, 21), 21, id="V2: a borrowing limit of 1"),
        pytest.param(None, 1, (10, 21), 10, id="V3: a lending limit of 1"),
        pytest.param(None, 0, (9, 21), 9, id="nothing is lent"),
        pytest.param(0, None, (9, 21), 21, id="nothing may be borrowed"),
        pytest.param(None, 12, (21, 21), 21, id="a lending limit of the whole quota is none"),
    ],
)
def test_what_is_available_and_could_be(
    borrow: int | None, lend: int | None, available: tuple[int, int], subtree: int
) -> None:
    left, right = QuotaNode("a", 9, borrowing_limit=borrow), QuotaNode("b", 12, lending_limit=lend)
    root = pair(left, right)
    assert (left.available(), right.available()) == available
    assert (left.potential(), right.potential()) == available, "nothing is in use"
    assert root.subtree == subtree


def test_k1_limits_need_a_cohort() -> None:
    with pytest.raises(ValueError, match="a: has no cohort, so neither a lending nor a borrowing limit is allowed"):
        QuotaNode("a", 9, lending_limit=1).checked()
    alone = QuotaNode("a", 9).checked()
    alone.add(4)
    assert (alone.available(), alone.potential()) == (5, 9)


@pytest.mark.parametrize(
    ("quantities", "message"),
    [
        ((-1, None, None), "a: nominal: -1 given, allowed are 0 and more"),
        ((9, -2, None), "a: lending limit: -2 given, allowed are 0 and more"),
        ((9, None, -3), "a: borrowing limit: -3 given, allowed are 0 and more"),
    ],
)
def test_a_negative_quantity_is_refused(quantities: tuple[int, int | None, int | None], message: str) -> None:
    nominal, lend, borrow = quantities
    with pytest.raises(ValueError, match=message):
        QuotaNode("a", nominal, lending_limit=lend, borrowing_limit=borrow)


def test_a_queue_is_in_one_cohort() -> None:
    queue = QuotaNode("a", 9)
    pair(queue, QuotaNode("b", 1))
    with pytest.raises(ValueError, match="a: is in cohort all already"):
        QuotaNode("other", 0, children=[queue])


def test_k2_quota_of_a_cohort_is_extra_and_no_cap() -> None:
    a, b = QuotaNode("a", 9), QuotaNode("b", 12)
    root = pair(a, b, extra=5)
    assert root.subtree == 26
    assert (a.available(), a.potential()) == (26, 26)


def test_k3_what_is_not_lent_stays_local() -> None:
    b = QuotaNode("b", 12, lending_limit=1)
    pair(QuotaNode("a", 9), b)
    assert b.local == 11


def test_k4_usage_counts_in_the_cohort_beyond_what_is_kept_back() -> None:
    a, b = QuotaNode("a", 9), QuotaNode("b", 12, lending_limit=1)
    root = pair(a, b)
    b.add(11)
    assert root.usage == 0, "all of it is local"
    assert a.available() == 10
    b.add(2)
    assert root.usage == 2
    assert a.available() == 8
    b.remove(3)
    assert (b.usage, root.usage) == (10, 0)
    assert a.available() == 10


def test_k5_a_borrowing_limit_counts_what_is_borrowed_already() -> None:
    a, b = QuotaNode("a", 9, borrowing_limit=4), QuotaNode("b", 12)
    pair(a, b)
    a.add(11)
    assert a.available() == 2
    b.add(9)
    assert a.available() == 1, "the cohort has one left"


def test_k5_available_is_negative_where_more_is_in_use_than_there_is() -> None:
    a, b = QuotaNode("a", 2), QuotaNode("b", 2)
    pair(a, b)
    a.add(7)
    assert (a.available(), b.available()) == (-3, -3)


def test_k5_and_k6_in_a_tree_of_cohorts() -> None:
    a, b = QuotaNode("a", 4), QuotaNode("b", 4)
    team = QuotaNode("team", 2, lending_limit=3, borrowing_limit=5, children=[a, b])
    c = QuotaNode("c", 8)
    QuotaNode("all", 0, children=[team, c]).checked()
    assert (team.subtree, team.local) == (10, 7)
    assert a.potential() == 15, "ten of the team and five of the others"
    assert c.potential() == 11, "its own, and three of the team"
    c.add(8)
    assert a.available() == 10
    c.add(3)
    assert (a.available(), c.available()) == (7, 0)
    a.add(7)
    assert (a.available(), b.available()) == (0, 0)


@pytest.mark.parametrize(("used", "asked", "borrows"), [(8, 0, False), (6, 2, False), (6, 3, True), (9, 0, True)])
def test_k7_all_of_the_quota_is_not_borrowing(used: int, asked: int, borrows: bool) -> None:  # noqa: FBT001 - a table
    a = QuotaNode("a", 8)
    pair(a, QuotaNode("b", 8))
    a.add(used)
    assert a.borrows_with(asked) is borrows


@pytest.mark.parametrize(
    ("used", "asked", "reach"),
    [
        pytest.param({}, 4, Reach(0, proper=True), id="its own quota is enough"),
        pytest.param({}, 5, Reach(1, proper=True), id="the team's is, and that can be taken back from outside"),
        pytest.param({"b": 4}, 7, Reach(2, proper=False), id="only all of it is"),
        pytest.param({"a": 4, "b": 4, "c": 8}, 3, Reach(2, proper=False), id="not even all of it is"),
    ],
)
def test_k8_how_far_up_a_request_goes(used: dict[str, int], asked: int, reach: Reach) -> None:
    a, b, c = QuotaNode("a", 4), QuotaNode("b", 4), QuotaNode("c", 8)
    team = QuotaNode("team", 2, children=[a, b])
    QuotaNode("all", 0, children=[team, c])
    for node in (a, b, c):
        node.add(used.get(node.name, 0))
    assert a.reach(asked) == reach


def test_k8_without_a_cohort_nothing_can_be_taken_back() -> None:
    assert QuotaNode("a", 4).reach(9) == Reach(0, proper=False)


LIMIT = st.none() | st.integers(0, 6)
LEAVES = st.lists(st.tuples(st.integers(0, 6), LIMIT, LIMIT), min_size=2, max_size=4)
STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.booleans()), max_size=30)


@given(LEAVES, st.integers(0, 3), STEPS)
def test_usage_adds_up_and_never_exceeds_what_was_available(
    leaves: list[tuple[int, int | None, int | None]], extra: int, steps: list[tuple[int, int, bool]]
) -> None:
    nodes = [
        QuotaNode(f"q{i}", nominal, lending_limit=lend, borrowing_limit=borrow)
        for i, (nominal, lend, borrow) in enumerate(leaves)
    ]
    root = QuotaNode("all", extra, children=nodes)
    held: dict[int, list[int]] = {i: [] for i in range(len(nodes))}
    for index, gpus, more in steps:
        i = index % len(nodes)
        if more and gpus <= nodes[i].available():
            nodes[i].add(gpus)
            held[i].append(gpus)
        elif held[i]:
            nodes[i].remove(held[i].pop())
        assert [node.usage for node in nodes] == [sum(held[i]) for i in range(len(nodes))]
        assert root.usage == sum(max(0, node.usage - node.local) for node in nodes)
        assert root.usage <= root.subtree
        for node in nodes:
            assert node.usage <= node.potential()
            if node.borrowing_limit is not None:
                assert node.usage <= node.nominal + node.borrowing_limit
            if node.lending_limit is not None:
                others = [other for other in nodes if other is not node]
                theirs = extra + sum(other.nominal for other in others)
                assert sum(other.usage for other in others) <= theirs + node.lending_limit
