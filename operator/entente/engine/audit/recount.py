"""Who has GPUs where, before and after a plan, counted anew from the snapshot.

The checks of a plan rest on this and not on the estate that the planner keeps, so that a mistake there shows here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from entente.api.job import Phase
from entente.api.reasons import Reason
from entente.engine.decisions import Evict, Grow, Hold, Plan, Shrink, Start, Wait
from entente.engine.model import HOLDING_PHASES, Job, Placement, Snapshot


class Side(Enum):
    """What becomes of GPUs in use."""

    STAYS = auto()
    GOES = auto()
    """In use, and on its way out for sure."""
    HELD = auto()
    """Promised to a claimant."""


_Key = tuple[str, str, Side]


@dataclass(frozen=True, slots=True)
class Grip:
    """GPUs of one job, or of pods without a job, on one node."""

    job: str
    tenant: str
    node: str
    gpus: int
    side: Side


class Count:
    """All grips at one moment."""

    def __init__(self, snapshot: Snapshot, grips: Iterable[Grip]) -> None:
        self.snapshot = snapshot
        self.grips = tuple(g for g in grips if g.node in snapshot.nodes and g.gpus)
        self._by_node: dict[str, list[Grip]] = {}
        for grip in self.grips:
            self._by_node.setdefault(grip.node, []).append(grip)

    def on(self, node: str, *sides: Side) -> list[Grip]:
        """What has GPUs of a node."""
        return [g for g in self._by_node.get(node, ()) if g.side in sides]

    def gpus(self, node: str, *sides: Side) -> int:
        return sum(g.gpus for g in self.on(node, *sides))

    def charged(self, tenant: str, pool: str) -> int:
        """What a tenant's running and held GPUs of a pool count as."""
        mine = [
            g
            for g in self.grips
            if g.tenant == tenant and g.side is not Side.GOES and self.snapshot.nodes[g.node].pool == pool
        ]
        if self.snapshot.pools[pool].exclusive:
            return sum(self.snapshot.nodes[name].offered for name in {g.node for g in mine})
        return sum(g.gpus for g in mine)

    def free_later(self, pool: str) -> int:
        """GPUs that nobody stays on or holds once everything on its way out is gone: whole hosts where they are."""
        total = 0
        for node in self.snapshot.nodes.values():
            if node.pool == pool:
                taken = self.gpus(node.name, Side.STAYS, Side.HELD)
                whole = self.snapshot.pools[pool].exclusive
                total += (0 if taken else node.capacity) if whole else max(0, node.capacity - taken)
        return total

    def free_now(self, node: str) -> int:
        """GPUs of a node that nobody uses or holds now; what is on its way out counts for the holds first."""
        busy = self.gpus(node, Side.STAYS) + max(self.gpus(node, Side.GOES), self.gpus(node, Side.HELD))
        return max(0, self.snapshot.nodes[node].capacity - busy)

    def without(self, jobs: Iterable[str]) -> "Count":
        """The same without some jobs."""
        gone = frozenset(jobs)
        return Count(self.snapshot, (g for g in self.grips if g.job not in gone))


def broken(snapshot: Snapshot, job: Job) -> bool:
    """Whether a worker of a gang that had started is on a lost node."""
    if job.placement is None or job.phase not in HOLDING_PHASES or job.phase is Phase.STOPPING:
        return False
    if job.placement.pool not in snapshot.pools:
        return False
    return any(n not in snapshot.nodes or snapshot.nodes[n].lost for n in job.placement.nodes)


def before(snapshot: Snapshot, plan: Plan) -> Count:
    """As the snapshot says, without the holds that the plan gives up."""
    started = [snapshot.jobs[d.job] for d in plan.decisions if isinstance(d, Start)]
    kept = [j for j in started if any(_is_of(j.hold, d) for d in plan.decisions if d.job == j.key)]
    return Count(snapshot, [*_in_use(snapshot), *_held([*_still_holding(snapshot, plan), *kept])])


