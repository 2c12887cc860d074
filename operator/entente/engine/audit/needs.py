"""What waits and what stops without need: guarantees, idle GPUs, victims that could be left alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from entente.api.amounts import count
from entente.api.job import AllocationClass, EvictionCause
from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.engine.audit.case import Case, Invariant, Violation
from entente.engine.audit.recount import Count, Grip, Side
from entente.engine.decisions import Evict, Grow, Hold, Shrink, Start, Wait
from entente.engine.model import MIN_GRACE_S, Job, Pool
from entente.engine.risk import known_length
from entente.engine.shares import kept_ahead


def guarantees(case: Case) -> Iterator[Violation]:
    """An entitled job gets its GPUs within the notice, where hosts alone do not stand in the way."""
    for decision in case.taken():
        if case.class_of_claim(decision.claimant) is AllocationClass.ENTITLED:
            pool = case.snapshot.pools[_pool_of_victim(case, decision)]
            left = _deadline(case, case.job(decision.claimant), pool) - case.snapshot.now - (pool.handover_s or 0.0)
            if decision.grace_s > max(MIN_GRACE_S, left):
                text = f"{decision.job} gets {decision.grace_s:.0f} s to stop, and {left:.0f} s are left of the notice"
                yield Violation(Invariant.GUARANTEE_HONOURED, decision.claimant, text)
    plain = {name for name, pool in case.snapshot.pools.items() if _plain(case, pool)}
    for wait in case.waiting:
        job, standing = case.job(wait.job), case.plan.standings.get(wait.job)
        pools = _pools_of(case, job)
        if standing is None or standing.class_ is AllocationClass.BORROWED or len(pools) != 1:
            continue
        pool = case.snapshot.pools[pools[0]]
        if not job.required and pool.name in plain and not _excused(case, wait, pool):
            text = f"is entitled and waits in pool {pool.name}, for {wait.reason.value}"
            yield Violation(Invariant.GUARANTEE_HONOURED, wait.job, text)


def _pool_of_victim(case: Case, decision: Evict | Shrink) -> str:
    placement = case.job(decision.job).placement
    return placement.pool if placement else ""


def _deadline(case: Case, job: Job, pool: Pool) -> float:
    now = case.snapshot.now
    return min(now, now if job.entitled_since is None else job.entitled_since) + pool.notice_s


def _pools_of(case: Case, job: Job) -> list[str]:
    terms = case.snapshot.tenants[job.tenant or ""].terms
    return [p for p in job.pools or tuple(terms) if p in terms and p in case.snapshot.pools]


def _plain(case: Case, pool: Pool) -> bool:
    """Whether GPUs that are guaranteed are GPUs that can be had.

    Equal, whole, usable hosts, all pods those of jobs, and no gang restarting with workers that it could do without.
    """
    nodes = [n for n in case.snapshot.nodes.values() if n.pool == pool.name]
    whole = all(n.capacity == n.gpus and not n.handover_failed for n in nodes) and len({n.gpus for n in nodes}) == 1
    bare = {b.node for b in case.snapshot.bare} & {n.name for n in nodes}
    holds = [(j.min_workers, j.hold) for j in case.snapshot.jobs.values() if j.hold]
    large = any(hold.pool == pool.name and hold.workers > least for least, hold in holds)
    return whole and not (bare or large or case.quotas[pool.name].overcommitted)


def _excused(case: Case, wait: Wait, pool: Pool) -> bool:
    """Its GPUs come free by themselves in time, or are held for a borrower that cannot be evicted before it starts.

    Also behind a job of its tenant that waits so, and in a shared pool fragmented, or behind such a job.
    """
    job, standings = case.job(wait.job), case.plan.standings
    if wait.reason is Reason.RESERVED and wait.eta is not None and wait.eta <= _deadline(case, job, pool):
        return True
    held = {g.job for g in case.then.grips if g.side is Side.HELD}
    held |= {d.job for d in case.plan.decisions if isinstance(d, Start) and case.job(d.job).hold is not None}
    if any(key in standings and standings[key].class_ is AllocationClass.BORROWED for key in held):
        return True
    excuses = {Reason.RESERVED} if pool.exclusive else {Reason.FRAGMENTED, Reason.RESERVED, Reason.TOPOLOGY_UNAVAILABLE}
    behind = [w for w in case.waiting if w.job != wait.job or not pool.exclusive]
    return any(w.reason in excuses and case.job(w.job).tenant == job.tenant for w in behind)


def idle(case: Case) -> Iterator[Violation]:
    """No GPU is idle while a job could start on it.

    Looked at in pools in which nothing was taken, held or grown: there nothing changed after a job had been tried.
    """
    busy = {d.pool for d in case.plan.decisions if isinstance(d, Hold | Shrink | Grow)}
    busy |= {_pool_of_victim(case, d) for d in case.taken()}
    for wait in case.waiting:
        job = case.job(wait.job)
        for name in _pools_of(case, job):
            if name in busy or _may_be_reserved_for_others(case, job):
                continue
            free = {n.name: case.then.free_now(n.name) for n in case.snapshot.nodes.values() if n.pool == name}
            if nodes := _room(case, case.then, job, _Ground(name, free, tuple(Side))):
                text = f"waits for {wait.reason.value} while {_said(nodes)} are free for it"
                yield Violation(Invariant.WORK_CONSERVING, wait.job, text)


def minimal(case: Case) -> Iterator[Violation]:
    """No victim of a claim can be left alone."""
    holds = {d.job: d for d in case.plan.decisions if isinstance(d, Hold)}
    for claimant, hold in holds.items():
        job, taken = case.job(claimant), [d for d in case.taken() if d.claimant == claimant]
        borrows = hold.class_ is AllocationClass.BORROWED
        from_others = any(case.job(d.job).tenant != job.tenant for d in taken)
        odd = any(d.cause in (EvictionCause.MOVE, EvictionCause.ON_CALL) for d in taken)
        overcommitted = case.quotas[hold.pool].overcommitted
        if odd or overcommitted or (borrows and from_others) or _may_be_reserved_for_others(case, job):
            continue
        for spared in taken:
            if nodes := _room_beside(case, job, hold, {d.job for d in taken if d is not spared}):
                text = f"stops for {claimant}, which could have stood on {_said(nodes)} without that"
                yield Violation(Invariant.VICTIM_SET_MINIMAL, spared.job, text)


def _room_beside(case: Case, job: Job, hold: Hold, victims: set[str]) -> Mapping[str, int] | None:
    """Where a claimant could stand with only these victims; all that was held or started for others counts."""
    placed = [g for g in case.then.grips if g.side is not Side.GOES and g.job != job.key]
    running = [g for g in case.was.grips if g.side is Side.STAYS and g.job not in victims]
    known = {(g.job, g.node) for g in running}
    beside = Count(case.snapshot, [*running, *(g for g in placed if (g.job, g.node) not in known)])
    shrunk = {d.job for d in case.taken() if isinstance(d, Shrink)} & victims
    if shrunk:
        return None
    free = {
        n.name: max(0, n.capacity - beside.gpus(n.name, Side.STAYS, Side.HELD))
        for n in case.snapshot.nodes.values()
        if n.pool == hold.pool
    }
    guaranteed = case.quotas[hold.pool].quotas[job.tenant or ""].guaranteed
    from_others = any(case.job(v).tenant != job.tenant for v in victims)
    ground = _Ground(hold.pool, free, (Side.STAYS, Side.HELD), guaranteed if from_others else None)
    return _room(case, beside, job, ground)


def _may_be_reserved_for_others(case: Case, job: Job) -> bool:
    """Whether GPUs may wait for the turn of another job: a plan does not say which."""
    standing = case.plan.standings.get(job.key)
    entitled = standing is not None and standing.class_ is AllocationClass.ENTITLED
    for wait in case.waiting:
        if wait.job == job.key:
            continue
        if not entitled or wait.reason is Reason.RESERVED or case.job(wait.job).tenant == job.tenant:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Ground:
    """Free GPUs of a pool's nodes."""

    pool: str
    free: Mapping[str, int]
    in_the_way: tuple[Side, ...]
    """What keeps other tenants off an exclusive node."""
    cap: int | None = None
    """The most that the tenant may be charged, beside its borrow limit."""


