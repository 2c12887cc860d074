"""Who may be evicted or shrunk for a claim: rules 4, 5 and 12."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from entente.api.job import AllocationClass, EvictionCause
from entente.engine.cycle import Claim, Cycle
from entente.engine.option import Group, Option
from entente.engine.queues import rank_of, waited
from entente.engine.risk import MAX_EVICTIONS_BY_OTHERS, evictions_by_others, work_at_risk
from entente.engine.running import Running, gpus_on, without_workers
from entente.engine.screening import priority_of, priority_or_default
from entente.engine.walk import ENTITLED

T = TypeVar("T")

_SURPLUS_RANK = float("-inf")
"""Workers of an elastic job beyond its least rank below all of its tenant's jobs."""


def candidates(cycle: Cycle, claim: Claim, charges: Mapping[str, int]) -> list[Group]:
    """Jobs of the claim's pool that it may take GPUs from, with the ways in which each may give them.

    Args:
        cycle: the decision under way.
        claim: whose GPUs are sought.
        charges: what each tenant of the pool will be charged, with what ends by itself, if nobody is evicted.
    """
    found: list[Group] = []
    called = claim.first and _may_call(cycle, claim)
    for tenant, jobs in cycle.estate.by_tenant.items():
        asked: Iterable[Running] = ()
        floor = floor_of(cycle, claim, tenant)
        if tenant == claim.tenant.name:
            rigid, asked = _givers(cycle, claim, tenant)
            found += rigid
        elif cycle.estate.charges.of(tenant, claim.pool.name) > floor:
            rigid, asked = _givers(cycle, claim, tenant)
            if charges.get(tenant, floor + 1) > floor:
                found += rigid
            else:  # what ends by itself brings it down to what it keeps: no more is taken, but for what is on call
                asked = (r for r in asked if r.on_call)
        elif called:
            asked = (r for r in jobs.values() if r.on_call and r.pool == claim.pool.name and not r.new)
        found += (group for running in asked if (group := _group(cycle, claim, running)))
    return found


