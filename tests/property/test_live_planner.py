"""A planner that is told of changes decides as one that sees everything for the first time, and its decision undoes."""

import copy
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from entente.engine.decisions import Plan
from entente.engine.live import LivePlanner
from entente.engine.model import Snapshot
from entente.engine.state import State
from tests.support.drawn import estates, jobs
from tests.support.estates import Draft
from tests.support.virtual import World


class Beside:
    """A live planner that is told what changes in a world."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.told = snapshot
        self.planner = LivePlanner(snapshot)

    def tell(self, snapshot: Snapshot) -> None:
        """Tell what is another thing than it was."""
        old = self.told
        for key in old.jobs.keys() - snapshot.jobs.keys():
            self.planner.drop_job(key)
        for key, job in snapshot.jobs.items():
            if old.jobs.get(key) is not job:
                self.planner.put_job(job)
        for name, node in snapshot.nodes.items():
            if old.nodes.get(name) is not node:
                self.planner.put_node(node)
        for name, tenant in snapshot.tenants.items():
            if old.tenants.get(name) is not tenant:
                self.planner.put_tenant(tenant)
        self.told = snapshot

    def compare(self, snapshot: Snapshot, plan: Plan) -> None:
        """Decide beside the one that decided."""
        self.tell(snapshot)
        verdict = self.planner.decide(snapshot.now)
        assert verdict.noticed == {key for key, standing in plan.standings.items() if standing.notice_runs}
        assert verdict.plan() == plan


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
    charges = {(t, p): estate.charged(t, p) for t in state.tenants for p in estate.pools}
    queues = {name: [entry.job.key for entry in queue] for name, queue in state.queues.items()}
    return copy.deepcopy((hosts, stocks, charges, dict(estate.running), dict(estate.holds), queues, state.refused))


def _happen(world: World, data: st.DataObject, number: int) -> None:
    nodes = sorted(world.snapshot.nodes)
    match data.draw(st.sampled_from(("job", "job", "job", "time", "lose", "cordon", "back", "terms")), label="event"):
        case "job":
            name = data.draw(st.sampled_from(sorted(world.snapshot.tenants)))
            job, length = data.draw(jobs(f"{name}/job-{number}", world.now))
            world.put(job)
            world.lengths[job.key] = length
        case "time":
            world.advance(world.now + data.draw(st.sampled_from((1.0, 60.0, 400.0, 900.0))))
        case "lose":
            world.lose_node(data.draw(st.sampled_from(nodes)))
        case "cordon":
            world.cordon(data.draw(st.sampled_from(nodes)))
        case "back":
            world.return_node(data.draw(st.sampled_from(nodes)))
        case _:
            tenant = world.snapshot.tenants[data.draw(st.sampled_from(sorted(world.snapshot.tenants)))]
            terms = {p: replace(t, guaranteed=t.guaranteed // 2) for p, t in tenant.terms.items()}
            tenants = {**world.snapshot.tenants, tenant.name: replace(tenant, terms=terms)}
            world.snapshot = replace(world.snapshot, tenants=tenants)
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
