"""Which jobs are entitled: tables, and the definition followed to the letter on small pools."""

import itertools
import math
from collections.abc import Mapping, Sequence

import pytest

from entente.api.job import AllocationClass
from entente.api.tenant import WhenSpent
from entente.engine.cycle import begin, walk_all
from entente.engine.gpu_walk import walk_gpus
from entente.engine.host_walk import walk_hosts
from entente.engine.model import Job, Placement
from entente.engine.queues import waited
from entente.engine.state import State
from entente.engine.walk import Bounds, Walk, Walker
from tests.support.estates import NOW, PRIORITIES, Draft, a_job, estate

ENTITLED, BORROWED = AllocationClass.ENTITLED, AllocationClass.BORROWED


def walked(draft: Draft, *, due: int | None = None) -> Walk:
    """The walk of the tenant `a`: where only GPUs count, both ways of walking find the same."""
    state = State(draft.snapshot())
    tenant = state.tenants["a"]
    bounds = {p: Bounds(t.guaranteed, due) for p, t in tenant.terms.items()}
    walker = Walker(state.estate, tenant, state.queues["a"], set(), bounds)
    walk = walk_hosts(walker)
    if not any(state.estate.pools[pool].exclusive for pool in bounds):
        assert walk_gpus(walker) == walk
    return walk


def entitled(draft: Draft, *, due: int | None = None) -> set[str]:
    """Names of the entitled jobs."""
    return {key.partition("/")[2] for key, class_ in walked(draft, due=due).classes.items() if class_ is ENTITLED}


SHARED = estate().pool(hosts=4).tenant("a", 8)
EXCLUSIVE = estate().pool(hosts=4, exclusive=True).tenant("a", 16)


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        pytest.param(SHARED.running("a/x", {"h100-0": 8}), {"x"}, id="runs within the guarantee"),
        pytest.param(
            SHARED.running("a/x", {"h100-0": 8, "h100-1": 1}), set(), id="a gang is entitled whole or not at all"
        ),
        pytest.param(
            SHARED.running("a/x", {"h100-0": 6})
            .running("a/y", {"h100-1": 4}, submitted=NOW)
            .running("a/z", {"h100-2": 2}),
            {"x", "z"},
            id="a later smaller one may fit where one before it did not",
        ),
        pytest.param(
            SHARED.running("a/x", {"h100-0": 8}).pending("a/y", workers=8, priority="high"),
            {"y"},
            id="a pending job of higher priority displaces what runs",
        ),
        pytest.param(
            SHARED.running("a/x", {"h100-0": 8}).pending("a/y", workers=8),
            {"x"},
            id="running before pending of the same",
        ),
        pytest.param(
            SHARED.running("a/x", {"h100-0": 6, "h100-1": 4}).pending("a/y", workers=2),
            set(),
            id="a pending job must fit beside what runs at its priority, borrowed or not",
        ),
        pytest.param(
            SHARED.running("a/x", {"h100-0": 6, "h100-1": 4}, priority="low").pending("a/y", workers=2),
            {"y"},
            id="lower work is not in its way",
        ),
        pytest.param(
            SHARED.bare_pods("h100-0", "a", 5).running("a/x", {"h100-1": 4}),
            set(),
            id="pods without a job are charged before all jobs",
        ),
        pytest.param(
            SHARED.stopping("a/x", {"h100-0": 8}).pending("a/y", workers=8),
            {"y"},
            id="a stopping job is charged no longer",
        ),
        pytest.param(
            SHARED.running("a/x", {"h100-0": 8}, on_call=True).pending("a/y", workers=4),
            {"y"},
            id="a job on call comes after all pending ones",
        ),
        pytest.param(
            SHARED.running("a/x", {"h100-0": 4}, on_call=True).pending("a/y", workers=4),
            {"x", "y"},
            id="on call, and it fits",
        ),
        pytest.param(SHARED.tenant("a", 0).pending("a/x"), set(), id="no guarantee"),
        pytest.param(
            SHARED.pending("a/x", submitted=NOW - 1, workers=8).pending("a/y", submitted=NOW, workers=8),
            {"x"},
            id="first come",
        ),
        pytest.param(
            SHARED.running("a/x", {"h100-0": 6}, elastic=(2, 8), workers=6).pending("a/y", workers=6),
            {"x", "y"},
            id="only the least of an elastic job decides",
        ),
        pytest.param(
            EXCLUSIVE.running("a/x", {"h100-0": 1}).pending("a/y", workers=7).pending("a/z", workers=9),
            {"x", "y"},
            id="exclusive: the rest of an own host is paid for already",
        ),
        pytest.param(
            EXCLUSIVE.running("a/x", {"h100-0": 1, "h100-1": 1, "h100-2": 1}),
            set(),
            id="exclusive: three hosts are charged for three GPUs",
        ),
        pytest.param(
            EXCLUSIVE.running("a/x", {"h100-0": 1}, priority="low").pending("a/y", gpus_per_worker=8, workers=2),
            {"x", "y"},
            id="exclusive: lower work on a host does not count as filling it",
        ),
        pytest.param(
            EXCLUSIVE.pending("a/x", gpus_per_worker=5, workers=2).pending("a/y", gpus_per_worker=3, workers=2),
            {"x", "y"},
            id="exclusive: pending jobs fill each other's hosts",
        ),
    ],
)
def test_entitled_jobs(draft: Draft, expected: set[str]) -> None:
    assert entitled(draft) == expected


