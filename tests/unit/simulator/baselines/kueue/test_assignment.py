"""What can be done for a workload: flavors, quota, hosts, fewer workers (K8, K9, K19)."""

from collections.abc import Mapping

import pytest

from entente.simulator.baselines.kueue.assignment import Assigner, Mode
from entente.simulator.baselines.kueue.cohort import Cohort
from entente.simulator.baselines.kueue.quota import QuotaNode
from entente.simulator.baselines.kueue.workloads import ClusterQueue
from tests.support.kueue import cohort, running, workload


@pytest.mark.parametrize(
    ("asked", "mode", "height"),
    [
        pytest.param(2, Mode.FIT, 0, id="within its quota"),
        pytest.param(4, Mode.FIT, 1, id="borrowing"),
        pytest.param(5, Mode.NO_FIT, 1, id="more than its quota, and not there: it waits"),
        pytest.param(9, Mode.NO_FIT, 0, id="more than it can ever get"),
    ],
)
def test_k8_quota_decides(asked: int, mode: Mode, height: int) -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "a/1", 2)
    running(site, "b/1", 2)
    found = Assigner({"p": site}).assign(workload("a/new", asked))
    assert found.mode is mode
    if mode is Mode.FIT:
        assert found.height == height
        assert found.workers_on == {"h0": 1}


def test_k8_its_own_quota_may_be_taken_back() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "b/1", 4, at=1)
    running(site, "b/2", 4, at=2)
    found = Assigner({"p": site}).assign(workload("a/new", 3))
    assert found.mode is Mode.PREEMPT
    assert [target.workload.key for target in found.targets] == ["b/2"]
    assert found.height == 0
    assert found.workers_on == {"h0": 1}, "where it goes once they are gone"


def test_k8_a_request_within_quota_that_would_borrow_finds_nobody() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "a/1", 3, at=1)
    running(site, "b/1", 5, at=2)
    found = Assigner({"p": site}).assign(workload("a/new", 2))
    assert (found.mode, found.targets) == (Mode.PREEMPT, ())


def test_k19_quota_says_yes_and_hosts_say_no() -> None:
    site = cohort({"a": 8, "b": 0}, hosts=[4, 4])
    running(site, "b/1", 1, at=1, host="h0")
    running(site, "b/2", 1, at=2, host="h1")
    found = Assigner({"p": site}).assign(workload("a/new", 4))
    assert found.mode is Mode.PREEMPT
    assert [target.workload.key for target in found.targets] == ["b/2"]
    assert found.workers_on == {"h1": 1}


def test_k19_what_no_empty_host_could_hold_evicts_nobody() -> None:
    site = cohort({"a": 8, "b": 0}, hosts=[4, 4])
    running(site, "b/1", 1)
    assert Assigner({"p": site}).assign(workload("a/new", 5)).mode is Mode.NO_FIT
    site.lose("h1")
    assert Assigner({"p": site}).assign(workload("a/new", 4, workers=2)).mode is Mode.NO_FIT, "one host is down"


def two_pools(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, Cohort]:
    """Pools l and r with a host of 8 GPUs each, and the quotas of a and b in them."""
    nodes = {name: {"l": QuotaNode(name, left[name]), "r": QuotaNode(name, right[name])} for name in ("a", "b")}
    queues = {name: ClusterQueue(name, quotas) for name, quotas in nodes.items()}
    return {
        flavor: Cohort(
            flavor, QuotaNode("all", 0, children=[nodes[name][flavor] for name in nodes]), queues, {f"{flavor}0": 8}
        )
        for flavor in ("l", "r")
    }


def busy(site: Cohort, key: str, gpus: int, at: float = 0.0) -> None:
    made = workload(key, gpus)
    nodes = site.hosts.find(made.queue, made.gang)
    assert nodes is not None
    site.admit(made, made.gang, nodes, at)


def test_k9_the_first_flavor_that_fits_even_if_it_borrows() -> None:
    pools = two_pools({"a": 0, "b": 8}, {"a": 8, "b": 0})
    assert Assigner(pools).assign(workload("a/new", 4, flavors=("l", "r"))).flavor == "l"


def test_k9_a_flavor_that_fits_before_one_that_takes_evictions() -> None:
    pools = two_pools({"a": 8, "b": 0}, {"a": 0, "b": 8})
    busy(pools["l"], "b/1", 8)
    found = Assigner(pools).assign(workload("a/new", 4, flavors=("l", "r")))
    assert (found.mode, found.flavor, found.height) == (Mode.FIT, "r", 1)


def test_k9_a_flavor_with_victims_before_one_without() -> None:
    pools = two_pools({"a": 4, "b": 4}, {"a": 4, "b": 4})
    busy(pools["l"], "a/1", 4)
    busy(pools["l"], "b/1", 4)
    busy(pools["r"], "b/2", 8)
    found = Assigner(pools).assign(workload("a/new", 4, flavors=("l", "r")))
    assert (found.mode, found.flavor) == (Mode.PREEMPT, "r")


def test_k9_quota_alone_chooses_the_flavor_and_the_next_is_tried_in_the_next_cycle() -> None:
    pools = two_pools({"a": 4, "b": 4}, {"a": 4, "b": 4})
    busy(pools["l"], "b/1", 4)
    busy(pools["l"], "b/2", 1)
    assigner, new = Assigner(pools), workload("a/new", 3, workers=2, flavors=("l", "r"))
    pools["r"].lose("r0")
    first = assigner.assign(new)
    assert (first.mode, first.flavor) == (Mode.NO_FIT, ""), "six GPUs are more than its quota, and not free in l"
    new = workload("a/new", 3, flavors=("l", "r"))
    assert assigner.assign(new).flavor == "l"
    assert new.tried == (1, 0), "r comes next"
    assert assigner.assign(new).mode is Mode.NO_FIT, "it has no host"
    assert new.tried == (0, 0)
    assert assigner.assign(new).flavor == "l"
    assigner.generation += 1
    assert assigner.assign(new).flavor == "l", "something was freed: from the first again"


@pytest.mark.parametrize(
    ("least", "mode", "workers"),
    [
        pytest.param(1, Mode.FIT, 3, id="as many as fit"),
        pytest.param(4, Mode.NO_FIT, 6, id="not even the fewest fit"),
        pytest.param(6, Mode.NO_FIT, 6, id="a rigid gang"),
    ],
)
def test_an_elastic_workload_starts_with_fewer_workers(least: int, mode: Mode, workers: int) -> None:
    site = cohort({"a": 2, "b": 6}, hosts=[8])
    running(site, "b/1", 5)
    found = Assigner({"p": site}).assign(workload("a/new", 1, workers=6, least=least))
    assert found.mode is mode
    assert found.gang.workers == workers


def test_an_elastic_workload_evicts_for_what_is_within_its_quota() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "b/1", 4, at=1)
    running(site, "b/2", 4, at=2)
    found = Assigner({"p": site}).assign(workload("a/new", 1, workers=6, least=1))
    assert (found.mode, found.gang.workers) == (Mode.PREEMPT, 4)
    assert [target.workload.key for target in found.targets] == ["b/2"]
