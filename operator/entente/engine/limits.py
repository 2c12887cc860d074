"""What a set of victims must satisfy for one claim: rules 1, 4 and 5."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from entente.engine.candidates import by_tenant, covered, floor_of
from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import Ground
from entente.engine.option import Group, Option
from entente.engine.outlook import NOTHING
from entente.engine.placement import Shape, Spot, place
from entente.engine.victims import Test, freed_by


def cap_of(cycle: Cycle, claim: Claim, options: Sequence[Option]) -> int | None:
    """The most that the claim's tenant may be charged after taking these."""
    pool, name = claim.pool.name, claim.tenant.name
    quota = cycle.quotas[pool].quotas[name]
    called = {o.job for o in options if cycle.estate.running[o.job].on_call}
    if any(o.tenant != name and not o.moves for o in options):
        return quota.guaranteed if claim.entitled and not called else cycle.due(name, pool)
    takes_entitled = any(
        o.own and o.keeps is None and cycle.walks[name].entitled_workers.get(o.job, 0) for o in options
    )
    if not claim.entitled and takes_entitled:
        return cycle.due(name, pool)
    return None


def takes_from_nobody(cycle: Cycle, claim: Claim, ground: Ground) -> bool:
    """Whether a borrowed claim is beyond its tenant's due, and none of its tenant's own jobs may give way either."""
    tenant, pool = claim.tenant.name, claim.pool.name
    if claim.pool.exclusive or ground.charges(NOTHING)[tenant] + claim.least_gpus <= cycle.due(tenant, pool):
        return False
    return not cycle.may_give_to_own(claim)


def within_right(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group]) -> list[Group]:
    """Without others' jobs where the claim's tenant may take from none, not even if all its own candidates went."""
    tenant = claim.tenant.name
    given = sum(group[-1].gpus for group in groups if group[0].tenant == tenant)
    if _beyond_right(cycle, claim, ground, groups) <= given:
        return list(groups)
    return [group for group in groups if group[0].tenant == tenant]


def _beyond_right(cycle: Cycle, claim: Claim, ground: Ground, groups: Iterable[Group]) -> int:
    """GPUs that the tenant's own jobs must give at the least before the claim may take from others among these."""
    if claim.pool.exclusive:
        return 0  # what a job gives of a host may free none of its tenant's charge, or all of it
    pool, tenant = claim.pool.name, claim.tenant.name
    right = cycle.due(tenant, pool)
    if claim.entitled:
        guaranteed = cycle.quotas[pool].quotas[tenant].guaranteed
        called = any(cycle.estate.running[group[0].job].on_call for group in groups)
        right = max(right, guaranteed) if called else guaranteed
    return ground.charges(NOTHING)[tenant] + claim.least_gpus - right


def test_of(
    cycle: Cycle, claim: Claim, ground: Ground, groups: Iterable[Group], only: frozenset[str] | None = None
) -> Test:
    """The test of sets of these candidates for a claim on some ground, or only on some of its hosts."""
    own_gpus = _beyond_right(cycle, claim, ground, groups)

    def possible(options: Sequence[Option]) -> bool:
        return ground.stands(freed_by(options), only=only, loosely=True)

    def acceptable(options: Sequence[Option]) -> bool:
        stands = ground.stands(freed_by(options), only=only, cap=cap_of(cycle, claim, options))
        return stands and _keeps_busy(cycle, claim, ground, options)

    return Test(
        room=replace(ground.lacking(only), tenant=claim.tenant.name, own_gpus=own_gpus),
        allowed=lambda options: _above_floors(cycle, claim, ground, options),
        possible=possible,
        acceptable=acceptable,
    )


def _above_floors(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option]) -> bool:
    """Others give only down to what is safe, save for the last indivisible job of each."""
    for tenant, given in by_tenant(options).items():
        if tenant == claim.tenant.name:
            continue
        counted = [o for o in given if not (o.moves or cycle.estate.running[o.job].on_call)]
        if counted and not _gives_in_turn(cycle, claim, ground, tenant, counted):
            return False
    return True


def _gives_in_turn(cycle: Cycle, claim: Claim, ground: Ground, tenant: str, given: Sequence[Option]) -> bool:
    """Whether the tenant is above what is safe until the last indivisible part goes: a job, or a worker of a shrink."""
    floor = floor_of(cycle, claim, tenant)
    freed = freed_by(given)
    if not claim.pool.exclusive:
        last = max(o.gpus if o.keeps is None else cycle.estate.running[o.job].job.gpus_per_worker for o in given)
        kept = ground.charges(NOTHING).get(tenant)
        return kept is None or kept - sum(o.gpus for o in given) + last > floor
    for last in given:
        before = dict(freed)
        if last.keeps is None:
            del before[last.job]
        else:
            before[last.job] = _but_one(last, cycle.estate.running[last.job].job.gpus_per_worker)
        if ground.charges(before).get(tenant, floor + 1) > floor:
            return True
    return False


def _but_one(shrink: Option, per_worker: int) -> dict[str, int]:
    """What a shrink frees when it gives one worker less: on the host that it takes last."""
    keeps = shrink.keeps or {}
    last = max(shrink.freed, key=lambda name: (keeps.get(name, 0) * per_worker + shrink.freed[name], name))
    return {n: g - per_worker * (n == last) for n, g in shrink.freed.items() if g > per_worker * (n == last)}


def _keeps_busy(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option]) -> bool:
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


def _would_start(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option], wanted: int) -> int:
    """GPUs that waiting jobs within their due would start on, beside the claim, once these are freed."""
    nodes = ground.stand(freed_by(options), cap=cap_of(cycle, claim, options)) or {}
    per = claim.job.gpus_per_worker
    left = {s.name: s.free - nodes.get(s.name, 0) * per for s in ground.outlook.spots(claim.tenant.name, freed=freed_by(options))}
    pool, total = claim.pool, 0
    added: dict[str, int] = {claim.tenant.name: claim.least_gpus}
    charges = ground.charges(freed_by(options))
    for tenant in cycle.state.tenants:
        for entry in cycle.pending(tenant):
            job = entry.job
            if job.key == claim.job.key or pool.name not in entry.pools or total >= wanted:
                continue
            asked = job.min_workers * job.gpus_per_worker
            if charges.get(tenant, 0) + added.get(tenant, 0) + asked > cycle.due(tenant, pool.name):
                continue
            spots = [
                Spot(n, cycle.estate.hosts[n].node.domains, f, own=False) for n, f in sorted(left.items()) if f > 0
            ]
            shape = Shape(job.min_workers, job.min_workers, job.gpus_per_worker, job.level, required=job.required)
            if found := place(pool, spots, shape):
                for name, workers in found.items():
                    left[name] -= workers * job.gpus_per_worker
                total += asked
                added[tenant] = added.get(tenant, 0) + asked
    return total
