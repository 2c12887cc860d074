"""Rule 12: elastic jobs grow into GPUs that nobody waits for, when that is worth the restart.

A pending job that could start somewhere has started before; what others wait for is reserved or held for them.
"""

from entente.api.tenant import WhenSpent
from entente.engine.cycle import Claim, Cycle
from entente.engine.idle import all_bonds, allowance_now, needs_handover, spots_now
from entente.engine.placement import Shape, Spot, place
from entente.engine.risk import work_at_risk
from entente.engine.running import Running
from entente.engine.screening import priority_of
from entente.engine.steps import grow
from entente.engine.walk import BORROWED

WORTH_S = 3600.0
"""New GPUs are counted for this long against the cost of the restart."""


def grow_all(cycle: Cycle) -> None:
    """Let the elastic jobs of every tenant grow, those with the lower share of their due first."""
    growing = [r for r in cycle.estate.elastic.values() if _may_grow(cycle, r)]
    growing.sort(key=lambda r: (cycle.ratio(r.tenant, r.pool), r.job.submitted, r.job.key))
    for running in growing:
        if nodes := _wider(cycle, running):
            grow(cycle, running, nodes)


def _may_grow(cycle: Cycle, running: Running) -> bool:
    job = running.job
    if running.new or running.shrunk or running.workers >= job.max_workers or job.started is None:
        return False
    if not all(cycle.estate.hosts[name].capacity for name in running.nodes):
        return False  # it would have to start again on a host that takes no pods
    return cycle.now - job.started >= cycle.snapshot.pools[running.pool].min_runtime_s


def _wider(cycle: Cycle, running: Running) -> dict[str, int] | None:
    """Where the job would be with as many more workers as there is room for, if that is worth it."""
    job, pool = running.job, cycle.snapshot.pools[running.pool]
    tenant = cycle.snapshot.tenants.get(running.tenant)
    if tenant is None or running.pool not in tenant.terms or tenant.spent is WhenSpent.BLOCK:
        return None
    claim = Claim(job, tenant, pool, BORROWED, priority_of(job, tenant) or 0, first=False)
    limit = allowance_now(cycle, claim)
    most = cycle.most(tenant, pool.name)
    if most is not None:
        limit = min(limit, most - cycle.estate.charges.of(tenant.name, pool.name))
    if limit < job.gpus_per_worker and not pool.exclusive:
        return None
    spots = [s for s in spots_now(cycle, claim, bonds=all_bonds(cycle, pool.name)) if _may_stand(cycle, claim, s)]
    wanted = job.max_workers - running.workers
    while wanted > 0:
        more = place(pool, spots, Shape(1, wanted, job.gpus_per_worker, job.level))
        if more is None:
            return None
        added = sum(more.values())
        if cycle.estate.charges.added(tenant.name, pool.name, more, job.gpus_per_worker) <= limit:
            break
        wanted = added - 1
    else:
        return None
    if added * job.gpus_per_worker * WORTH_S <= work_at_risk(job, pool, cycle.now):
        return None
    return {n: running.nodes.get(n, 0) + more.get(n, 0) for n in sorted({*running.nodes, *more})}


def _may_stand(cycle: Cycle, claim: Claim, spot: Spot) -> bool:
    """Whether workers may be added on a host: at once, and in the domain in which the gang must be."""
    if needs_handover(cycle, claim, spot.name):
        return False
    if not claim.job.required:
        return True
    if claim.job.level not in claim.pool.levels:
        return False
    level = claim.pool.levels.index(claim.job.level)
    nodes = cycle.estate.running[claim.job.key].nodes
    return all(cycle.estate.hosts[name].node.domains[level] == spot.domains[level] for name in nodes)
