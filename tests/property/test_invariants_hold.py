"""Whatever happens to an estate, and in whatever order: every decision keeps the invariants."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from typing_extensions import override

from entente.api.job import Phase
from entente.api.tenant import WhenSpent
from entente.engine.audit.recount import Side, after
from entente.engine.decisions import Evict, Hold, Plan, Wait
from entente.engine.model import MIN_GRACE_S, BarePods, Job, Snapshot
from entente.engine.planner import decide
from tests.support.checked import checked, violations
from tests.support.drawn import estates, jobs, terms
from tests.support.estates import Draft, estate
from tests.support.virtual import World

_PROFILE = settings.get_current_profile_name()
_MOST_JOBS = 14
_LEAST_DECISIONS = {"ci": 20_000, "soak": 200_000}
"""That a run must have checked, by profile."""
_MORE = {"ci": settings(max_examples=400, stateful_step_count=60)}
"""What the profile's own settings would not reach."""
_REPEAT_EVERY = 5
"""Decisions after which one is made again, to be compared: that takes three times as long."""


def told_of_others(snapshot: Snapshot, plan: Plan) -> list[str]:
    """Messages in which another tenant, or any job, is named."""
    found: list[str] = []
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
        pools = [snapshot.pools[name] for name in snapshot.tenants[job.tenant or ""].terms if name in snapshot.pools]
        promise = max(p.notice_s + MIN_GRACE_S + (p.handover_s or 0.0) for p in pools)
        waits = snapshot.now - max(job.entitled_since, undisturbed_since)
        if waits > promise:
            found.append(f"{key} waits for {waits:.0f} s, and {promise:.0f} s are promised")
    return found


def waits_for_its_hold(job: Job) -> bool:
    return job.phase is Phase.PENDING and job.hold is not None and not job.suspend


def is_stopping(job: Job) -> bool:
    return job.phase is Phase.STOPPING


def is_running(job: Job) -> bool:
    return job.phase is Phase.RUNNING


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
        assert violations(snapshot, plan, again) == []
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

    @rule(seconds=st.sampled_from((31.0, 299.0, 1801.0, 7201.0)))
    def look_away(self, seconds: float) -> None:
        """The clock jumps, over ends and checkpoints: what was due in between is seen only after a decision."""
        self.undisturbed_since = self.world.now + seconds
        self.world.jump(seconds)
        self.world.decide()

    @rule(data=st.data())
    def edit_a_tenant(self, data: st.DataObject) -> None:
        self.undisturbed_since = self.world.now
        snapshot = self.world.snapshot
        tenant = snapshot.tenants[data.draw(st.sampled_from(sorted(snapshot.tenants)), label="tenant")]
        pool = data.draw(st.sampled_from(sorted(snapshot.pools)), label="pool")
        match data.draw(st.sampled_from(("terms", "terms", "remove", "budget", "order")), label="edit"):
            case _ if tenant.spent is not None:
                tenant = replace(tenant, spent=None)
            case _ if pool not in tenant.terms:
                tenant = replace(tenant, terms={**tenant.terms, pool: data.draw(terms(16), label="terms")})
            case "terms":
                tenant = replace(tenant, terms={**tenant.terms, pool: data.draw(terms(16), label="terms")})
            case "remove":
                tenant = replace(tenant, terms={name: t for name, t in tenant.terms.items() if name != pool})
            case "budget":
                tenant = replace(tenant, spent=data.draw(st.sampled_from(WhenSpent), label="spent"))
            case _:
                tenant = replace(tenant, shortest_first=not tenant.shortest_first)
        self.world.put_tenant(tenant)
        self.world.decide()

    @rule(data=st.data())
    def edit_a_pool(self, data: st.DataObject) -> None:
        self.undisturbed_since = self.world.now
        name = data.draw(st.sampled_from(sorted(self.world.snapshot.pools)), label="pool")
        notice_s = data.draw(st.sampled_from((120.0, 300.0, 600.0)), label="notice")
        min_runtime_s = data.draw(st.sampled_from((0.0, 600.0, 1200.0)), label="least runtime")
        pool = self.world.snapshot.pools[name]
        self.world.put_pool(replace(pool, notice_s=notice_s, min_runtime_s=min_runtime_s))
        self.world.decide()

    def those(self, holds: Callable[[Job], bool]) -> list[str]:
        return sorted(key for key, job in self.world.snapshot.jobs.items() if holds(job))

    @precondition(lambda self: self.those(waits_for_its_hold))
    @rule(data=st.data(), how=st.sampled_from(("gone", "suspended", "resumed", "another size")))
    def change_a_claimant(self, data: st.DataObject, how: str) -> None:
        """One that GPUs are being freed for vanishes, changes its mind, or asks for another size."""
        key = data.draw(st.sampled_from(self.those(waits_for_its_hold)), label="claimant")
        job = self.world.snapshot.jobs[key]
        match how:
            case "gone":
                self.world.drop(key)
            case "another size":
                workers = data.draw(st.integers(1, 4), label="workers")
                self.world.put(replace(job, workers=workers, min_workers=min(workers, job.min_workers)))
            case _:
                self.world.suspend(key)
                if how == "resumed":
                    self.world.decide()
                    self.world.resume(key)
        self.world.decide()

    @precondition(lambda self: self.those(is_stopping))
    @rule(data=st.data(), ends=st.booleans())
    def stop_early(self, data: st.DataObject, ends: bool) -> None:  # noqa: FBT001 - Hypothesis passes by keyword
        """A victim needs less time than it has, or is done before."""
        key = data.draw(st.sampled_from(self.those(is_stopping)), label="victim")
        if ends:
            self.world.drop(key)
        else:
            self.world.stop_early(key)
        self.world.decide()

    @precondition(lambda self: self.those(is_running))
    @rule(data=st.data(), backoff_s=st.sampled_from((0.0, 30.0, 600.0)))
    def fail(self, data: st.DataObject, backoff_s: float) -> None:
        self.world.fail(data.draw(st.sampled_from(self.those(is_running)), label="job"), backoff_s)
        self.world.decide()

    @precondition(lambda self: self.world.snapshot.jobs)
    @rule(data=st.data())
    def change_a_job(self, data: st.DataObject) -> None:
        suspended = self.those(lambda job: job.suspend)
        key = data.draw(st.sampled_from(suspended or sorted(self.world.snapshot.jobs)), label="job")
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


class TestEstates(Estates.TestCase):  # type: ignore[misc, valid-type] # its class is made at run time
    """The machine, which must come far."""

    settings = _MORE.get(_PROFILE, settings())

    @override
    def runTest(self) -> None:
        before = checked()
        super().runTest()
        assert checked() - before >= _LEAST_DECISIONS.get(_PROFILE, 1)
