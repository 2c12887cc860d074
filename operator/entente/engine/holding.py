"""Holds of earlier decisions: kept while their GPUs are being freed in time, and started on when these are free."""

from entente.api.job import Phase
from entente.engine.cycle import Claim, Cycle
from entente.engine.idle import needs_handover, not_handed_over
from entente.engine.model import Job, Placement
from entente.engine.risk import known_end
from entente.engine.steps import begin_running
from entente.engine.walk import BORROWED


def take_in_holds(cycle: Cycle) -> None:
    """Take in holds whose GPUs are free or still being freed in time; the others are decided anew."""
    jobs, refused = cycle.snapshot.jobs, cycle.state.refused
    claimants = [
        job
        for job in (jobs[key] for key in cycle.state.holding)
        if job.tenant and job.key not in refused and job.phase in (Phase.PENDING, Phase.STOPPING)
    ]
    for job in sorted(claimants, key=lambda j: (j.hold_until or 0.0, j.submitted, j.key)):
        if job.hold and _still_freed(cycle, job, job.hold):
            cycle.estate.hold(job, job.hold.pool, job.hold.nodes)
            cycle.out.add(job.key)


def _still_freed(cycle: Cycle, job: Job, hold: Placement) -> bool:
    tenant = cycle.snapshot.tenants.get(job.tenant or "")
    if hold.pool not in cycle.quotas or tenant is None or hold.pool not in tenant.terms:
        return False
    if not job.min_workers <= hold.workers <= max(job.workers, job.max_workers):
        return False  # its size was edited meanwhile
    pool = cycle.snapshot.pools[hold.pool]
    until = max(cycle.now, job.hold_until or cycle.now)
    for name, workers in hold.nodes.items():
        host = cycle.estate.hosts.get(name)
        if host is None or host.node.pool != hold.pool or not_handed_over(host, tenant.name):
            return False
        staying = {}
        for key, use in host.using.items():
            running = cycle.estate.running.get(key)
            end = known_end(running.job, pool, cycle.now) if running else None
            if end is None or end > until:
                staying[key] = use
        left = host.capacity - sum(u.gpus for u in staying.values()) - host.held_gpus
        crowded = pool.exclusive and any(u.tenant != job.tenant for u in (*staying.values(), *host.held.values()))
        if crowded or left < workers * job.gpus_per_worker:
            return False
    return True


def start_held(cycle: Cycle) -> None:
    """Start the claimants whose GPUs are free; the others go on waiting for them."""
    for key in sorted(cycle.estate.holds, key=lambda k: (cycle.estate.holds[k].job.submitted, k)):
        hold = cycle.estate.holds[key]
        if hold.job.phase is Phase.PENDING and _all_idle(cycle, key):
            class_ = cycle.class_of(hold)
            cycle.estate.unhold(key)
            begin_running(cycle, hold.job, hold.pool, hold.nodes, class_)


def _all_idle(cycle: Cycle, key: str) -> bool:
    hold = cycle.estate.holds[key]
    pool = cycle.snapshot.pools[hold.pool]
    tenant = cycle.snapshot.tenants[hold.tenant]
    claim = Claim(hold.job, tenant, pool, BORROWED, 0, first=False)
    for name, workers in hold.nodes.items():
        host = cycle.estate.hosts[name]
        if host.idle < workers * hold.job.gpus_per_worker or needs_handover(cycle, claim, name):
            return False
        if pool.exclusive and any(u.tenant != hold.tenant for u in (*host.using.values(), *host.going.values())):
            return False
    return True
