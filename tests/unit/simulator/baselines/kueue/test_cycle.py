"""A cycle: one head of each queue, in their order, each seeing what those before it took (K10, K11, K24)."""

from collections.abc import Sequence

import pytest

from entente.api.job import EvictionCause
from entente.simulator.baselines.kueue.assignment import Assigner
from entente.simulator.baselines.kueue.cohort import Cohort
from entente.simulator.baselines.kueue.cycle import Cycle
from entente.simulator.baselines.kueue.workloads import Workload
from entente.simulator.policy import Action, Place, Stop
from tests.support.kueue import cohort, running, usage, workload


def wait(site: Cohort, *pending: Workload) -> None:
    for it in pending:
        site.queues[it.queue].pending.push(it)


def cycle(site: Cohort, assigner: Assigner | None = None) -> tuple[bool, list[str]]:
    """Run a cycle: whether it changed anything, and what it did."""
    one = Cycle({site.flavor: site}, site.queues, assigner or Assigner({site.flavor: site}), 100.0)
    changed = one.run()
    return changed, said(one.actions)


def said(actions: Sequence[Action]) -> list[str]:
    words = []
    for action in actions:
        if isinstance(action, Place):
            words.append(f"place {action.key}")
        else:
            words.append(f"stop {action.key} for {action.for_key}")
    return words


def test_k10_one_head_of_each_queue() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    wait(site, workload("a/1", created=1), workload("a/2", created=2), workload("b/1", created=3))
    assert cycle(site) == (True, ["place a/1", "place b/1"])
    assert cycle(site) == (True, ["place a/2"])
    assert cycle(site) == (False, [])


@pytest.mark.parametrize(
    ("pending", "order"),
    [
        pytest.param(
            [workload("a/1", 5, created=1), workload("b/1", 1, created=2)], ["b/1", "a/1"], id="who does not borrow"
        ),
        pytest.param(
            [workload("a/1", created=1), workload("b/1", created=2, priority=1)], ["b/1", "a/1"], id="higher priority"
        ),
        pytest.param([workload("a/1", created=2), workload("b/1", created=1)], ["b/1", "a/1"], id="who came first"),
        pytest.param([workload("b/1", created=1), workload("a/1", created=1)], ["a/1", "b/1"], id="then the name"),
    ],
)
def test_k11_first_comes(pending: list[Workload], order: list[str]) -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    wait(site, *pending)
    assert cycle(site) == (True, [f"place {key}" for key in order])


def test_k11_only_what_still_fits_after_the_ones_before_goes_on() -> None:
    site = cohort({"a": 2, "b": 2, "c": 4}, hosts=[8])
    running(site, "c/1", 4)
    wait(site, workload("a/1", 3, created=1), workload("b/1", 3, created=2))
    assert cycle(site) == (True, ["place a/1"]), "both fitted when they were looked at"
    assert cycle(site) == (True, []), "now it waits"
    assert cycle(site) == (False, [])


def test_a_head_finds_other_hosts_where_an_earlier_one_took_its_own() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[4, 4])
    wait(site, workload("a/1", 4, created=1), workload("b/1", 4, created=2))
    assert cycle(site) == (True, ["place a/1", "place b/1"]), "each was to have the first host"
    assert set(site.hosts.placed["a/1"].workers_on) == {"h0"}
    assert set(site.hosts.placed["b/1"].workers_on) == {"h1"}


def test_a_head_that_cannot_be_admitted_lets_the_next_one_pass() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "b/1", 4)
    running(site, "a/0", 2)
    wait(site, workload("a/big", 4, created=1), workload("a/small", 2, created=2))
    assert cycle(site) == (True, []), "the big one is parked"
    assert cycle(site) == (True, ["place a/small"])


def test_victims_are_told_once_and_their_quota_is_free_when_they_are_gone() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    victim = running(site, "b/2", 4, at=2)
    running(site, "b/1", 4, at=1)
    wait(site, workload("a/1", 4, created=9))
    assert cycle(site) == (True, ["stop b/2 for a/1"])
    assert usage(site) == {"a": 0, "b": 8}
    assert cycle(site) == (False, []), "it waits for what stops, and evicts nobody more"
    site.free(victim)
    assert cycle(site) == (True, ["place a/1"])
    assert usage(site) == {"a": 4, "b": 4}