def _room(case: Case, count: Count, job: Job, ground: _Ground) -> dict[str, int] | None:
    """A place for the least of a gang that keeps all limits; what it finds is one, though it may miss some."""
    tenant, pool = job.tenant or "", case.snapshot.pools[ground.pool]
    own = {g.node for g in count.grips if g.tenant == tenant and g.side is not Side.GOES}
    spots = {n: gpus // job.gpus_per_worker for n, gpus in ground.free.items()}
    for name in ground.free:
        node = case.snapshot.nodes[name]
        others = pool.exclusive and any(g.tenant != tenant for g in count.on(name, *ground.in_the_way))
        if others or (node.handover_failed and node.last_tenant not in (None, tenant)):
            spots[name] = 0
    for domain in _domains(case, job, pool):
        nodes: dict[str, int] = {}
        for name in sorted(spots, key=lambda n: (n not in own, -spots[n], n)):
            workers = min(spots[name], job.min_workers - sum(nodes.values()))
            if workers and (domain is None or domain in case.snapshot.nodes[name].domains):
                nodes[name] = workers
        if sum(nodes.values()) == job.min_workers and _within_limits(case, count, job, nodes, ground):
            return nodes
    return None


def _domains(case: Case, job: Job, pool: Pool) -> list[str | None]:
    if not job.required:
        return [None]
    if job.level not in pool.levels:
        return []
    index = pool.levels.index(job.level)
    return [*sorted({n.domains[index] for n in case.snapshot.nodes.values() if n.pool == pool.name} - {""})]


def _within_limits(case: Case, count: Count, job: Job, nodes: Mapping[str, int], ground: _Ground) -> bool:
    tenant, pool = job.tenant or "", ground.pool
    grips = [Grip(job.key, tenant, n, w * job.gpus_per_worker, Side.HELD) for n, w in nodes.items()]
    charged = Count(case.snapshot, [*count.grips, *grips]).charged(tenant, pool)
    quota = case.quotas[pool].quotas[tenant]
    most = quota.guaranteed if case.snapshot.tenants[tenant].spent is WhenSpent.GUARANTEE_ONLY else quota.most
    if any(limit is not None and charged > limit for limit in (most, ground.cap)):
        return False
    charges = {name: count.charged(name, pool) for name in case.quotas[pool].quotas}
    quotas = case.quotas[pool].quotas.items()
    kept = sum(max(0, q.guaranteed - charges[name] - q.lend) for name, q in quotas if name != tenant)
    standing, length = case.plan.standings.get(job.key), known_length(job)
    if standing is None or standing.class_ is AllocationClass.BORROWED:
        ends = None if length is None else case.snapshot.now + length
        kept += kept_ahead(case.quotas[pool], charges, tenant, ends)
    return charged - count.charged(tenant, pool) <= _free(case, count, ground) - kept


def _free(case: Case, count: Count, ground: _Ground) -> int:
    """GPUs that a tenant may come to be charged for: on exclusive hosts only those of empty ones."""
    if not case.snapshot.pools[ground.pool].exclusive:
        return sum(ground.free.values())
    empty = [n for n in ground.free if not count.on(n, *ground.in_the_way)]
    return sum(case.snapshot.nodes[n].capacity for n in empty)


def _said(nodes: Mapping[str, int]) -> str:
    return ", ".join(f"{count(workers, 'worker')} on {name}" for name, workers in sorted(nodes.items()))
