"""Rules 4 to 7 for one claim: wait for what comes free by itself, else take the least work there is to lose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from entente.engine.candidates import by_tenant, candidates, covered, floor_of, movable
from entente.engine.cycle import Claim, Cycle
from entente.engine.estate import Running
from entente.engine.ground import Ground
from entente.engine.model import MIN_GRACE_S
from entente.engine.placement import Shape, Spot, place
from entente.engine.risk import enforced_end, estimated_end, needed_grace
from entente.engine.victims import Group, Option, Test, cheapest, cost, freed_by


@dataclass(frozen=True, slots=True)
class Taking:
    """GPUs to be freed for a claim, and where it will stand."""

    nodes: dict[str, int]
    options: tuple[Option, ...]
    moved: dict[str, dict[str, int]]
    """Where the jobs that are moved will stand."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """GPUs that come free by themselves within the notice."""

    nodes: dict[str, int]
    turn: float


def deadline(cycle: Cycle, claim: Claim) -> float:
    """When the claim's notice ends: it runs from when the job became both pending and entitled."""
    since = cycle.now
    if claim.entitled and claim.job.entitled_since is not None:
        since = min(cycle.now, claim.job.entitled_since)
    return since + claim.pool.notice_s


def reclaim(cycle: Cycle, claim: Claim) -> Taking | Waiting | None:
    """What the claim may take or wait for; nothing when the rules give it nothing."""
    # A victim gets MIN_GRACE_S at the least, so that what is free by then is not worth one, even after the notice.
    until = max(deadline(cycle, claim), cycle.now + MIN_GRACE_S)

    def surely(running: Running) -> bool:
        end = enforced_end(running.job, claim.pool, cycle.now)
        return not running.new and end is not None and end <= until

    ground = Ground(cycle, claim, surely, until)
    if ground.stand() is not None:
        return wait_for(cycle, claim, until)
    taking = take(cycle, claim, ground)
    slack = _slack(cycle, claim, taking) if taking else 0.0

    def likely(running: Running) -> bool:
        end = estimated_end(running.job, cycle.now)
        return surely(running) or (not running.new and end is not None and end + slack <= until)

    if any(likely(r) and not surely(r) for r in cycle.estate.running.values() if r.pool == claim.pool.name):
        ground = Ground(cycle, claim, likely, until)
        if ground.stand() is not None:
            return wait_for(cycle, claim, until)
        taking = take(cycle, claim, ground)
    return taking


def _slack(cycle: Cycle, claim: Claim, taking: Taking) -> float:
    """Seconds before the end of the notice at which these victims must be told, should an estimate fail."""
    graces = [needed_grace(cycle.estate.running[o.job].job, claim.pool) for o in taking.options]
    return max(graces, default=0.0) + (claim.pool.handover_s or 0.0)


def wait_for(cycle: Cycle, claim: Claim, until: float) -> Waiting | None:
    """The earliest known end by which the claim can stand, and where."""
    running = [_end(cycle, claim, r) for r in cycle.estate.running.values() if r.pool == claim.pool.name]
    going = {key for host in cycle.estate.by_pool[claim.pool.name] for key in host.going}
    known = {*running, *(cycle.leaves_by(key, claim.pool) for key in going)}
    ends = sorted(end for end in known if end is not None and end <= until)
    low, high, found = 0, len(ends), None
    while low < high:  # what has come free stays free: more ends never hurt
        middle = (low + high) // 2
        nodes = Ground(cycle, claim, ends_by(cycle, claim, ends[middle]), ends[middle]).stand()
        if nodes is None:
            low = middle + 1
        else:
            high, found = middle, Waiting(nodes, max(cycle.now, ends[middle]))
    return found


def _end(cycle: Cycle, claim: Claim, running: Running) -> float | None:
    ends = [
        e
        for e in (enforced_end(running.job, claim.pool, cycle.now), estimated_end(running.job, cycle.now))
        if e is not None
    ]
    return None if running.new or not ends else max(cycle.now, min(ends))


def ends_by(cycle: Cycle, claim: Claim, moment: float) -> Callable[[Running], bool]:
    """Whether a running job is known to be over by then."""

    def over(running: Running) -> bool:
        end = _end(cycle, claim, running)
        return end is not None and end <= moment

    return over


def take(cycle: Cycle, claim: Claim, ground: Ground) -> Taking | None:
    """The cheapest victims that let the claim stand on this ground."""
    groups = [g for g in candidates(cycle, claim) if g[0].job not in ground.over]
    found = _cheapest_host(cycle, claim, ground, groups) or cheapest(groups, _test(cycle, claim, ground))
    best = _taking(cycle, claim, ground, found) if found else None
    if claim.job.required or (best is None and claim.entitled):
        best = _or_move(cycle, claim, ground, groups, best)
    return best


def _taking(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option]) -> Taking | None:
    nodes = ground.stand(freed_by(options), cap=_cap(cycle, claim, options))
    return Taking(nodes, tuple(options), {}) if nodes else None