def _group(cycle: Cycle, claim: Claim, running: Running) -> Group:
    """The ways in which a job may give; of an elastic one the same for claims of the same right and as many workers."""
    if running.on_call:
        return tuple(_options(cycle, claim, running))
    own, useful = running.tenant == claim.tenant.name, -(-claim.least_gpus // running.job.gpus_per_worker)
    way = (own, claim.priority if own else claim.entitled, useful)
    return _kept(cycle.groups, running, way, lambda: tuple(_options(cycle, claim, running)))


def given_by_own(cycle: Cycle, claim: Claim) -> int:
    """GPUs that the tenant's own jobs could give to a claim that calls none, at the most."""
    return sum(_gives(running, claim) for running in cycle.yielding_to(claim))


def _gives(running: Running, claim: Claim) -> int:
    if priority_or_default(running.job, claim.tenant) < claim.priority:
        return running.gpus
    if running.on_call:
        return 0
    return max(0, running.workers - running.job.min_workers) * running.job.gpus_per_worker


def given_by_others(cycle: Cycle, claim: Claim) -> int:
    """GPUs that other tenants' jobs could give to a borrowed claim that calls none, at the most."""
    total = 0
    for tenant in cycle.estate.by_tenant:
        charged = cycle.estate.charges.of(tenant, claim.pool.name)
        if tenant != claim.tenant.name and charged > floor_of(cycle, claim, tenant):
            rigid, others = _givers(cycle, claim, tenant)
            total += sum(group[-1].gpus for group in rigid) + sum(_lends(cycle, running) for running in others)
    return total


def _lends(cycle: Cycle, running: Running) -> int:
    if not _exposed(cycle, running):
        return 0
    if cycle.class_of(running) is AllocationClass.BORROWED:
        return running.gpus
    kept = max(running.job.min_workers, cycle.walks[running.tenant].entitled_workers.get(running.job.key, 0))
    return max(0, running.workers - kept) * running.job.gpus_per_worker if running.job.elastic else 0


def _givers(cycle: Cycle, claim: Claim, tenant: str) -> tuple[list[Group], list[Running]]:
    """Jobs of a tenant that may be evicted, and those of which it depends on the claim what they give, and whether.

    The former are the same for all claims of a decision of the same priority, if the jobs are their tenant's own; else
    for all that are entitled, and for all that borrow.
    """
    own, changed = tenant == claim.tenant.name, cycle.estate.changed[tenant]
    key = (tenant, claim.pool.name, claim.priority if own else claim.entitled, own)
    known = cycle.givers.get(key)
    if known is None or known[0] != changed:
        rigid: list[Group] = []
        others: list[Running] = []
        for running in cycle.yielding_to(claim) if own else _lending(cycle, claim, tenant):
            if running.job.elastic or running.on_call:
                others.append(running)
            else:
                rigid += (group for group in (tuple(_options(cycle, claim, running)),) if group)
        known = cycle.givers[key] = (changed, rigid, others)
    return known[1], known[2]


def _lending(cycle: Cycle, claim: Claim, tenant: str) -> Iterator[Running]:
    """Another tenant's jobs in the claim's pool of which others may take something."""
    jobs = cycle.estate.by_tenant[tenant]
    for running in (jobs[job] for job in cycle.walks[tenant].lending if job in jobs):
        if running.pool == claim.pool.name and not running.new:
            yield running


def cause_of(cycle: Cycle, claim: Claim, option: Option) -> EvictionCause:
    """Why the victim goes, as its status will say."""
    if option.moves:
        return EvictionCause.MOVE
    if option.keeps is not None and _keeps_by_right(cycle, option):
        return EvictionCause.SHRINK
    if cycle.estate.running[option.job].on_call:
        return EvictionCause.ON_CALL
    if option.own or option.tenant == claim.tenant.name:
        return EvictionCause.PRIORITY
    return EvictionCause.GUARANTEE if claim.entitled else EvictionCause.FAIR_SHARE


def _keeps_by_right(cycle: Cycle, option: Option) -> bool:
    """A shrink down to the entitled workers is no eviction."""
    entitled = cycle.walks[option.tenant].entitled_workers.get(option.job, 0)
    return sum((option.keeps or {}).values()) >= entitled


def _options(cycle: Cycle, claim: Claim, running: Running) -> Iterator[Option]:
    options = _own if running.tenant == claim.tenant.name else _of_others
    for option in options(cycle, claim, running):
        if not running.shrunk:
            yield option
        elif option.keeps is not None:  # it restarts anyway: giving more costs nothing more
            yield replace(option, risk=0.0)


def _own(cycle: Cycle, claim: Claim, running: Running) -> Iterator[Option]:
    """Lower priority, and elastic surplus of any; on-call jobs when their time has come."""
    rank = float(priority_or_default(running.job, claim.tenant))
    if running.on_call:
        if claim.first and _may_call(cycle, claim) and not rank > claim.priority and _goes_before(claim, running):
            yield _evict(cycle, claim, running, own=False, rank=rank)
        elif rank < claim.priority:
            yield _evict(cycle, claim, running, own=True, rank=rank)
        return
    yield from _shrinks(cycle, claim, running, running.job.min_workers, own=True, rank=_SURPLUS_RANK)
    if rank < claim.priority:
        yield _evict(cycle, claim, running, own=True, rank=rank)


def _goes_before(claim: Claim, running: Running) -> bool:
    """Whether the claim's job comes before an own one in their tenant's order: that one was started ahead of it."""
    ranks = [rank_of(job, priority_of(job, claim.tenant) or 0, claim.tenant) for job in (claim.job, running.job)]
    return ranks[0] < ranks[1]


def _may_call(cycle: Cycle, claim: Claim) -> bool:
    return waited(claim.job, cycle.now) >= claim.pool.min_runtime_s


def floor_of(cycle: Cycle, claim: Claim, tenant: str) -> int:
    """What a tenant keeps whatever this claim takes: its guarantee, or what is due to it when the claim borrows."""
    quota = cycle.quota(tenant, claim.pool.name)
    if quota is None:
        return 0
    return quota.guaranteed if claim.entitled else cycle.due(tenant, claim.pool.name)


def _of_others(cycle: Cycle, claim: Claim, running: Running) -> Iterator[Option]:
    called = running.on_call and claim.first and _may_call(cycle, claim)
    if not (claim.entitled or called) and not _exposed(cycle, running):
        return
    entitled = cycle.walks[running.tenant].entitled_workers.get(running.job.key, 0)
    borrowed = cycle.class_of(running) is AllocationClass.BORROWED
    floor = running.job.min_workers if borrowed else entitled
    yield from _shrinks(cycle, claim, running, floor, own=False, rank=0.0)
    if borrowed:
        yield _evict(cycle, claim, running, own=False, rank=0.0)


def _exposed(cycle: Cycle, running: Running) -> bool:
    """Whether another borrower may take it: it ran its least time, and was not evicted too often today."""
    since = running.job.since if running.job.since is not None else running.job.started
    ran = cycle.now - since if since is not None else 0.0
    often = evictions_by_others(running.job, cycle.now) >= MAX_EVICTIONS_BY_OTHERS
    return ran >= cycle.snapshot.pools[running.pool].min_runtime_s and not often


def covered(cycle: Cycle, key: str) -> bool:
    """Whether the guarantee as promised covers a running job of a pool whose guarantees are shrunken."""
    running = cycle.estate.running[key]
    if not cycle.full_walks or not cycle.quotas[running.pool].overcommitted:
        return False
    return cycle.full_walks[running.tenant].classes.get(key) is ENTITLED


def _shrinks(cycle: Cycle, claim: Claim, running: Running, least: int, *, own: bool, rank: float) -> Sequence[Option]:
    """Give up one worker, two, ... down to the least; no more than the claim could need."""
    job = running.job
    if not job.elastic:
        return ()
    useful = -(-claim.least_gpus // job.gpus_per_worker) if not claim.pool.exclusive else running.workers
    most = min(running.workers - max(least, job.min_workers), useful)

    def options() -> list[Option]:
        whole, found = _evict(cycle, claim, running, own=own, rank=rank), list[Option]()
        for count in range(1, most + 1):
            keeps = without_workers(running.nodes, count)
            if not all(cycle.estate.hosts[name].capacity for name in keeps):
                continue  # it would have to start again on a host that takes no pods
            gives = {n: w - keeps.get(n, 0) for n, w in running.nodes.items() if w > keeps.get(n, 0)}
            found.append(replace(whole, freed=gpus_on(gives, job.gpus_per_worker), keeps=keeps))
        return found

    return _kept(cycle.shrinks, running, (own, rank, most), options)


def _evict(cycle: Cycle, claim: Claim, running: Running, *, own: bool, rank: float, moves: bool = False) -> Option:
    def option() -> Option:
        job, gpus = running.job, gpus_on(running.nodes, running.job.gpus_per_worker)
        risk = work_at_risk(job, claim.pool, cycle.now)
        return Option(job.key, running.tenant, own, rank, risk, job.started or 0.0, gpus, moves=moves)

    return _kept(cycle.evictions, running, (own, rank, moves), option)


def _kept(kept: dict[object, tuple[Running, T]], running: Running, way: tuple[object, ...], make: Callable[[], T]) -> T:
    """What was made of a job: the same for all claims of a decision, as long as it runs as it does."""
    key = (running.job.key, *way)
    known = kept.get(key)
    if known is None or known[0] is not running:
        known = kept[key] = (running, make())
    return known[1]


def movable(cycle: Cycle, claim: Claim) -> list[Group]:
    """Jobs that may be moved to make room: the tenant's own of lower or equal priority, and others' borrowed ones."""
    return [group for tenant in sorted(cycle.estate.by_tenant) for group in _movable_of(cycle, claim, tenant)]


def _movable_of(cycle: Cycle, claim: Claim, tenant: str) -> list[Group]:
    """Those of one tenant, kept until its running jobs change: the same for all claims that have the same right."""
    own = tenant == claim.tenant.name
    key = (tenant, claim.pool.name, claim.priority if own else claim.entitled, own)
    changed, known = cycle.estate.changed[tenant], cycle.movable.get(key)
    if known is None or known[0] != changed:
        jobs = cycle.estate.by_tenant[tenant]
        found = [_move(cycle, claim, running) for running in jobs.values() if _moves(cycle, claim, running)]
        known = cycle.movable[key] = (changed, found)
    return known[1]


def _move(cycle: Cycle, claim: Claim, running: Running) -> Group:
    return (_evict(cycle, claim, running, own=False, rank=0.0, moves=True),)


def _moves(cycle: Cycle, claim: Claim, running: Running) -> bool:
    """Whether a job may be moved for the claim."""
    if running.pool != claim.pool.name or running.new or running.shrunk or _moved_lately(cycle, running):
        return False
    if cycle.quota(running.tenant, running.pool) is None:
        return False  # its tenant may hold nothing here any more
    if running.tenant == claim.tenant.name:
        priority = priority_of(running.job, claim.tenant)
        return priority is None or priority <= claim.priority
    return cycle.class_of(running) is AllocationClass.BORROWED and (claim.entitled or _exposed(cycle, running))


def _moved_lately(cycle: Cycle, running: Running) -> bool:
    least = cycle.snapshot.pools[running.pool].min_runtime_s
    return any(e.cause is EvictionCause.MOVE and cycle.now - e.at < least for e in running.job.evictions)


def by_tenant(options: Iterable[Option]) -> dict[str, list[Option]]:
    found: dict[str, list[Option]] = {}
    for option in options:
        found.setdefault(option.tenant, []).append(option)
    return found
