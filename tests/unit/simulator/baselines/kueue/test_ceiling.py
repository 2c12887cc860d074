"""What evictions could free at the most."""

from entente.simulator.baselines.kueue.ceiling import Ceiling
from entente.simulator.hosts import Gang, Placed
from tests.support.kueue import cohort, running, workload


def test_workers_are_counted_host_by_host() -> None:
    ceiling = Ceiling({"h0": 3, "h1": 5})
    assert [ceiling.slots(gpus) for gpus in (1, 2, 4, 8)] == [8, 3, 1, 0]
    ceiling.raise_by(Placed("a", Gang(2, 1), {"h0": 1, "h1": 1}))
    ceiling.raise_by(Placed("a", Gang(1, 2), {"h1": 1}))
    assert [ceiling.slots(gpus) for gpus in (1, 2, 4, 8)] == [12, 6, 3, 1]


def test_what_is_freed_or_told_to_stop_raises_it() -> None:
    site = cohort({"a": 8, "b": 8}, hosts=[8, 8])
    first, second = running(site, "a/1", 3, at=1, host="h0"), running(site, "a/2", 4, at=2, host="h1")
    site.ceiling = Ceiling(site.free_by_host())
    assert site.ceiling.slots(1) == 9
    site.evict(first)
    assert site.ceiling.slots(1) == 12
    site.free(second)
    assert site.ceiling.slots(1) == 16


def test_it_is_void_when_an_admitted_workload_is_not_the_next_victim_of_its_queue_or_a_host_is_back() -> None:
    site = cohort({"a": 8, "b": 8}, hosts=[8, 8])
    running(site, "a/1", 1, at=1, priority=0)
    site.ceiling = Ceiling(site.free_by_host())
    running(site, "a/2", 1, at=2, priority=0)
    assert site.ceiling is not None
    late = workload("a/3", 1, priority=5)
    site.admit(late, late.gang, {"h1": 1}, 3.0)
    assert site.ceiling is None
    site.ceiling = Ceiling(site.free_by_host())
    site.regain("h0")
    assert site.ceiling is None
