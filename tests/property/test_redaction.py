"""Nothing that a tenant reads about its jobs tells of another tenant: no name, no job, no size.

The books of a pool are totals and belong to all; everything else is the tenant's own.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import event, given, settings
from hypothesis import strategies as st

from entente.api.job import Phase, TrainingJob
from entente.cli.account import account
from entente.cli.case import Case
from entente.engine.decisions import Decision, Evict, Grow, Hold, Plan, Shrink, Start, Wait
from entente.engine.model import Job, Placement, Snapshot
from entente.engine.planner import decide
from entente.workload import decided
from entente.workload.stopping import Step
from tests.support.drawn import estates, jobs
from tests.support.estates import Draft
from tests.support.mirror import job_resource, pool_resource, tenant_resource
from tests.support.virtual import World

_PAUSES = (1.0, 60.0, 900.0)
_STEADY = 12
"""Decisions after which nothing more is done, as a rule."""


def _grown(draft: Draft, data: st.DataObject, watch: list[tuple[Snapshot, Plan]] | None = None) -> World:
    """An estate in which jobs came, ran and waited for some time. No name is part of another one."""
    world = World(draft.snapshot())
    if watch is not None:
        world.watch = lambda snapshot, plan: watch.append((snapshot, plan))
    tenants = sorted(world.snapshot.tenants)
    for number in range(data.draw(st.integers(3, 12), label="jobs")):
        tenant = data.draw(st.sampled_from(tenants))
        job, length = data.draw(jobs(f"{tenant}/w{number:02d}x", world.now))
        world.put(job)
        world.lengths[job.key] = length
        if number % 3 == 0:
            world.decide()
            world.advance(world.now + data.draw(st.sampled_from(_PAUSES)))
    world.decide()
    return world


def _names_of_others(snapshot: Snapshot, tenant: str | None) -> set[str]:
    jobs_ = {key.partition("/")[2] for key, job in snapshot.jobs.items() if job.tenant != tenant}
    return {name for name in snapshot.tenants if name != tenant} | jobs_


def _step(job: TrainingJob, decision: Decision, plan: Plan, now: float) -> Step:
    """What the operator makes of a decision: a status, and Events."""
    standing = plan.standings.get(decision.job)
    match decision:
        case Start():
            return decided.start(job, decision, standing, now)
        case Hold():
            return decided.hold(job, decision, now)
        case Evict():
            return decided.evict(job, decision, now)
        case Shrink():
            return decided.shrink(job, decision, now)
        case Grow():
            return decided.grow(job, decision, now)
        case Wait():
            return decided.wait(job, decision, standing, now)


def _texts(snapshot: Snapshot, plan: Plan) -> Iterator[tuple[Job, str]]:
    """All that people of a job's tenant can read about it after a plan: status, Events, and what `why` tells."""
    pools = {name: pool_resource(pool) for name, pool in snapshot.pools.items()}
    moment = datetime.fromtimestamp(snapshot.now, UTC)
    for decision in plan.decisions:
        of = snapshot.jobs[decision.job]
        step = _step(job_resource(of), decision, plan, snapshot.now)
        yield of, str(step.status.to_wire())
        yield from ((of, f"{note.reason}: {note.message}") for note in step.notes)
        told = job_resource(of).model_copy(update={"status": step.status})
        tenant = tenant_resource(snapshot.tenants[of.tenant or ""])
        yield from ((of, sentence) for sentence in account(Case(told, pools, tenant, moment)))


@settings(max_examples=100)
@given(draft=estates(), data=st.data())
def test_no_status_event_or_explanation_names_another_tenant_or_its_job(draft: Draft, data: st.DataObject) -> None:
    seen: list[tuple[Snapshot, Plan]] = []
    _grown(draft, data, seen)
    for snapshot, plan in seen:
        for job, text in _texts(snapshot, plan):
            found = sorted(name for name in _names_of_others(snapshot, job.tenant) if name in text)
            assert not found, f"{job.key} is told of {found}: {text}"


def _steady(world: World) -> Plan | None:
    """The decision, once it is only that all who wait go on waiting."""
    for _ in range(_STEADY):
        plan = world.decide()
        if not plan.actions:
            return decide(world.snapshot)
    return None


def _renamed(name: str | None, mine: str) -> str | None:
    """Another tenant under another name, which keeps its place in the order of names."""
    return name if name is None or name == mine else f"{name}q"


def _recut(job: Job, mine: str) -> Job:
    """A job of another tenant under another name, in workers of one GPU each on the same GPUs, if it is rigid."""
    tenant = _renamed(job.tenant, mine)
    if tenant == mine or tenant is None:
        return job
    named = replace(job, key=f"{tenant}/{job.key.partition('/')[2]}q", tenant=tenant)
    if job.elastic or job.phase is not Phase.RUNNING or job.placement is None:
        return named
    per = job.gpus_per_worker
    nodes = {node: workers * per for node, workers in job.placement.nodes.items()}
    workers = job.workers * per
    return replace(
        named,
        workers=workers,
        min_workers=workers,
        max_workers=workers,
        gpus_per_worker=1,
        placement=Placement(job.placement.pool, nodes),
    )


def _others_changed(snapshot: Snapshot, mine: str) -> Snapshot:
    """The same estate, but for the names and the cut of what belongs to others."""
    changed = [_recut(job, mine) for job in snapshot.jobs.values()]
    tenants = [replace(t, name=_renamed(t.name, mine) or "") for t in snapshot.tenants.values()]
    return replace(
        snapshot,
        jobs={job.key: job for job in changed},
        tenants={tenant.name: tenant for tenant in tenants},
        nodes={
            name: replace(node, last_tenant=_renamed(node.last_tenant, mine)) for name, node in snapshot.nodes.items()
        },
    )


@settings(max_examples=100)
@given(draft=estates(), data=st.data())
def test_what_a_tenant_is_told_does_not_depend_on_how_others_are_called_or_cut(
    draft: Draft, data: st.DataObject
) -> None:
    world = _grown(draft, data)
    plan = _steady(world)
    if plan is None:
        event("not steady")
        return
    mine = data.draw(st.sampled_from(sorted(world.snapshot.tenants)), label="mine")
    other = decide(_others_changed(world.snapshot, mine))
    if other.actions:
        event("other GPUs can be had from smaller workers")
        return
    told, told_otherwise = ([wait for wait in each.waits if wait.job.startswith(f"{mine}/")] for each in (plan, other))
    event(f"{min(len(told), 3)} waits compared")
    assert told == told_otherwise
