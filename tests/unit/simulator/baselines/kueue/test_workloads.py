"""The queue of a ClusterQueue, and what has reserved quota of it (K10, K15, K26)."""

import pytest

from entente.simulator.baselines.kueue.quota import QuotaNode
from entente.simulator.baselines.kueue.workloads import ClusterQueue, Pending, Workload
from tests.support.kueue import workload


def queue_of(*workloads: Workload) -> Pending:
    pending = Pending()
    for it in workloads:
        pending.push(it)
    return pending


def drained(pending: Pending) -> list[str]:
    """Keys in the order of the queue."""
    keys = []
    while (head := pending.head()) is not None:
        keys.append(head.key)
        pending.pop(head)
    return keys


def test_k10_higher_priority_first_then_first_come_then_the_name() -> None:
    pending = queue_of(
        workload("a/late", 1, created=2),
        workload("a/early", 8, created=1),
        workload("a/high", 2, created=3, priority=1),
        workload("a/equal", 4, created=1),
    )
    assert drained(pending) == ["a/high", "a/early", "a/equal", "a/late"]


def test_k10_what_does_not_fit_is_parked_with_all_of_its_shape() -> None:
    big, other, small = workload("a/big", 8), workload("a/other", 8, created=1), workload("a/small", 1, created=2)
    pending = queue_of(big, other, small)
    pending.park(big.shape)
    assert pending.head() is small
    pending.push(workload("a/another", 8, created=0))
    assert pending.head() is small, "a newcomer of that shape is parked, too"
    pending.wake()
    assert drained(pending) == ["a/another", "a/big", "a/other", "a/small"]


def test_k10_another_priority_is_another_shape() -> None:
    pending = queue_of(workload("a/1", 8), workload("a/2", 8, priority=1))
    pending.park(workload("a/1", 8).shape)
    assert drained(pending) == ["a/2"]


def test_who_waits_for_victims_stays_the_head() -> None:
    preemptor = workload("a/preemptor", 8, created=5)
    pending = queue_of(preemptor)
    assert pending.stick(preemptor)
    assert not pending.stick(preemptor), "it is so already"
    pending.push(workload("a/victim", 8, created=0))
    assert pending.head() is preemptor
    pending.park(preemptor.shape)
    assert pending.head() is None
    pending.wake()
    assert drained(pending) == ["a/preemptor", "a/victim"]


def test_another_preemptor_takes_the_place_of_one_that_is_parked() -> None:
    first, second = workload("a/1", 8, created=0), workload("a/2", 4, created=1)
    pending = queue_of(first, second)
    pending.stick(first)
    pending.park(first.shape)
    assert pending.stick(second)
    pending.wake()
    assert drained(pending) == ["a/2", "a/1"], "the first is back in its old place"


def test_a_reservation_is_kept_while_the_pods_stop_and_then_given_back() -> None:
    queue = ClusterQueue("a", {"p": QuotaNode("a", 8)})
    old, new = workload("a/old", 2), workload("a/new", 3)
    queue.reserve(old, "p", 1.0)
    queue.reserve(new, "p", 2.0)
    assert [entry[-1].key for entry in queue.reserving("p", evicted=False)] == ["a/new", "a/old"]
    queue.evict(old)
    assert queue.quotas["p"].usage == 5
    assert [entry[-1].key for entry in queue.reserving("p", evicted=True)] == ["a/old"]
    assert queue.release(old) == "p"
    assert queue.quotas["p"].usage == 3
    assert not queue.reserving("p", evicted=True)
    with pytest.raises(ValueError, match="a/old: has no quota to give back"):
        queue.release(old)