def after(snapshot: Snapshot, plan: Plan) -> Count:
    """Once a plan is carried out: victims are on their way out, and holds stand."""
    grips = {(g.job, g.node, g.side): g for g in _in_use(snapshot)}
    for decision in plan.decisions:
        job = snapshot.jobs[decision.job]
        match decision:
            case Start(pool=pool, nodes=nodes):
                _put(grips, job, Placement(pool, nodes), Side.STAYS)
            case Hold(pool=pool, nodes=nodes):
                _put(grips, job, Placement(pool, nodes), Side.HELD)
            case Evict():
                _leave(grips, job, {})
            case Shrink(pool=pool, nodes=nodes) | Grow(pool=pool, nodes=nodes):
                _leave(grips, job, nodes)
                _put(grips, job, Placement(pool, nodes), Side.STAYS)
            case Wait():
                pass
    return Count(snapshot, [*grips.values(), *_held(_still_holding(snapshot, plan))])


def _leave(grips: dict[_Key, Grip], job: Job, kept: Mapping[str, int]) -> None:
    """All that a running job has goes, but for the workers that it keeps."""
    for key, grip in [(k, g) for k, g in grips.items() if g.job == job.key and g.side is Side.STAYS]:
        del grips[key]
        gone = grip.gpus - kept.get(grip.node, 0) * job.gpus_per_worker
        if gone > 0:
            before = grips.get((grip.job, grip.node, Side.GOES))
            gpus = gone + (before.gpus if before else 0)
            grips[grip.job, grip.node, Side.GOES] = Grip(grip.job, grip.tenant, grip.node, gpus, Side.GOES)


def _is_of(hold: Placement | None, decision: object) -> bool:
    return hold is not None and isinstance(decision, Start) and dict(hold.nodes) == dict(decision.nodes)


def _put(grips: dict[_Key, Grip], job: Job, placement: Placement, side: Side) -> None:
    for node, workers in placement.nodes.items():
        grips[job.key, node, side] = Grip(job.key, job.tenant or "", node, workers * job.gpus_per_worker, side)


def _in_use(snapshot: Snapshot) -> Iterator[Grip]:
    for bare in snapshot.bare:
        side = Side.GOES if bare.going else Side.STAYS
        yield Grip(f"pods of {bare.tenant}", bare.tenant, bare.node, bare.gpus, side)
    for job in snapshot.jobs.values():
        if job.placement is None or job.tenant is None or job.phase not in HOLDING_PHASES:
            continue
        going = job.phase is Phase.STOPPING or broken(snapshot, job)
        for node, workers in job.placement.nodes.items():
            if going and node in snapshot.nodes and snapshot.nodes[node].lost:
                continue
            side = Side.GOES if going else Side.STAYS
            yield Grip(job.key, job.tenant, node, workers * job.gpus_per_worker, side)


def _held(jobs: Iterable[Job]) -> Iterator[Grip]:
    for job in jobs:
        if job.hold and job.tenant and job.phase in (Phase.PENDING, Phase.STOPPING) and not job.suspend:
            for node, workers in job.hold.nodes.items():
                yield Grip(job.key, job.tenant, node, workers * job.gpus_per_worker, Side.HELD)


def _still_holding(snapshot: Snapshot, plan: Plan) -> list[Job]:
    """Jobs whose hold of before stands: the plan says so of pending ones, and stopping ones have a standing by it."""
    decided = {d.job: d for d in plan.decisions}
    found = []
    for key, job in snapshot.jobs.items():
        decision = decided.get(key)
        waits = isinstance(decision, Wait) and decision.reason is Reason.HELD
        stands = key in plan.standings or (not plan.standings and _may_stand(snapshot, job))
        if waits or (decision is None and job.phase is Phase.STOPPING and stands):
            found.append(job)
    return found


def _may_stand(snapshot: Snapshot, job: Job) -> bool:
    """Whether the hold of a stopping job can have lasted, where no standings are known.

    Its hosts take pods, and its tenant has the pool.
    """
    tenant = snapshot.tenants.get(job.tenant or "")
    if job.hold is None or tenant is None or job.hold.pool not in tenant.terms:
        return False
    return all(n in snapshot.nodes and snapshot.nodes[n].capacity for n in job.hold.nodes)
