"""What tenants may have and take: limits, the safety of entitled and young work, and floors."""

from collections.abc import Iterator

from entente.api.amounts import count
from entente.api.job import AllocationClass, EvictionCause
from entente.api.tenant import WhenSpent
from entente.engine.audit.case import Case, Invariant, Violation, ends_within
from entente.engine.audit.recount import Count, Side
from entente.engine.decisions import Evict, Grow, Hold, Shrink, Start
from entente.engine.model import Job
from entente.engine.risk import MAX_EVICTIONS_BY_OTHERS, evictions_by_others, known_length
from entente.engine.shares import kept_ahead


def borrow_limits(case: Case) -> Iterator[Violation]:
    """Nobody is given more than its guarantee and its borrow limit."""
    new = [d for d in case.placed() if case.is_new(d) and not _on_own_hosts(case, d)]
    adding = {(case.job(d.job).tenant or "", d.pool) for d in new}
    adding |= {(case.job(d.job).tenant or "", d.pool) for d in case.plan.decisions if isinstance(d, Grow)}
    for name, pool in sorted(adding):
        quota = case.quotas[pool].quotas.get(name)
        if quota is None:
            yield Violation(Invariant.BORROW_LIMIT_KEPT, f"{name} in {pool}", "has no terms there")
            continue
        spent = case.snapshot.tenants[name].spent is WhenSpent.GUARANTEE_ONLY
        most, charged = quota.guaranteed if spent else quota.most, case.then.charged(name, pool)
        if most is not None and charged > most:
            text = f"is charged {count(charged, 'GPU')} and may be charged {most}"
            yield Violation(Invariant.BORROW_LIMIT_KEPT, f"{name} in {pool}", text)


def _on_own_hosts(case: Case, decision: Start | Hold) -> bool:
    """Whether the tenant is charged no more with it: it has the exclusive hosts already."""
    if not case.pool_of(decision).exclusive:
        return False
    tenant, job = case.job(decision.job).tenant, decision.job
    sides = (Side.STAYS, Side.HELD)
    return all(any(g.tenant == tenant and g.job != job for g in case.then.on(n, *sides)) for n in decision.nodes)


def lend_limits(case: Case) -> Iterator[Violation]:
    """What tenants keep back is not given to others."""
    for name, pool in case.snapshot.pools.items():
        ending = ends_within(case, pool)
        views = [(case.was, case.then), (case.was.without(ending), case.then.without(ending))]
        short = [(short_of_kept(case, was, name), short_of_kept(case, then, name)) for was, then in views]
        if all(then > max(0, was) for was, then in short):
            text = f"GPUs that tenants keep back are given to others: {short[0][1]} short, {short[0][0]} before"
            yield Violation(Invariant.LEND_LIMIT_KEPT, name, text)


def reservations(case: Case) -> Iterator[Violation]:
    """What is reserved for a window that opens soon is not given to a borrower that would not be over by then.

    Looked at in pools in which nothing else was placed or taken: there the charges were those that it was placed by.
    """
    others = {d.pool for d in case.plan.decisions if isinstance(d, Hold | Shrink | Grow)}
    starts = [d for d in case.plan.decisions if isinstance(d, Start)]
    for decision in starts:
        job, quotas = case.job(decision.job), case.quotas[decision.pool]
        alone = decision.pool not in others and sum(d.pool == decision.pool for d in starts) == 1
        new = decision.class_ is AllocationClass.BORROWED and job.hold is None and not _on_own_hosts(case, decision)
        if not (alone and new and quotas.ahead):
            continue
        tenant, length = job.tenant or "", known_length(job)
        charges = {name: case.then.charged(name, decision.pool) for name in quotas.quotas}
        soon = kept_ahead(quotas, charges, tenant, None if length is None else case.snapshot.now + length)
        back = sum(max(0, q.guaranteed - charges[n] - q.lend) for n, q in quotas.quotas.items() if n != tenant)
        left = case.then.free_later(decision.pool)
        if soon and left < back + soon:
            text = f"is not over when a window opens, and leaves {left} of {count(back + soon, 'GPU')} kept for others"
            yield Violation(Invariant.LEND_LIMIT_KEPT, job.key, text)


def short_of_kept(case: Case, count: Count, pool: str) -> int:
    """GPUs missing of what the tenants of a pool neither use nor lend."""
    kept = 0
    for name, quota in case.quotas[pool].quotas.items():
        kept += max(0, quota.guaranteed - count.charged(name, pool) - quota.lend)
    return kept - count.free_later(pool)


