"""Rule 9: jobs that are moved to make room: evicted, with a place elsewhere in the same decision."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from entente.engine.busy import Idle
from entente.engine.candidates import movable
from entente.engine.caps import cap_of
from entente.engine.cycle import Claim, Cycle
from entente.engine.domains import by_domain
from entente.engine.ground import Ground
from entente.engine.lacking import rooms_alone
from entente.engine.limits import test_of
from entente.engine.option import Cost, Group, Option, risk_of
from entente.engine.outlook import NOTHING
from entente.engine.placement import Shape, Spot, place
from entente.engine.taking import Taking
from entente.engine.victims import EXACT_CANDIDATES, Effort, Test, cheapest, freed_by
from entente.engine.walk import ENTITLED

_MOST_SETS = 200
"""Sets looked at before the search falls back to the greedy one: each is costly, and moves are seldom needed."""

_SETS_FOR_PLACES = 40
"""Sets that are looked at in the time in which places are sought for those of one, in vain."""

_MOST_DOMAINS = 8
"""Domains looked at, the most promising ones."""

Places = dict[str, dict[str, int]]
"""By moved job: workers on each node of its new place."""


def with_moves(
    cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group], idle: Idle, best: Taking | None
) -> Taking | None:
    """Victims of which some get another place, when that loses less than the best eviction (or the same)."""
    asked = 0 if claim.pool.exclusive else claim.least_gpus - ground.limit()
    if not _give(groups, asked):
        return best
    options = {g[0].job: list(g) for g in groups}
    for mover in _movers(cycle, claim, ground, groups):
        options.setdefault(mover.job, []).insert(0, mover)
    merged = [tuple(options[key]) for key in sorted(options)]
    domains = itertools.islice(by_domain(cycle, claim, ground, merged, idle), _MOST_DOMAINS)
    places = [(there, test) for _, there, test in domains]
    for there, test in places or [(merged, test_of(cycle, claim, ground, merged, None, idle))]:
        if not _give(there, asked):
            continue
        found = _found(cycle, claim, ground, there, _losing_no_more(test, best))
        if found and (best is None or (found.risk, bool(best.moved)) < (best.risk, True)):
            best = found  # a move before an eviction of equal loss
    return best


def _losing_no_more(test: Test, best: Taking | None) -> Test:
    """The same test, for sets that may yet be better."""
    if best is None:
        return test
    most = 1000 * best.risk + EXACT_CANDIDATES  # in thousandths, as in a cost, where each job's is rounded

    def wanted(cost: Cost) -> bool:
        return risk_of(cost) <= most

    return replace(test, wanted=wanted)


def _give(groups: Iterable[Group], gpus: int) -> bool:
    """Whether these jobs can give so many GPUs for good: moving them frees none."""
    return gpus <= 0 or sum(max((o.gpus for o in g if not o.moves), default=0) for g in groups) >= gpus


def gathered(cycle: Cycle, claim: Claim, ground: Ground, best: Taking | None) -> Taking | None:
    """Own jobs of an `Exclusive` tenant moved together, for a job that is within the guarantee after it."""
    pool, name = claim.pool.name, claim.tenant.name
    if (name, pool) in cycle.blocked:
        return best
    guaranteed, charges = cycle.quotas[pool].quotas[name].guaranteed, ground.charges(NOTHING)
    further = ground.allowance(NOTHING, charges)
    jobs = cycle.estate.by_tenant.get(name, {}).values()
    used = sum(r.gpus for r in jobs if r.pool == pool and r.job.key not in ground.over)
    if used + claim.least_gpus > min(guaranteed, charges[name] + further):
        return best  # however close together they are
    # moving frees no GPUs: the claim must find its own among those that are free now, if not together
    if claim.least_gpus > sum(spot.free for spot in ground.outlook.spots(name)):
        return best
    entitled = replace(claim, class_=ENTITLED)
    own = [(m,) for m in _movers(cycle, claim, ground, (), own=True)]
    base = test_of(cycle, entitled, ground, own, None, Idle(cycle, entitled, ground))

    def possible(options: Sequence[Option]) -> bool:
        return ground.stand(freed_by(options), cap=guaranteed) is not None

    found = _found(cycle, entitled, ground, own, replace(base, possible=possible), guaranteed)
    return found if found and not (best and best.risk < found.risk) else best


def _movers(cycle: Cycle, claim: Claim, ground: Ground, groups: Iterable[Group], *, own: bool = False) -> list[Option]:
    """Jobs that may be moved, or the tenant's own. That others make way for them, too, is not sought."""
    movers = [g[0] for g in movable(cycle, claim) if g[0].job not in ground.over]
    if own:
        movers = [m for m in movers if m.tenant == claim.tenant.name]
    taken, jobs = freed_by(g[-1] for g in groups), cycle.estate.running
    further = ground.allowance(taken, ground.charges(NOTHING)) if claim.pool.exclusive else 0

    @cache
    def rooms(tenant: str, size: int) -> int:
        if not claim.pool.exclusive:
            return ground.outlook.rooms(size, taken)
        return rooms_alone(ground.outlook.spots(tenant, freed=taken, least=size), size, further)

    def finds_room(mover: Option) -> bool:
        running = jobs[mover.job]
        eyes = running.tenant if claim.pool.exclusive else ""
        return rooms(eyes, running.job.gpus_per_worker) >= running.workers

    return [mover for mover in movers if finds_room(mover)]


