"""Rule 4: taking from others must not leave GPUs idle: what it frees beyond the claim, waiting jobs start on."""

from collections.abc import Iterable, Sequence

from entente.engine.candidates import covered
from entente.engine.caps import cap_of
from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import Ground
from entente.engine.option import Group, Option
from entente.engine.outlook import NOTHING
from entente.engine.placement import Shape, Spot, place
from entente.engine.victims import freed_by


def keeps_busy(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option]) -> bool:
    """Whether the GPUs in use do not fall, where that is asked for.

    For borrowed claims on others, and for what the full guarantee covers while guarantees are shrunken.
    """
    from_others = [o for o in options if o.tenant != claim.tenant.name and not o.moves]
    asked = [
        o
        for o in from_others
        if not cycle.estate.running[o.job].on_call and (not claim.entitled or covered(cycle, o.job))
    ]
    if not asked:
        return True
    freed = sum(o.gpus for o in options if not o.moves)
    used = claim.least_gpus
    if freed <= used:
        return True
    return freed <= used + _would_start(cycle, claim, ground, options, freed - used)


def most_idle(cycle: Cycle, claim: Claim, ground: Ground, groups: Iterable[Group]) -> int | None:
    """GPUs that these candidates may free beyond the claim, at the most; none where that is not bounded.

    Waiting jobs within their due would have to start on them. A tenant that gives is above its due until its last job
    goes, so that it comes to be below by less than that.
    """
    if claim.entitled or claim.pool.exclusive:
        return None
    pool, own, last = claim.pool.name, 0, dict[str, int]()
    for group in groups:
        tenant, gpus = group[0].tenant, max((o.gpus for o in group if not o.moves), default=0)
        if tenant == claim.tenant.name:
            own += gpus
        elif gpus and cycle.estate.running[group[0].job].on_call:
            return None  # it gives whatever its tenant's charge
        else:
            last[tenant] = max(last.get(tenant, 0), gpus)
    charges, total = ground.charges(NOTHING), 0
    for tenant, queue in cycle.state.queues.items():
        room = cycle.due(tenant, pool) - charges.get(tenant, 0)
        room = room + own - claim.least_gpus if tenant == claim.tenant.name else max(room, last.get(tenant, 0) - 1)
        total += queue.starting(pool, room)
    return total


def leaves_idle(claim: Claim, options: Sequence[Option], most: int | None) -> bool:
    """Whether a set frees more than the claim and waiting jobs could use, as any larger set would."""
    if most is None or sum(o.gpus for o in options if not o.moves) <= claim.least_gpus + most:
        return False
    return any(o.tenant != claim.tenant.name and not o.moves for o in options)


def _would_start(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option], wanted: int) -> int:
    """GPUs that waiting jobs within their due would start on, beside the claim, once these are freed."""
    pool, freed, hosts = claim.pool, freed_by(options), cycle.estate.hosts
    nodes = ground.stand(freed, cap=cap_of(cycle, claim, options)) or {}
    per, total = claim.job.gpus_per_worker, 0
    free = {s.name: s.free for s in ground.outlook.spots(claim.tenant.name, freed=freed)}
    _take(free, nodes, per)
    charges = ground.charges(freed)
    for tenant, queue in cycle.state.queues.items():
        room = cycle.due(tenant, pool.name) - charges.get(tenant, 0)
        if tenant == claim.tenant.name:
            room -= claim.least_gpus
        if not queue.starting(pool.name, room):
            continue
        for entry in cycle.pending(tenant):
            job, asked = entry.job, entry.job.min_workers * entry.job.gpus_per_worker
            if asked > room or job.key == claim.job.key or pool.name not in entry.pools:
                continue
            spots = [Spot(n, hosts[n].node.domains, f, own=False) for n, f in free.items()]
            shape = Shape(job.min_workers, job.min_workers, job.gpus_per_worker, job.level, required=job.required)
            if found := place(pool, spots, shape):
                _take(free, found, job.gpus_per_worker)
                total += asked
                room -= asked
                if total >= wanted:
                    return total
    return total


def _take(free: dict[str, int], nodes: dict[str, int], per_worker: int) -> None:
    for name, workers in nodes.items():
        free[name] -= workers * per_worker
        if free[name] <= 0:
            del free[name]
