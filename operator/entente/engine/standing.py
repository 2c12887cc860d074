"""Who would only wait: borrowers behind their tenant's first, for whom nothing that comes free is kept.

What comes free by the end of the notice is the same for all of a tenant and priority: each costs next to nothing.
"""

from dataclasses import replace

from entente.engine.cycle import Claim, Cycle, claim_of
from entente.engine.ground import Ground
from entente.engine.idle import bonds_of
from entente.engine.model import Job
from entente.engine.placement import Shape
from entente.engine.queues import Pending
from entente.engine.reach import reach_of
from entente.engine.reclaim import likely_by, longest_slack, surely_by
from entente.engine.reservations import Taker


def waits_in_vain(cycle: Cycle, entry: Pending) -> bool:
    """Whether a pending job cannot start, and would wait for what comes free by itself rather than take anything.

    Nothing comes of such a job that borrows in a shared pool behind its tenant's first, nor of any that asks for the
    same.
    """
    return all(_waits(cycle, entry, pool) for pool in entry.pools)


def _waits(cycle: Cycle, entry: Pending, pool: str) -> bool:
    if cycle.snapshot.pools[pool].exclusive:
        return False
    job, tenant = entry.job, entry.job.tenant or ""
    if job.min_workers * job.gpus_per_worker <= reach_of(cycle, entry, pool).now:
        return False
    # of unknown length it must leave all alone that any job of its tenant and priority must
    sign = bonds_of(cycle, pool, Taker(tenant, entitled=False, priority=entry.priority, ends=None)).sign
    key = (tenant, pool, entry.priority, sign)
    grounds = cycle.until_next_step(
        cycle.grounds, key, lambda: _grounds(cycle, claim_of(cycle, entry, pool, first=False))
    )
    return any(_stands(ground, job) for ground in grounds)


def _stands(ground: Ground, job: Job) -> bool:
    least, per = job.min_workers, job.gpus_per_worker
    shape = Shape(least, least, per, job.level, required=job.required)
    return ground.limit() >= least * per and ground.outlook.holds(shape)


def _grounds(cycle: Cycle, claim: Claim) -> list[Ground]:
    """What comes free for sure, and by estimates of which one that fails is known early enough.

    For a job of unknown length without a reservation of its own: any other finds as much, or more.
    """
    anyone = replace(claim, job=replace(claim.job, key="", max_s=None, expected_s=None))
    surely = surely_by(cycle, anyone)
    likely = likely_by(surely, longest_slack(cycle, claim.pool))
    return [surely, likely] if likely else [surely]