def _found(
    cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group], base: Test, most: int | None = None
) -> Taking | None:
    def settled(chosen: Sequence[Option]) -> Taking | None:
        if not _room_for_all(cycle, claim, ground, chosen):
            return None
        cap = cap_of(cycle, claim, chosen)
        limit = min((c for c in (cap, most) if c is not None), default=None)
        nodes = ground.stand(freed_by(chosen), cap=limit)
        if nodes is None:
            return None
        if not claim.pool.exclusive:  # what counts is how many GPUs, not where: places are sought last
            here = {o.job: dict(cycle.estate.running[o.job].nodes) for o in chosen if o.moves}
            if not _within_limits(cycle, claim, ground, Taking(claim, nodes, tuple(chosen), here), limit):
                return None
        places = _new_places(cycle, claim, ground, chosen, nodes)
        if places is None:
            return None
        taking = Taking(claim, nodes, tuple(chosen), places)
        return taking if _within_limits(cycle, claim, ground, taking, limit) else None

    def acceptable(chosen: Sequence[Option]) -> bool:
        return settled(chosen) is not None and base.acceptable(chosen)

    likely = sorted(groups, key=lambda g: (g[0].risk / max(1, g[-1].gpus), g[0].job))[:EXACT_CANDIDATES]
    test = Test(base.allowed, base.possible, acceptable, base.room, wanted=base.wanted, asking=_SETS_FOR_PLACES)
    found = cheapest(likely, test, Effort(_MOST_SETS))
    return settled(found) if found and any(o.moves for o in found) else None


def _room_for_all(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option]) -> bool:
    """Whether the claim and the largest workers that are moved find room, wherever that is: else no place is sought."""
    moved = [cycle.estate.running[o.job] for o in options if o.moves]
    if claim.pool.exclusive or not moved:
        return True
    size = max(r.job.gpus_per_worker for r in moved)
    asked = sum(r.workers for r in moved if r.job.gpus_per_worker == size)
    if claim.job.gpus_per_worker >= size:
        asked += claim.job.min_workers
    return ground.outlook.rooms(size, freed_by(options)) >= asked


def _new_places(
    cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option], nodes: Mapping[str, int]
) -> Places | None:
    """Where the moved jobs go once the claim stands; none when one of them finds no place."""
    freed = freed_by(options)
    taken = {n: w * claim.job.gpus_per_worker for n, w in nodes.items()}
    holders = dict.fromkeys(nodes, claim.tenant.name)
    places: Places = {}
    for option in sorted((o for o in options if o.moves), key=lambda o: (-o.gpus, o.job)):
        running = cycle.estate.running[option.job]
        job, spots = running.job, []
        for spot in ground.outlook.spots(running.tenant, freed=freed, least=job.gpus_per_worker):
            if spot.name not in taken:
                spots.append(spot)
                continue
            free = spot.free - taken[spot.name]
            shared = claim.pool.exclusive and holders[spot.name] != running.tenant
            if free > 0 and not shared:
                spots.append(Spot(spot.name, spot.domains, free, own=spot.own))
        shape = Shape(running.workers, running.workers, job.gpus_per_worker, job.level, required=job.required)
        found = place(claim.pool, spots, shape)
        if found is None:
            return None
        places[option.job] = found
        for name, workers in found.items():
            taken[name] = taken.get(name, 0) + workers * job.gpus_per_worker
            holders[name] = running.tenant
    return places


def _within_limits(cycle: Cycle, claim: Claim, ground: Ground, taking: Taking, most: int | None) -> bool:
    """Whether everybody's limits hold where the claim and the moved jobs will stand, what others keep back included."""
    pool, freed = claim.pool.name, freed_by(taking.options)
    added: dict[str, dict[str, int]] = {}
    for key, nodes in ((claim.job.key, taking.nodes), *taking.moved.items()):
        job = cycle.snapshot.jobs[key]
        gpus = added.setdefault(job.tenant or "", {})
        for name, workers in nodes.items():
            gpus[name] = gpus.get(name, 0) + workers * job.gpus_per_worker
    charges = dict(ground.charges(freed))
    for tenant, gpus in added.items():
        limit = cycle.most(cycle.snapshot.tenants[tenant], pool)
        at_first = ground.charged_at_first(tenant, freed) + ground.added_at_first(tenant, gpus, freed)
        if limit is not None and at_first > limit:
            return False
        charges[tenant] += ground.charge_of(tenant, gpus, freed)
    if most is not None and charges[claim.tenant.name] > most:
        return False
    used = sum(sum(gpus.values()) for gpus in added.values())
    if claim.pool.exclusive:
        used = sum(ground.charge_of(t, g, freed) for t, g in added.items())
    return ground.allowance(freed, charges) - used >= 0