def victims(case: Case) -> Iterator[Violation]:
    """Entitled work never stops for others, and young or often evicted work not for other borrowers."""
    for decision in case.taken():
        victim, claimant = case.job(decision.job), case.job(decision.claimant)
        class_, standing = case.class_of_claim(decision.claimant), case.plan.standings.get(decision.job)
        if class_ is None:
            yield Violation(Invariant.NO_THRASH, victim.key, f"stops for {claimant.key}, which gets nothing")
            continue
        if victim.tenant == claimant.tenant or decision.cause is EvictionCause.ON_CALL:
            continue
        safe = standing.entitled_workers if standing else 0
        keeps = decision.workers if isinstance(decision, Shrink) else 0
        if decision.cause is not EvictionCause.MOVE and keeps < safe:
            text = f"is entitled to {count(safe, 'worker')} and keeps {keeps}, for {claimant.key} of another tenant"
            yield Violation(Invariant.ENTITLED_NEVER_EVICTED_FOR_OTHERS, victim.key, text)
        if class_ is AllocationClass.BORROWED and (text := _protected(case, victim)):
            yield Violation(Invariant.NO_THRASH, victim.key, f"{text}, and stops for the borrower {claimant.key}")


def _protected(case: Case, victim: Job) -> str:
    """Why no borrower of another tenant may take a job."""
    pool = case.snapshot.pools[victim.placement.pool] if victim.placement else None
    since = victim.since if victim.since is not None else victim.started
    ran = case.snapshot.now - since if since is not None else 0.0
    if pool and ran < pool.min_runtime_s:
        return f"ran {ran:.0f} s of at least {pool.min_runtime_s:.0f}"
    times = evictions_by_others(victim, case.snapshot.now)
    return f"was evicted {count(times, 'time')} today" if times >= MAX_EVICTIONS_BY_OTHERS else ""


def floors(case: Case) -> Iterator[Violation]:
    """Others give only down to their guarantee, save for the last indivisible job."""
    given: dict[tuple[str, str], set[str]] = {}
    for decision in case.taken():
        victim = case.job(decision.job)
        by_others = victim.tenant != case.job(decision.claimant).tenant
        whole = isinstance(decision, Evict) and decision.cause is not EvictionCause.MOVE
        if whole and by_others and not victim.on_call and victim.placement:
            given.setdefault((victim.tenant or "", victim.placement.pool), set()).add(victim.key)
    for (name, pool), victims in given.items():
        quota, kept = case.quotas[pool].quotas.get(name), [g for g in case.then.grips if g.side is not Side.GOES]
        if quota is None:
            continue
        before_last = []
        for last in victims:
            staying = [g for g in case.was.grips if g.job == last]
            before_last.append(Count(case.snapshot, [*kept, *staying]).charged(name, pool))
        if max(before_last) <= quota.guaranteed:
            text = f"gives {count(len(victims), 'job')} for others, down to below its guarantee of {quota.guaranteed}"
            yield Violation(Invariant.ENTITLED_NEVER_EVICTED_FOR_OTHERS, f"{name} in {pool}", text)


def kept_busy(case: Case) -> Iterator[Violation]:
    """A borrower takes from others no more than jobs that wait could use: on exclusive hosts only its own tenant's."""
    taken: dict[str, list[Evict | Shrink]] = {}
    for decision in case.taken():
        if decision.cause is EvictionCause.FAIR_SHARE:
            taken.setdefault(decision.claimant, []).append(decision)
    waiting = [job for job in case.snapshot.jobs.values() if _waits(case, job)] if taken else []
    for claim in (d for d in case.placed() if d.job in taken):
        pool, tenant = case.pool_of(claim), case.job(claim.job).tenant
        asking = [j for j in waiting if pool.name in (j.pools or (pool.name,))]
        if pool.exclusive:
            asking = [j for j in asking if j.tenant == tenant]
        given = sum(_given(case, d, set(claim.nodes) if pool.exclusive else None) for d in taken[claim.job])
        usable = sum(j.min_workers * j.gpus_per_worker for j in asking)
        if given > usable:
            text = f"takes {count(given, 'GPU')} for its fair share, of which {usable} at the most can be used"
            yield Violation(Invariant.WORK_CONSERVING, claim.job, text)


def _waits(case: Case, job: Job) -> bool:
    """Whether it may be waiting: pending, or a gang that a lost node broke."""
    nodes, names = case.snapshot.nodes, job.placement.nodes if job.placement else {}
    return job.is_pending or any(name not in nodes or nodes[name].lost for name in names)


def _given(case: Case, decision: Evict | Shrink, only: set[str] | None) -> int:
    """GPUs that a victim gives, on these hosts only if any are named."""
    victim = case.job(decision.job)
    had = victim.placement.nodes if victim.placement else {}
    keeps = decision.nodes if isinstance(decision, Shrink) else {}
    names = had.keys() if only is None else had.keys() & only
    return sum(max(0, had[name] - keeps.get(name, 0)) for name in names) * victim.gpus_per_worker
