"""Whatever happens to an estate, and in whatever order: every decision keeps the invariants."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from entente.api.job import Phase
from entente.engine.audit.recount import Side, after
from entente.engine.decisions import Evict, Hold, Plan, Wait
from entente.engine.invariants import check_invariants
from entente.engine.model import MIN_GRACE_S, BarePods, Snapshot
from entente.engine.planner import decide
from tests.support.drawn import estates, jobs, terms
from tests.support.estates import Draft, estate
from tests.support.virtual import World

_MOST_JOBS = 14
_REPEAT_EVERY = 5
"""Decisions after which one is made again, to be compared: that takes three times as long."""


def told_of_others(snapshot: Snapshot, plan: Plan) -> list[str]:
    """Messages in which another tenant, or any job, is named."""
    found = []
    for wait in (d for d in plan.decisions if isinstance(d, Wait)):
        mine = snapshot.jobs[wait.job].tenant
        names = [*(t for t in snapshot.tenants if t != mine), "job-"]
        found += [wait.message for name in names if name in wait.message]
    return found


def miscounted(snapshot: Snapshot, plan: Plan) -> list[str]:
    """Books that do not say what is on the nodes after `Start`, `Grow` and `Shrink`, and before any `Hold`."""
    some = tuple(d for d in plan.decisions if not isinstance(d, Hold | Evict))
    count, found = after(snapshot, Plan(some, plan.standings, plan.books)), []
    for pool, book in plan.books.items():
        nodes = [n for n in snapshot.nodes.values() if n.pool == pool]
        free = sum(max(0, n.capacity - count.gpus(n.name, Side.STAYS, Side.GOES)) for n in nodes)
        if (book.capacity, book.free) != (sum(n.capacity for n in nodes), free):
            found.append(f"{pool}: {book.free} free of {book.capacity}, and {free} are")
        if any(count.gpus(n.name, Side.STAYS, Side.HELD) > n.capacity for n in nodes):
            continue  # a stopping job's hold has lapsed (its node was away): its status still says so
        for tenant, row in book.tenants.items():
            borrowed = max(0, count.charged(tenant, pool) - row.guaranteed)
            if row.borrowed != borrowed:
                found.append(f"{tenant} in {pool}: {row.borrowed} borrowed, and {borrowed} are")
        if sum(row.lent for row in book.tenants.values()) > sum(row.borrowed for row in book.tenants.values()):
            found.append(f"{pool}: more is lent than borrowed")
    return found


def late(snapshot: Snapshot, plan: Plan, undisturbed_since: float) -> list[str]:
    """Jobs whose promise is broken, though nothing but jobs came and went, and no more is promised than there is.

    A victim gets MIN_GRACE_S even at the end of the notice, and the handover takes its time after it.
    """
    found: list[str] = []
    if any(book.overcommitted for book in plan.books.values()):
        return found
    for key, standing in plan.standings.items():
        job = snapshot.jobs[key]
        if job.entitled_since is None or not standing.notice_runs or job.required:
            continue
        pools = [snapshot.pools[name] for name in snapshot.tenants[job.tenant or ""].terms]
        promise = max(p.notice_s + MIN_GRACE_S + (p.handover_s or 0.0) for p in pools)
        waits = snapshot.now - max(job.entitled_since, undisturbed_since)
        if waits > promise:
            found.append(f"{key} waits for {waits:.0f} s, and {promise:.0f} s are promised")
    return found


class Estates(RuleBasedStateMachine):
    """One estate with its tenants, jobs and troubles."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(estate().snapshot(), watch=self.check)
        self.named = 0
        self.decided = 0
        self.undisturbed_since = 0.0

    def check(self, snapshot: Snapshot, plan: Plan) -> None:
        self.decided += 1
        again = decide if self.decided % _REPEAT_EVERY == 0 else None
        assert check_invariants(snapshot, plan, again) == []
        assert told_of_others(snapshot, plan) == []
        assert miscounted(snapshot, plan) == []
        assert late(snapshot, plan, self.undisturbed_since) == []

    @initialize(draft=estates())
    def begin(self, draft: Draft) -> None:
        self.world.snapshot = draft.snapshot()

    @precondition(lambda self: len(self.world.snapshot.jobs) < _MOST_JOBS)
    @rule(data=st.data(), count=st.integers(1, 3))
    def submit(self, data: st.DataObject, count: int) -> None:
        for _ in range(count):
            tenant = data.draw(st.sampled_from(sorted(self.world.snapshot.tenants)), label="tenant")
            self.named += 1
            job, length = data.draw(jobs(f"{tenant}/job-{self.named}", self.world.now), label="job")
            self.world.put(job)
            self.world.lengths[job.key] = length
        self.world.decide()

    @rule(seconds=st.sampled_from((1.0, 30.0, 120.0, 600.0, 3600.0)))
    def wait(self, seconds: float) -> None:
        self.world.advance(self.world.now + seconds)
        self.world.decide()

    @rule(data=st.data())
    def change_a_node(self, data: st.DataObject) -> None:
        self.undisturbed_since = self.world.now
        name = data.draw(st.sampled_from(sorted(self.world.snapshot.nodes)), label="node")
        if not self.world.snapshot.nodes[name].usable:
            self.world.return_node(name)
        elif data.draw(st.booleans(), label="lost"):
            self.world.lose_node(name)
        else:
            self.world.cordon(name)
        self.world.decide()

    @rule(data=st.data())
    def edit_terms(self, data: st.DataObject) -> None:
        self.undisturbed_since = self.world.now
        snapshot = self.world.snapshot
        name = data.draw(st.sampled_from(sorted(snapshot.tenants)), label="tenant")
        pool = data.draw(st.sampled_from(sorted(snapshot.pools)), label="pool")
        tenant = snapshot.tenants[name]
        edited = replace(tenant, terms={**tenant.terms, pool: data.draw(terms(16), label="terms")})
        self.world.snapshot = replace(snapshot, tenants={**snapshot.tenants, name: edited})
        self.world.decide()

    @precondition(lambda self: self.world.snapshot.jobs)
    @rule(data=st.data())
    def change_a_job(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.world.snapshot.jobs)), label="job")
        job = self.world.snapshot.jobs[key]
        if job.suspend:
            self.world.resume(key)
        elif data.draw(st.booleans(), label="suspend"):
            self.world.suspend(key)
        elif job.phase is Phase.RUNNING:
            self.world.put(replace(job, last_checkpoint=self.world.now))
        else:
            self.world.drop(key)
        self.world.decide()

    @rule(data=st.data())
    def change_bare_pods(self, data: st.DataObject) -> None:
        self.undisturbed_since = self.world.now
        snapshot = self.world.snapshot
        bare: tuple[BarePods, ...] = ()
        if not snapshot.bare:
            tenant = data.draw(st.sampled_from(sorted(snapshot.tenants)), label="tenant")
            idle = [n for n in sorted(snapshot.nodes) if self.is_empty(n)]
            if idle:
                bare = (BarePods(data.draw(st.sampled_from(idle), label="node"), tenant, 1),)
        self.world.snapshot = replace(snapshot, bare=bare)
        self.world.decide()

    def is_empty(self, node: str) -> bool:
        placements = [p for j in self.world.snapshot.jobs.values() for p in (j.placement, j.hold) if p]
        return not any(node in p.nodes for p in placements)


TestEstates = Estates.TestCase
