"""The policy `kueue` as a whole, on small sites that can be worked out by hand."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.engine.model import Terms
from entente.simulator.baselines.kueue import KueuePolicy
from entente.simulator.baselines.kueue.ceiling import Ceiling
from entente.simulator.failures import failures
from entente.simulator.policies import policy_of
from entente.simulator.policy import Action, Place, Policy, SimJob, Site, Stop
from entente.simulator.replay import Conditions, Replay
from tests.support.baselines import Submitted, job, site

HOUR = 3600.0
CONDITIONS = Conditions(stop_s=30.0, restart_s=0.0)


@dataclass(slots=True)
class Told:
    """A `kueue` whose decisions are written down, and checked against what may never be."""

    policy: KueuePolicy
    lines: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the policy has
        return getattr(self.policy, name)

    def decide(self, now: float) -> Sequence[Action]:
        before = {
            pool: {leaf.name: leaf.usage for leaf in cohort.quota.leaves()}
            for pool, cohort in self.policy._cohorts.items()
        }
        owners = {key: it.flavor for key, it in self.policy._workloads.items()}
        actions = self.policy.decide(now)
        self._check(before, owners, actions)
        for action in actions:
            if isinstance(action, Place):
                self.lines.append(f"{now:g} place {action.key}")
            else:
                self.lines.append(f"{now:g} stop {action.key} for {action.for_key}")
        return actions

    def _check(
        self, before: Mapping[str, Mapping[str, int]], owners: Mapping[str, str | None], actions: Sequence[Action]
    ) -> None:
        started = {action.key for action in actions if isinstance(action, Place)}
        for pool, cohort in self.policy._cohorts.items():
            placed = cohort.hosts.placed
            for leaf in cohort.quota.leaves():
                mine = [it.gang.total for it in placed.values() if it.tenant == leaf.name]
                assert leaf.usage == sum(mine), f"{leaf.name}: usage of {pool}"
                assert leaf.usage <= leaf.potential()
            assert cohort.quota.usage <= cohort.quota.subtree
            for stop in actions:
                if isinstance(stop, Stop) and owners[stop.key] == pool:
                    assert stop.key not in started, "nothing is started and stopped in one decision"
                    tenant, for_key = stop.key.partition("/")[0], stop.for_key or ""
                    nominal = cohort.queues[tenant].quotas[pool].nominal
                    if for_key.partition("/")[0] != tenant:
                        more = sum(placed[k].gang.total for k in started if k in placed and placed[k].tenant == tenant)
                        assert before[pool][tenant] + more > nominal, "K23: a victim of a queue within its quota"


def told(estate: Site, jobs: Sequence[Submitted], conditions: Conditions = CONDITIONS) -> list[str]:
    watched = Told(KueuePolicy(estate))
    in_order = sorted(jobs, key=lambda submitted: submitted[0].submitted)
    outcome = Replay(estate, in_order, cast("Policy", watched), conditions=conditions).run()
    assert all(it.end is not None for it in outcome.jobs.values())
    return watched.lines


def with_terms(estate: Site, **terms: Terms) -> Site:
    """The same site with other terms of its pool `p`."""
    tenants = {name: replace(estate.tenants[name], terms={"p": it}) for name, it in terms.items()}
    return replace(estate, tenants={**estate.tenants, **tenants})


def test_it_is_the_policy_of_that_name() -> None:
    assert isinstance(policy_of("kueue", site([8], {"a": 8})), KueuePolicy)


def test_v9_a_gang_of_four_is_evicted_for_one_gpu_and_waits_as_old_as_it_is() -> None:
    lines = told(
        site([4], {"a": 2, "b": 2}),
        [job("a/gang", 0, 4, HOUR), job("b/one", 10, 1, 600), job("a/later", 20, 1, 600)],
    )
    assert lines == [
        "0 place a/gang",
        "10 stop a/gang for b/one",
        "40 place b/one",
        "40 place a/later",
        "640 place a/gang",
    ]


def test_k26_a_victim_is_before_those_that_came_after_it() -> None:
    lines = told(
        site([4], {"a": 2, "b": 2}),
        [
            job("a/1", 0, 2, HOUR),
            job("a/2", 1, 2, HOUR),
            job("b/1", 2, 2, 100),
            job("a/3", 3, 2, HOUR),
        ],
    )
    assert lines[:5] == ["0 place a/1", "1 place a/2", "2 stop a/2 for b/1", "32 place b/1", "132 place a/2"]


def test_k26_there_is_no_minimum_run_and_no_cap_on_victims() -> None:
    lines = told(
        site([4], {"a": 0, "b": 4}),
        [*(job(f"a/{n}", 0, 1, HOUR) for n in range(4)), job("b/1", 1, 4, 60)],
    )
    assert lines[4:8] == [f"1 stop a/{n} for b/1" for n in range(4)]


def test_k10_what_is_parked_wakes_when_something_is_freed_and_the_small_pass_meanwhile() -> None:
    lines = told(
        site([4], {"a": 4}),
        [job("a/1", 0, 3, 100), job("a/big", 1, 4, 10), job("a/small", 2, 1, 10), job("a/tiny", 3, 1, 10)],
    )
    assert lines == ["0 place a/1", "2 place a/small", "12 place a/tiny", "100 place a/big"]


def test_capacity_that_nobody_is_guaranteed_is_for_everybody() -> None:
    assert told(site([8], {"a": 2, "b": 2}), [job("a/1", 0, 8, 10)]) == ["0 place a/1"]


def test_limits_of_a_tenant_are_limits_of_its_queue() -> None:
    estate = with_terms(site([8], {"a": 4, "b": 4}), a=Terms(4, borrow_limit=1), b=Terms(4, lend_limit=2))
    policy = KueuePolicy(estate)
    policy.arrived(job("a/six", 0, 6, 10)[0], 0.0)
    policy.arrived(job("b/seven", 0, 7, 10)[0], 0.0)
    policy.arrived(job("a/five", 0, 5, 10)[0], 0.0)
    assert policy.decide(0.0) == [Place("a/five", {"p0": 1})]
    policy.arrived(job("b/three", 1, 3, 10)[0], 1.0)
    assert policy.decide(1.0) == [Place("b/three", {"p0": 1})], "two that it does not lend, and one of a's"


def test_priorities_count_within_a_tenant() -> None:
    low, _ = job("a/low", 0, 2, HOUR)
    high, _ = job("a/high", 1, 2, 60)
    lines = told(site([2], {"a": 2}), [(low, HOUR), (replace(high, priority=1), 60)])
    assert lines == ["0 place a/low", "1 stop a/low for a/high", "31 place a/high", "91 place a/low"]


def test_a_preemptor_does_not_evict_again_while_its_victims_stop() -> None:
    lines = told(
        site([4], {"a": 2, "b": 2}),
        [job("a/1", 0, 2, HOUR), job("a/2", 1, 2, HOUR), job("b/1", 2, 2, 60), job("a/3", 10, 1, 60)],
    )
    assert [line for line in lines if " stop " in line] == ["2 stop a/2 for b/1"]


def test_a_lost_host_is_no_quota_lost_but_no_place_either() -> None:
    policy = KueuePolicy(site([4, 4], {"a": 8}))
    first, _ = job("a/1", 0, 4, HOUR)
    second, _ = job("a/2", 0, 4, HOUR)
    policy.arrived(first, 0.0)
    policy.arrived(second, 0.0)
    assert len(policy.decide(0.0)) == 2
    policy.stopped("a/2", 5.0)
    policy.host_lost("p1", 5.0)
    assert policy.decide(5.0) == []
    policy.host_back("p1", 9.0)
    assert policy.decide(9.0) == [Place("a/2", {"p1": 1})]


def test_hosts_of_an_exclusive_pool_are_not_shared() -> None:
    lines = told(
        site([4, 4], {"a": 4, "b": 4}, exclusive=True),
        [job("a/1", 0, 1, 100), job("a/2", 1, 4, 50), job("b/1", 2, 1, 10)],
    )
    assert lines == ["0 place a/1", "1 place a/2", "2 stop a/2 for b/1", "32 place b/1", "42 place a/2"]


def test_a_tenant_without_quota_that_may_not_borrow_waits_for_ever() -> None:
    policy = KueuePolicy(with_terms(site([4], {"a": 4, "b": 0}), b=Terms(0, borrow_limit=0)))
    policy.arrived(job("b/1", 0, 1, 10)[0], 0.0)
    assert policy.decide(0.0) == []
    assert policy.next_wake() is None


def test_pools_are_tried_in_the_order_of_the_tenant() -> None:
    estate = site({"l": [4], "r": [4]}, {"a": 4})
    wanted = job("a/1", 0, 4, 10, pools=("r", "l"))
    other = job("a/2", 1, 4, 10, pools=("r", "l"))
    policy = KueuePolicy(estate)
    policy.arrived(wanted[0], 0.0)
    assert policy.decide(0.0) == [Place("a/1", {"l0": 1})]
    policy.arrived(other[0], 1.0)
    assert policy.decide(1.0) == [Place("a/2", {"r0": 1})]


JOBS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 60),
        st.sampled_from([(1, 1), (1, 2), (1, 4), (2, 4), (2, 2), (3, 1)]),
        st.sampled_from([5.0, 40.0, 200.0]),
        st.integers(0, 1),
    ),
    max_size=25,
)
GUARANTEES = st.tuples(st.integers(0, 8), st.integers(0, 4)).map(lambda it: {"a": it[0], "b": it[1], "c": 12 - sum(it)})


def drawn(jobs: Sequence[tuple[str, int, tuple[int, int], float, int]]) -> list[Submitted]:
    made = []
    for number, (tenant, at, (workers, gpus), runs, priority) in enumerate(jobs):
        sim: SimJob = job(f"{tenant}/{number}", at * 7.0, gpus, runs, workers=workers)[0]
        made.append((replace(sim, priority=priority), runs))
    return made


@settings(max_examples=60, deadline=None)
@given(GUARANTEES, JOBS, st.booleans())
def test_all_is_done_in_the_end_and_the_books_hold(
    guaranteed: dict[str, int],
    jobs: list[tuple[str, int, tuple[int, int], float, int]],
    exclusive: bool,  # noqa: FBT001 - drawn
) -> None:
    told(site([4, 4, 4], guaranteed, exclusive=exclusive), drawn(jobs))


@pytest.mark.parametrize("seed", range(8))
def test_the_ceiling_changes_no_decision(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = random.Random(seed)  # noqa: S311 - jobs, no secret
    jobs = [
        job(
            f"{draws.choice('aabc')}/{number}",
            float(draws.randrange(2000)),
            draws.choice([1, 1, 2, 3, 4]),
            draws.choice([50.0, 300.0, 900.0]),
            workers=draws.choice([1, 1, 1, 2]),
        )
        for number in range(100)
    ]
    estate, asked_it = site([4] * 5, {"a": 8, "b": 6, "c": 6}), 0
    slots = Ceiling.slots

    def counted(ceiling: Ceiling, gpus: int) -> int:
        nonlocal asked_it
        asked_it += 1
        return slots(ceiling, gpus)

    monkeypatch.setattr(Ceiling, "slots", counted)
    lines = told(estate, jobs)
    assert asked_it > 20
    monkeypatch.setattr("entente.simulator.baselines.kueue.assignment._bounded", lambda *_: False)
    assert told(estate, jobs) == lines


@pytest.mark.parametrize("seed", range(4))
def test_hosts_fail_gangs_start_small_and_pools_differ_and_all_is_done(seed: int) -> None:
    draws = random.Random(seed)  # noqa: S311 - jobs, no secret
    estate = site({"l": [4] * 3, "r": [8] * 2}, {"a": 5, "b": 6, "c": 1}, exclusive=seed == 3)
    jobs = []
    for number in range(50):
        gang = draws.choice([(1, 1), (1, 4), (2, 2), (4, 1), (2, 4)])
        pools = draws.choice([("l",), ("l", "r"), ("r", "l")])
        sim, runs = job(
            f"{draws.choice('abc')}/{number}",
            float(draws.randrange(3000)),
            gang[1],
            draws.choice([50.0, 300.0, 900.0]),
            workers=gang[0],
            pools=pools,
        )
        jobs.append(
            (replace(sim, priority=draws.choice([0, 0, 1]), min_workers=draws.choice([None, 1]), interval_s=30.0), runs)
        )
    lost = partial(failures, estate.nodes, 5_000.0, seed)
    lines = told(estate, jobs, Conditions(stop_s=30.0, restart_s=5.0, host_down_s=200.0, failures=lost))
    assert len([line for line in lines if " place " in line]) > len(jobs), "some were started more than once"


def test_the_same_jobs_give_the_same_decisions() -> None:
    estate = site([4, 4], {"a": 2, "b": 6})
    jobs = [job(f"{'ab'[n % 2]}/{n}", n * 3.0, 1 + n % 4, 50.0 + n) for n in range(30)]
    assert told(estate, jobs) == told(estate, jobs)