def test_causes_are_told_apart() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "a/low", 2, priority=-1)
    running(site, "b/1", 4, at=1)
    running(site, "b/2", 2, at=2)
    wait(site, workload("a/1", 4))
    one = Cycle({"p": site}, site.queues, Assigner({"p": site}), 100.0)
    assert one.run()
    assert {(stop.key, stop.cause) for stop in one.actions if isinstance(stop, Stop)} == {
        ("a/low", EvictionCause.PRIORITY),
        ("b/2", EvictionCause.GUARANTEE),
    }


def test_what_waits_for_victims_is_not_taken_by_the_heads_after_it() -> None:
    site = cohort({"a": 4, "b": 2, "c": 2}, hosts=[8])
    for number in (1, 2, 3):
        running(site, f"c/{number}", 2, at=number)
    wait(site, workload("a/1", 4, created=1), workload("b/1", 2, created=2))
    assert cycle(site) == (True, ["stop c/3 for a/1"]), "the two free GPUs are a/1's, too"
    assert cycle(site) == (False, []), "b/1 tries again in each cycle"


def test_what_is_left_beside_it_is_given_out() -> None:
    site = cohort({"a": 4, "b": 2, "c": 2}, hosts=[8])
    running(site, "c/1", 2, at=1)
    running(site, "c/2", 4, at=2)
    wait(site, workload("a/1", 3, created=1), workload("b/1", 2, created=2))
    assert cycle(site) == (True, ["stop c/2 for a/1", "place b/1"])


def test_k24_two_preemptors_do_not_share_a_victim() -> None:
    site = cohort({"a": 2, "b": 2, "c": 2}, hosts=[6])
    running(site, "c/1", 2, at=1)
    running(site, "c/2", 2, at=2)
    running(site, "c/3", 2, at=3)
    wait(site, workload("a/1", 2, created=1), workload("b/1", 2, created=2))
    assert cycle(site) == (True, ["stop c/3 for a/1", "stop c/2 for b/1"]), "the second one is assigned anew"


def test_k24_one_that_fits_once_anothers_victims_are_gone_waits_for_these() -> None:
    site = cohort({"a": 2, "b": 2, "c": 2}, hosts=[6])
    running(site, "c/1", 2, at=1)
    gang = running(site, "c/2", 4, at=2)
    wait(site, workload("a/1", 2, created=1), workload("b/1", 2, created=2))
    assert cycle(site) == (True, ["stop c/2 for a/1"])
    assert cycle(site) == (False, [])
    wait(site, workload("b/early", 2, created=0))
    assert cycle(site) == (False, []), "b/1 stays the head of its queue"
    site.free(gang)
    assert cycle(site) == (True, ["place a/1", "place b/1"])


def test_k24_without_candidates_nothing_is_kept_for_a_workload() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "a/0", 1)
    running(site, "b/0", 5)
    wait(site, workload("a/1", 4, created=1), workload("b/1", 2, created=2))
    assert cycle(site) == (True, ["place b/1"]), "a/1 is within its quota's size, would borrow, and finds nobody"


def test_gpus_of_pods_that_still_stop_are_not_given_out() -> None:
    site = cohort({"a": 4, "b": 1, "c": 0, "d": 2, "e": 2}, hosts=[8, 4])
    stopping = running(site, "c/1", 4, host="h0")
    running(site, "e/1", 2, host="h0")
    wait(site, workload("a/1", 4, created=1), workload("b/1", 1, created=2), workload("d/1", 2, created=3))
    assert cycle(site) == (True, ["stop c/1 for a/1", "place b/1"]), "for d/1, one is free on h0, and four are to be"
    assert cycle(site) == (False, [])
    site.free(stopping)
    assert cycle(site) == (True, ["place a/1", "place d/1"])
