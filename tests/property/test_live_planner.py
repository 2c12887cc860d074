"""A planner that is told of changes decides as one that sees everything for the first time, and its decision undoes."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from entente.api.job import Phase
from entente.api.tenant import WhenSpent
from entente.engine.decisions import Plan
from entente.engine.live import LivePlanner, Successive
from entente.engine.model import BarePods, Snapshot
from entente.engine.state import State
from tests.support.drawn import estates, jobs
from tests.support.estates import Draft
from tests.support.virtual import World

T = TypeVar("T")


def _tell(was: Mapping[str, T], now: Mapping[str, T], put: Callable[[T], None], drop: Callable[[str], None]) -> None:
    """What is gone, then what is new or changed."""
    for name in was.keys() - now.keys():
        drop(name)
    for name, it in now.items():
        if was.get(name) is not it:
            put(it)


def _never(pool: str) -> None:
    message = f"pool {pool} is gone, which these tests never let happen"
    raise AssertionError(message)


class Beside:
    """A live planner that is told what changes in a world."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.told = snapshot
        self.planner = LivePlanner(snapshot)
        self.successive = Successive()

    def tell(self, snapshot: Snapshot) -> None:
        """Tell what is another thing than it was."""
        old, planner = self.told, self.planner
        _tell(old.pools, snapshot.pools, planner.put_pool, _never)
        _tell(old.jobs, snapshot.jobs, planner.put_job, planner.drop_job)
        _tell(old.nodes, snapshot.nodes, planner.put_node, planner.drop_node)
        _tell(old.tenants, snapshot.tenants, planner.put_tenant, planner.drop_tenant)
        if old.bare is not snapshot.bare:
            planner.set_bare(snapshot.bare)
        self.told = snapshot

    def compare(self, snapshot: Snapshot, plan: Plan) -> None:
        """Decide beside the one that decided."""
        self.tell(snapshot)
        verdict = self.planner.decide(snapshot.now)
        assert verdict.noticed == {key for key, standing in plan.standings.items() if standing.notice_runs}
        assert verdict.plan() == plan
        assert self.successive.decide(snapshot) == plan


def figures(state: State) -> object:
    """All that a decision works on, in an order of its own."""
    estate = state.estate
    hosts = {
        name: (dict(h.using), dict(h.going), dict(h.held), h.staying_gpus, h.going_gpus, h.held_gpus, dict(h.tenants))
        for name, h in estate.hosts.items()
    }
    stocks = {
        pool: (stock.open, stock.idle, stock.untouched, sorted(h.name for h in stock.hosts(1)))
        for pool, stock in estate.stocks.items()
    }
    charges = {(t, p): estate.charges.of(t, p) for t in state.tenants for p in estate.pools}
    queues = {name: [entry.job.key for entry in queue] for name, queue in state.queues.items()}
    return copy.deepcopy((hosts, stocks, charges, dict(estate.running), dict(estate.holds), queues, state.refused))


def _submit(world: World, data: st.DataObject, number: int) -> None:
    name = data.draw(st.sampled_from(sorted(world.snapshot.tenants)))
    job, length = data.draw(jobs(f"{name}/job-{number}", world.now))
    world.put(job)
    world.lengths[job.key] = length


def _edit_a_tenant(world: World, data: st.DataObject, edit: str) -> None:
    snapshot = world.snapshot
    tenant = snapshot.tenants[data.draw(st.sampled_from(sorted(snapshot.tenants)))]
    match edit:
        case "gone" if len(snapshot.tenants) > 1:
            kept = {name: t for name, t in snapshot.tenants.items() if name != tenant.name}
            world.snapshot = replace(snapshot, tenants=kept)
            for job in [j for j in snapshot.jobs.values() if j.tenant == tenant.name]:
                world.put(replace(job, tenant=None))  # as a snapshot of the cluster has it: of no tenant
        case "budget":
            world.put_tenant(replace(tenant, spent=None if tenant.spent else WhenSpent.GUARANTEE_ONLY))
        case _:
            halved = {p: replace(t, guaranteed=t.guaranteed // 2) for p, t in tenant.terms.items()}
            world.put_tenant(replace(tenant, terms=halved))


def _edit_a_job(world: World, data: st.DataObject) -> None:
    """One is suspended or resumed, ends early, or asks for more."""
    if world.snapshot.jobs:
        job = world.snapshot.jobs[data.draw(st.sampled_from(sorted(world.snapshot.jobs)))]
        if job.suspend:
            world.resume(job.key)
        elif job.phase is Phase.STOPPING:
            world.stop_early(job.key)
        elif job.phase is Phase.PENDING:
            world.put(replace(job, workers=job.workers + 1))
        else:
            world.suspend(job.key)


def _change_a_node(world: World, data: st.DataObject, change: str) -> None:
    name = data.draw(st.sampled_from(sorted(world.snapshot.nodes)))
    match change:
        case "lose":
            world.lose_node(name)
        case "cordon":
            world.cordon(name)
        case "drop" if len(world.snapshot.nodes) > 1:
            world.drop_node(name)
        case _:
            world.return_node(name)


_EVENTS = (
    "job",
    "job",
    "job",
    "edit",
    "time",
    "jump",
    "lose",
    "cordon",
    "back",
    "drop",
    "terms",
    "gone",
    "budget",
    "pool",
    "bare",
)


def _happen(world: World, data: st.DataObject, number: int) -> None:
    match data.draw(st.sampled_from(_EVENTS), label="event"):
        case "job":
            _submit(world, data, number)
        case "edit":
            _edit_a_job(world, data)
        case "time":
            world.advance(world.now + data.draw(st.sampled_from((1.0, 60.0, 400.0, 900.0))))
        case "jump":
            world.jump(data.draw(st.sampled_from((-600.0, -1.0, 1801.0))))
        case "terms" | "gone" | "budget" as edit:
            _edit_a_tenant(world, data, edit)
        case "pool":
            pool = world.snapshot.pools[data.draw(st.sampled_from(sorted(world.snapshot.pools)))]
            world.put_pool(replace(pool, notice_s=pool.notice_s * 2, min_runtime_s=1200.0 - pool.min_runtime_s))
        case "bare":
            node, tenant = (
                data.draw(st.sampled_from(sorted(x))) for x in (world.snapshot.nodes, world.snapshot.tenants)
            )
            bare = () if world.snapshot.bare else (BarePods(node, tenant, 1, going=data.draw(st.booleans())),)
            world.snapshot = replace(world.snapshot, bare=bare)
        case change:
            _change_a_node(world, data, change)
    world.decide()


@given(draft=estates(), data=st.data())
def test_it_decides_as_one_that_sees_everything_for_the_first_time(draft: Draft, data: st.DataObject) -> None:
    world = World(draft.snapshot())
    world.watch = Beside(world.snapshot).compare
    for number in range(data.draw(st.integers(2, 12), label="events")):
        _happen(world, data, number)


@given(draft=estates(), data=st.data())
def test_a_decision_leaves_no_trace_in_the_state(draft: Draft, data: st.DataObject) -> None:
    world = World(draft.snapshot())
    for number in range(data.draw(st.integers(2, 8), label="events")):
        _happen(world, data, number)
    planner = LivePlanner(world.snapshot)
    before = figures(planner._state)
    first = planner.decide(world.now)
    assert first.plan() == first.plan()
    planner.snapshot(world.now)
    assert figures(planner._state) == before
    assert planner.decide(world.now).plan() == first.plan()
