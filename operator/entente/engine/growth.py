"""Rule 12: elastic jobs grow into GPUs that nobody waits for, when that is worth the restart."""

from entente.engine.cycle import Claim, Cycle
from entente.engine.estate import Running
from entente.engine.ground import allowance_now, shape_of, spots_now
from entente.engine.placement import Shape, place
from entente.engine.risk import work_at_risk
from entente.engine.steps import grow
from entente.engine.walk import BORROWED, Pending, priority_of

WORTH_S = 3600.0
"""New GPUs are counted for this long against the cost of the restart."""


def grow_all(cycle: Cycle) -> None:
    """Let the elastic jobs of every tenant grow, those with the lower share of their due first."""
    growing = [r for r in cycle.estate.running.values() if _may_grow(cycle, r)]
    growing.sort(key=lambda r: (cycle.ratio(r.tenant, r.pool), r.job.submitted, r.job.key))
    for running in growing:
        if nodes := _wider(cycle, running):
            grow(cycle, running, nodes)


def _may_grow(cycle: Cycle, running: Running) -> bool:
    job = running.job
    if not job.elastic or running.new or running.shrunk or running.workers >= job.max_workers or job.started is None:
        return False
    return cycle.now - job.started >= cycle.snapshot.pools[running.pool].min_runtime_s


def _wider(cycle: Cycle, running: Running) -> dict[str, int] | None:
    """Where the job would be with as many more workers as there is room for, if that is worth it."""
    job, pool = running.job, cycle.snapshot.pools[running.pool]
    tenant = cycle.snapshot.tenants[running.tenant]
    if running.pool not in tenant.terms:
        return None
    claim = Claim(job, tenant, pool, BORROWED, priority_of(job, tenant) or 0, first=False)
    limit = allowance_now(cycle, claim)
    most = cycle.most(tenant, pool.name)
    if most is not None:
        limit = min(limit, most - cycle.estate.charged(tenant.name, pool.name))
    spots = spots_now(cycle, claim)
    wanted = job.max_workers - running.workers
    while wanted > 0:
        more = place(pool, spots, Shape(1, wanted, job.gpus_per_worker, job.level))
        if more is None:
            return None
        added = sum(more.values())
        if cycle.estate.added_charge(tenant.name, pool.name, more, job.gpus_per_worker) <= limit:
            break
        wanted = added - 1
    else:
        return None
    if added * job.gpus_per_worker * WORTH_S <= work_at_risk(job, pool, cycle.now) or _awaited(
        cycle, pool.name, set(more)
    ):
        return None
    if job.required and not _one_domain(cycle, running, more):
        return None
    return {n: running.nodes.get(n, 0) + more.get(n, 0) for n in sorted({*running.nodes, *more})}


def _awaited(cycle: Cycle, pool: str, nodes: set[str]) -> bool:
    """Whether a pending job could start on these hosts under the rules, and only its turn has not come."""
    return any(_could_use(cycle, entry, pool, nodes) for entries in cycle.pending.values() for entry in entries)


def _could_use(cycle: Cycle, entry: Pending, pool: str, nodes: set[str]) -> bool:
    if pool not in entry.pools:
        return False
    tenant = cycle.snapshot.tenants[entry.job.tenant or ""]
    claim = Claim(entry.job, tenant, cycle.snapshot.pools[pool], BORROWED, entry.priority, first=False)
    spots = [s for s in spots_now(cycle, claim) if s.name in nodes]
    return place(claim.pool, spots, shape_of(claim)) is not None


def _one_domain(cycle: Cycle, running: Running, more: dict[str, int]) -> bool:
    levels = cycle.snapshot.pools[running.pool].levels
    if running.job.level not in levels:
        return False
    index = levels.index(running.job.level)
    return len({cycle.estate.hosts[n].node.domains[index] for n in (*running.nodes, *more)}) == 1