def _cheapest_host(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group]) -> tuple[Option, ...] | None:
    """A gang of one worker stands on one host: the best set of each host by itself, then the best of all."""
    if claim.job.min_workers > 1 or len(groups) <= 1:
        return None
    by_host: dict[str, list[Group]] = {}
    for group in groups:
        for name in group[-1].freed:
            by_host.setdefault(name, []).append(group)
    best: tuple[Option, ...] | None = None
    for name, there in sorted(by_host.items()):
        if name not in ground.by_name:
            continue
        found = cheapest(there, _test(cycle, claim, ground, only=name))
        if found and (best is None or cost(found) < cost(best)):
            best = found
    return best


def _cap(cycle: Cycle, claim: Claim, options: Sequence[Option]) -> int | None:
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


def _test(cycle: Cycle, claim: Claim, ground: Ground, only: str | None = None) -> Test:
    def possible(options: Sequence[Option]) -> bool:
        return ground.stand(freed_by(options), only=only, cap=_cap(cycle, claim, options)) is not None

    return Test(
        allowed=lambda options: _above_floors(cycle, claim, ground, options),
        possible=possible,
        acceptable=lambda options: _keeps_busy(cycle, claim, ground, options),
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
    floor = floor_of(cycle, claim, tenant)
    shrinks = [o for o in given if o.keeps is not None]
    if shrinks and ground.charges(freed_by(shrinks))[tenant] < floor:
        return False
    whole = [o for o in given if o.keeps is None]
    if not whole:
        return True
    return any(
        ground.charges(freed_by([o for o in given if o is not last])).get(tenant, floor + 1) > floor for last in whole
    )


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
    freed = sum(o.gpus for o in options)
    used = claim.least_gpus
    if freed <= used:
        return True
    return freed <= used + _would_start(cycle, claim, ground, options, freed - used)


def _would_start(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option], wanted: int) -> int:
    """GPUs that waiting jobs within their due would start on, beside the claim, once these are freed."""
    nodes = ground.stand(freed_by(options), cap=_cap(cycle, claim, options)) or {}
    per = claim.job.gpus_per_worker
    left = {s.name: s.free - nodes.get(s.name, 0) * per for s in ground.spots(freed_by(options))}
    pool, total = claim.pool, 0
    added: dict[str, int] = {claim.tenant.name: claim.least_gpus}
    charges = ground.charges(freed_by(options))
    for tenant, entries in sorted(cycle.pending.items()):
        for entry in entries:
            job = entry.job
            if job.key == claim.job.key or pool.name not in entry.pools or total >= wanted:
                continue
            asked = job.min_workers * job.gpus_per_worker
            if charges.get(tenant, 0) + added.get(tenant, 0) + asked > cycle.due(tenant, pool.name):
                continue
            spots = [
                Spot(n, ground.by_name[n].host.node.domains, f, own=False) for n, f in sorted(left.items()) if f > 0
            ]
            shape = Shape(job.min_workers, job.min_workers, job.gpus_per_worker, job.level, required=job.required)
            if found := place(pool, spots, shape):
                for name, workers in found.items():
                    left[name] -= workers * job.gpus_per_worker
                total += asked
                added[tenant] = added.get(tenant, 0) + asked
    return total


def _or_move(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group], best: Taking | None) -> Taking | None:
    """Rule 9: victims that get another place in the same decision, when that loses less (or the same)."""
    movers = {g[0].job: g[0] for g in movable(cycle, claim) if g[0].job not in ground.over}
    options = {g[0].job: list(g) for g in groups}
    for key, mover in movers.items():
        options.setdefault(key, []).insert(0, mover)
    merged = [tuple(options[key]) for key in sorted(options)]
    base = _test(cycle, claim, ground)

    def replaced(chosen: Sequence[Option]) -> bool:
        return base.acceptable(chosen) and _new_places(cycle, claim, ground, chosen) is not None

    found = cheapest(merged, Test(base.allowed, base.possible, replaced))
    if not found or not any(o.moves for o in found):
        return best
    if best and sum(o.risk for o in best.options) < sum(o.risk for o in found):
        return best
    places = _new_places(cycle, claim, ground, found)
    taking = _taking(cycle, claim, ground, found)
    return Taking(taking.nodes, taking.options, places) if taking and places is not None else best


def _new_places(
    cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option]
) -> dict[str, dict[str, int]] | None:
    """Where the moved jobs go once the claim stands; none when one of them finds no place."""
    freed = freed_by(options)
    nodes = ground.stand(freed, cap=_cap(cycle, claim, options))
    if nodes is None:
        return None
    taken = {n: w * claim.job.gpus_per_worker for n, w in nodes.items()}
    places: dict[str, dict[str, int]] = {}
    for option in sorted((o for o in options if o.moves), key=lambda o: (-o.gpus, o.job)):
        running = cycle.estate.running[option.job]
        spots = []
        for spot in ground.spots(freed):
            plot = ground.by_name[spot.name]
            free = spot.free - taken.get(spot.name, 0)
            if claim.pool.exclusive and running.tenant != claim.tenant.name and (plot.own or spot.name in nodes):
                continue
            if free > 0:
                spots.append(Spot(spot.name, spot.domains, free, own=spot.name in running.nodes))
        job = running.job
        shape = Shape(running.workers, running.workers, job.gpus_per_worker, job.level, required=job.required)
        found = place(claim.pool, spots, shape)
        if found is None:
            return None
        places[option.job] = found
        for name, workers in found.items():
            taken[name] = taken.get(name, 0) + workers * job.gpus_per_worker
    return places