@pytest.mark.parametrize(
    ("pending_s", "due", "expected"),
    [
        pytest.param(599.0, 16, {"small"}, id="it has not waited long enough"),
        pytest.param(600.0, 16, set(), id="a long wait within the due shuts the guarantee to those behind"),
        pytest.param(600.0, 11, {"small"}, id="it is beyond its tenant's due"),
        pytest.param(600.0, None, {"small"}, id="the due is not known yet"),
    ],
)
def test_a_job_that_waited_long_is_not_passed_for_ever(pending_s: float, due: int | None, expected: set[str]) -> None:
    draft = SHARED.pending("a/big", workers=12, pending_since=NOW - pending_s).pending("a/small", submitted=NOW)
    assert entitled(draft, due=due) == expected


@pytest.mark.parametrize(
    ("guaranteed", "workers"),
    [
        pytest.param(8, 6, id="all"),
        pytest.param(5, 5, id="some"),
        pytest.param(2, 2, id="the least"),
        pytest.param(1, 0, id="none"),
    ],
)
def test_workers_beyond_the_least_are_entitled_one_by_one(guaranteed: int, workers: int) -> None:
    draft = SHARED.tenant("a", guaranteed).running("a/x", {"h100-0": 6}, elastic=(2, 8))
    assert walked(draft).entitled_workers["a/x"] == workers


def test_workers_beyond_the_least_come_after_all_pending_jobs() -> None:
    draft = SHARED.running("a/x", {"h100-0": 6}, elastic=(2, 8)).pending("a/y", workers=5, priority="low")
    walk = walked(draft)
    assert walk.classes["a/y"] is ENTITLED
    assert walk.entitled_workers["a/x"] == 3


def test_a_pending_job_counts_in_the_first_pool_in_which_it_would_be_entitled() -> None:
    draft = (
        estate()
        .pool()
        .pool("a100")
        .tenant("a", {"a100": 0, "h100": 8})
        .pending("a/x", workers=8)
        .pending("a/y", submitted=NOW)
    )
    walk = walked(draft)
    assert walk.homes == {"a/x": "h100"}
    assert walk.class_of("a/y") is BORROWED
    assert (walk.class_in("a/x", "a100"), walk.class_in("a/x", "h100")) == (BORROWED, ENTITLED)
    assert (walk.pending, walk.demand) == ({"h100": 8, "a100": 1}, {"h100": 8, "a100": 1})


def test_what_runs_in_a_pool_that_was_taken_from_its_tenant_borrows() -> None:
    draft = estate().pool().pool("a100").tenant("a", {"h100": 8}).running("a/x", {"a100-0": 1})
    assert walked(draft).classes == {"a/x": BORROWED}


def test_a_host_that_takes_no_pods_has_no_room_for_waiting_jobs() -> None:
    draft = EXCLUSIVE.tenant("a", 8).node("h100-0", usable=False).bare_pods("h100-0", "a", 1).pending("a/x")
    assert walked(draft).class_of("a/x") is BORROWED


def by_the_letter(jobs: Mapping[str, Job], guaranteed: int) -> set[str]:
    """The definition of the vocabulary, for a shared pool."""
    ranks = {key: PRIORITIES[job.priority or "default"] for key, job in jobs.items()}
    order = sorted(jobs, key=lambda k: (-ranks[k], jobs[k].placement is None, jobs[k].submitted, k))
    found: set[str] = set()
    for key in order:
        charge = sum(jobs[k].workers for k in found) + jobs[key].workers
        if jobs[key].placement is None:
            beside = {k for k, job in jobs.items() if job.placement and ranks[k] >= ranks[key]}
            charge = max(
                charge,
                sum(jobs[k].workers for k in beside | {f for f in found if not jobs[f].placement}) + jobs[key].workers,
            )
        if charge <= guaranteed:
            found.add(key)
    return found


KINDS = [(runs, priority, gpus) for runs in (True, False) for priority in ("low", "high", None) for gpus in (1, 3)]


