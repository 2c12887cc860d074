"""Whom Kueue evicts: candidates, their order, attempts, removal and fill-back (K14-K17, K19, K23)."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.simulator.baselines.kueue.cohort import Cohort
from entente.simulator.baselines.kueue.preemption import Preemption, Reason, Request
from entente.simulator.baselines.kueue.quota import QuotaNode
from entente.simulator.hosts import Gang
from tests.support.kueue import cohort, running, usage
from tests.support.kueue_reference import Reference


def victims(site: Cohort, queue: str, gpus: int, *, workers: int = 1, priority: int = 0) -> list[str]:
    """Whom a request evicts; what the search changes on trial is as before after it."""
    before = usage(site), site.free_by_host()
    found = Preemption(site, Request(queue, priority, Gang(workers, gpus)), placed=True).targets()
    assert (usage(site), site.free_by_host()) == before
    return [target.workload.key for target in found]


def test_v9_a_whole_gang_goes_for_one_gpu() -> None:
    site = cohort({"a": 2, "b": 2}, hosts=[4])
    running(site, "a/gang", 4)
    assert victims(site, "b", 1) == ["a/gang"]


def test_k14_and_k23_nobody_at_or_under_its_quota_is_a_candidate() -> None:
    site = cohort({"a": 4, "b": 4, "c": 4}, hosts=[12])
    running(site, "a/1", 4, at=3)
    running(site, "b/1", 4, at=1)
    running(site, "b/2", 4, at=2)
    assert victims(site, "c", 4) == ["b/2"]
    assert victims(site, "c", 8) == [], "without borrowing, c gets no more than its quota back"


@pytest.mark.parametrize(
    ("preemptor", "expected"),
    [
        pytest.param(5, ["a/low"], id="only what is lower"),
        pytest.param(6, ["a/low"], id="the lowest first"),
        pytest.param(1, [], id="equal priority is no reason, however new"),
    ],
)
def test_k14_within_a_queue_higher_priority_takes_from_lower(preemptor: int, expected: list[str]) -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "a/low", 2, priority=1, at=1)
    running(site, "a/mid", 2, priority=5, at=2)
    running(site, "b/1", 4, at=3)
    assert victims(site, "a", 2, priority=preemptor) == expected


def test_k14_priorities_are_not_compared_between_queues() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "b/high", 8, priority=1000)
    assert victims(site, "a", 1, priority=-1000) == ["b/high"]


def test_k15_lower_priority_then_the_newest_then_the_name() -> None:
    site = cohort({"a": 8, "b": 0, "c": 0}, hosts=[8])
    running(site, "b/old", 2, at=1)
    running(site, "c/new", 2, at=2)
    running(site, "b/new", 2, at=2)
    running(site, "c/low-old", 2, at=0, priority=-1)
    order = ["c/low-old", "b/new", "c/new", "b/old"]
    assert [victims(site, "a", 2 * count) for count in (1, 2, 3, 4)] == [order[:count] for count in (1, 2, 3, 4)]


def test_k15_what_stops_already_comes_first() -> None:
    site = cohort({"a": 4, "b": 2}, hosts=[6])
    stopping = running(site, "b/old", 2, at=1)
    running(site, "b/new", 4, at=2)
    assert victims(site, "a", 2) == ["b/new"]
    site.evict(stopping)
    assert victims(site, "a", 2) == ["b/old"], "nobody else is evicted for the same need"


def test_k15_other_queues_come_before_the_own_one() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "a/low", 2, priority=-1, at=9)
    running(site, "b/1", 4, at=1)
    running(site, "b/2", 2, at=2)
    assert victims(site, "a", 2) == ["b/2"]
    found = Preemption(site, Request("a", 0, Gang(1, 4)), placed=True).targets()
    assert [target.workload.key for target in found] == ["b/2", "a/low"]
    assert [target.reason for target in found] == [Reason.IN_COHORT_RECLAMATION, Reason.IN_CLUSTER_QUEUE]


def tree() -> QuotaNode:
    """A team of two queues with two GPUs each, and one outside with four."""
    team = QuotaNode("team", 0, children=[QuotaNode("a", 2), QuotaNode("b", 2)])
    return QuotaNode("all", 0, children=[team, QuotaNode("c", 4)])


def test_k16_a_team_takes_its_quota_back_from_outside() -> None:
    site = cohort({}, hosts=[8], tree=tree())
    running(site, "c/1", 4, at=1)
    running(site, "c/2", 4, at=2)
    assert victims(site, "a", 4) == ["c/2"], "beyond its own quota, within its team's"


def test_k16_within_the_team_a_borrower_has_no_advantage() -> None:
    site = cohort({}, hosts=[8], tree=tree())
    running(site, "b/1", 2, at=1)
    running(site, "b/2", 2, at=2)
    running(site, "c/1", 4, at=3)
    assert victims(site, "a", 2) == ["b/2"]
    assert victims(site, "a", 3) == [], "it would borrow from b, who borrows too"


def test_k14_a_team_within_its_quota_is_left_alone() -> None:
    site = cohort({}, hosts=[8], tree=tree())
    running(site, "b/1", 4, at=1)
    running(site, "c/1", 2, at=2)
    running(site, "c/2", 2, at=3)
    assert victims(site, "c", 2) == [], "b borrows from a, not from c"


@pytest.mark.parametrize(
    ("used", "asked", "expected"),
    [
        pytest.param((2, 6, 0), 2, ["b/2"], id="within its quota it takes from who borrows"),
        pytest.param((2, 6, 0), 3, ["b/2", "a/low"], id="beyond it, it makes room for itself, too"),
        pytest.param((1, 6, 1), 4, ["b/1", "a/low"], id="and puts back what that was enough for"),
        pytest.param((4, 4, 0), 3, ["a/low"], id="at its quota it evicts only its own"),
        pytest.param((2, 6, 0), 5, [], id="more than its quota it gets from nobody"),
    ],
)
def test_k17_who_would_borrow_does_not_take_from_others(
    used: tuple[int, int, int], asked: int, expected: list[str]
) -> None:
    site = cohort({"a": 4, "b": 2, "c": 2}, hosts=[8])
    own, theirs, others = used
    running(site, "a/low", own, priority=-1, at=1)
    running(site, "b/1", 4, at=2)
    if theirs > 4:
        running(site, "b/2", theirs - 4, at=3)
    if others:
        running(site, "c/1", others, at=4)
    assert victims(site, "a", asked) == expected


def test_k19_victims_are_taken_until_hosts_are_enough_too() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[4, 4])
    running(site, "b/1", 2, at=1, host="h0")
    running(site, "b/2", 2, at=4, host="h1")
    running(site, "b/3", 2, at=3, host="h0")
    running(site, "b/4", 2, at=2, host="h1")
    assert victims(site, "a", 2) == ["b/2"]
    assert victims(site, "a", 4) == [], "b stops at its quota, and each host still has something"
    assert victims(site, "a", 2, workers=2) == ["b/2", "b/3"], "two workers may be on two hosts"


def test_k19_no_fit_no_eviction() -> None:
    site = cohort({"a": 4, "b": 4}, hosts=[8])
    running(site, "a/1", 2)
    running(site, "b/1", 4)
    assert victims(site, "a", 4) == []


def test_k19_what_turns_out_not_to_be_needed_is_put_back_except_the_last() -> None:
    site = cohort({"a": 16, "b": 0}, hosts=[8, 8])
    running(site, "b/1", 6, at=1, host="h0")
    running(site, "b/2", 2, at=2, host="h1")
    running(site, "b/3", 3, at=3, host="h1")
    running(site, "b/4", 2, at=4, host="h0")
    assert victims(site, "a", 6) == ["b/3"], "three are free on its host; the newest is on the other one"
    assert victims(site, "a", 8) == ["b/3", "b/2"]
    assert victims(site, "a", 1, workers=5) == ["b/4"]


def test_k19_a_queue_that_comes_down_to_its_quota_yields_no_more() -> None:
    site = cohort({"a": 6, "b": 3, "c": 1}, hosts=[10])
    running(site, "b/1", 3, at=1)
    running(site, "b/2", 2, at=5)
    running(site, "c/1", 1, at=2)
    running(site, "c/2", 4, at=3)
    assert victims(site, "a", 6) == ["b/2", "c/2"]


JOBS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.integers(0, 5), st.integers(-1, 1)), max_size=10
)


@given(
    st.fixed_dictionaries(dict.fromkeys("abc", st.integers(0, 6))),
    JOBS,
    st.sampled_from("abc"),
    st.tuples(st.integers(1, 2), st.integers(1, 4)),
    st.integers(-1, 1),
)
def test_victims_are_borrowers_and_none_but_the_last_can_be_left_out(
    nominal: Mapping[str, int],
    jobs: list[tuple[str, int, int, int]],
    queue: str,
    gang: tuple[int, int],
    priority: int,
) -> None:
    site = cohort(nominal, hosts=[4, 4, 4])
    for number, (owner, gpus, at, own) in enumerate(jobs):
        if site.hosts.fits(owner, Gang(1, gpus)) and gpus <= site.queues[owner].quotas["p"].available():
            running(site, f"{owner}/{number}", gpus, at=at, priority=own)
    request = Request(queue, priority, Gang(*gang))
    quota = site.queues[queue].quotas["p"]
    before = usage(site), site.free_by_host()
    places = {key: placed.workers_on for key, placed in site.hosts.placed.items()}
    targets = Preemption(site, request, placed=True).targets()
    assert (usage(site), site.free_by_host()) == before
    if not targets:
        return

    def fits() -> bool:
        return request.gang.total <= quota.available() and site.hosts.fits(queue, request.gang)

    for target in targets:
        victim, node = target.workload, site.queues[target.workload.queue].quotas["p"]
        if victim.queue == queue:
            assert target.reason is Reason.IN_CLUSTER_QUEUE
            assert victim.priority < priority
        else:
            assert target.reason is Reason.IN_COHORT_RECLAMATION
            assert node.borrows_with(), "each is taken while its queue is above its quota"
        site.free(victim)
    assert fits()
    if any(target.workload.queue != queue for target in targets):
        assert not quota.borrows_with(request.gang.total), "nobody borrows by reclaiming"
    for target in targets[:-1]:
        victim = target.workload
        site.admit(victim, victim.gang, places[victim.key], 0.0)
        assert not fits() or quota.borrows_with(request.gang.total), f"{victim.key} could have been left out"
        site.free(victim)


@given(
    st.fixed_dictionaries(dict.fromkeys("abc", st.integers(0, 6))),
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.integers(1, 4), st.integers(0, 5), st.integers(-1, 1), st.sampled_from([1, 1, 0])
        ),
        max_size=10,
    ),
    st.sampled_from("abc"),
    st.tuples(st.integers(1, 2), st.integers(1, 4)),
    st.integers(-1, 1),
)
def test_victims_are_those_of_the_rules_read_plainly(
    nominal: Mapping[str, int],
    jobs: list[tuple[str, int, int, int, int]],
    queue: str,
    gang: tuple[int, int],
    priority: int,
) -> None:
    site = cohort(nominal, hosts=[4, 4, 4])
    for number, (owner, gpus, at, own, stays) in enumerate(jobs):
        if site.hosts.fits(owner, Gang(1, gpus)) and gpus <= site.queues[owner].quotas["p"].available():
            made = running(site, f"{owner}/{number}", gpus, at=at, priority=own)
            if not stays:
                site.evict(made)
    request = Request(queue, priority, Gang(*gang))
    targets = Preemption(site, request, placed=True).targets()
    assert [target.workload.key for target in targets] == Reference(site, request).victims()