@pytest.mark.parametrize("guaranteed", [0, 3, 4, 6])
def test_the_walk_follows_the_definition_in_shared_pools(guaranteed: int) -> None:
    plain = estate().pool(hosts=3).tenant("a", guaranteed)
    for number, kinds in enumerate(itertools.product(KINDS, repeat=3)):
        draft, jobs = plain, {}
        for index, (runs, priority, gpus) in enumerate(kinds):
            job = a_job(f"a/{index}", workers=gpus, priority=priority, submitted=NOW - (number + index) % 3)
            if runs:
                draft = draft.running(job.key, {f"h100-{index}": gpus}, priority=priority, submitted=job.submitted)
                jobs[job.key] = job.placed(Placement("h100", {f"h100-{index}": gpus}))
            else:
                draft, jobs[job.key] = draft.job(job), job
        names = {key.partition("/")[2] for key in by_the_letter(jobs, guaranteed)}
        assert entitled(draft) == names, kinds


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        pytest.param(a_job("a/x"), 3600.0, id="since its submission"),
        pytest.param(a_job("a/x", pending_since=NOW - 5), 5.0, id="since it came back"),
        pytest.param(a_job("a/x", submitted=NOW + 5), 0.0, id="a clock that was ahead"),
    ],
)
def test_waited(job: Job, expected: float) -> None:
    assert waited(job, NOW) == expected


def test_with_the_budget_spent_only_entitled_jobs_stay_in_the_walk() -> None:
    draft = (
        SHARED.tenant("a", 8, spent=WhenSpent.GUARANTEE_ONLY).pending("a/x", workers=8).pending("a/y", submitted=NOW)
    )
    cycle = begin(State(draft.snapshot()), NOW)
    walk_all(cycle)
    assert set(cycle.walks["a"].homes) == {"a/x"}
    assert set(cycle.refused()) == {"a/y"}


def hosts_by_the_letter(jobs: Mapping[str, Job]) -> int:
    """GPUs of the hosts of four that single-GPU workers need: those that run where they are, the others wherever."""
    used: dict[str, int] = {}
    for job in jobs.values():
        for host, workers in job.placement.nodes.items() if job.placement else ():
            used[host] = used.get(host, 0) + workers
    room = sum(4 - gpus for gpus in used.values())
    without = sum(job.workers for job in jobs.values() if not job.placement) - room
    return 4 * (len(used) + max(0, math.ceil(without / 4)))


def exclusive_by_the_letter(jobs: Mapping[str, Job], guaranteed: int) -> set[str]:
    """The definition of the vocabulary, for an exclusive pool."""
    ranks = {key: PRIORITIES[job.priority or "default"] for key, job in jobs.items()}
    order = sorted(jobs, key=lambda k: (-ranks[k], jobs[k].placement is None, jobs[k].submitted, k))
    found: set[str] = set()
    for key in order:
        before = set(found)
        if jobs[key].placement is None:
            before |= {k for k, job in jobs.items() if job.placement and ranks[k] >= ranks[key]}
        if hosts_by_the_letter({k: jobs[k] for k in {*before, key}}) <= guaranteed:
            found.add(key)
    return found


PLACES = [
    (host, priority, gpus) for host in (None, "h100-0", "h100-1") for priority in ("low", None) for gpus in (1, 3)
]


def is_displaced(kinds: Sequence[tuple[str | None, str | None, int]]) -> bool:
    """Whether a job runs that a waiting one of higher priority may come to take the place of."""
    return any(host and priority == "low" for host, priority, _ in kinds) and (None, None) in {k[:2] for k in kinds}


@pytest.mark.parametrize("guaranteed", [0, 4, 8])
def test_the_walk_follows_the_definition_in_exclusive_pools(guaranteed: int) -> None:
    plain = estate().pool(hosts=3, gpus=4, exclusive=True).tenant("a", guaranteed)
    for number, kinds in enumerate(itertools.product(PLACES, repeat=3)):
        draft, jobs = plain, {}
        for index, (host, priority, gpus) in enumerate(kinds):
            job = a_job(f"a/{index}", workers=gpus, priority=priority, submitted=NOW - (number + index) % 3)
            if host is None:
                draft, jobs[job.key] = draft.job(job), job
            else:
                draft = draft.running(job.key, {host: gpus}, priority=priority, submitted=job.submitted)
                jobs[job.key] = job.placed(Placement("h100", {host: gpus}))
        if any(sum(gpus for at, _, gpus in kinds if at == host) > 4 for host in ("h100-0", "h100-1")):
            continue  # more than the host has
        names, found = {k.partition("/")[2] for k in exclusive_by_the_letter(jobs, guaranteed)}, entitled(draft)
        if is_displaced(kinds):  # the walk gives both the same GPUs of a host: the lower one may count as entitled, too
            assert {key for key in found if jobs[f"a/{key}"].priority is None} == {
                key for key in names if jobs[f"a/{key}"].priority is None
            }, kinds
        else:
            assert found == names, kinds
