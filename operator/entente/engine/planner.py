"""One decision: holds first, then entitled claims, then borrowers, then growth; whoever is left waits for a reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from entente.api.job import AllocationClass, Phase
from entente.api.reasons import Reason
from entente.engine.books import books, standing_after
from entente.engine.cycle import Claim, Cycle, begin, claim_of, walk_all
from entente.engine.decisions import Decision, Evict, Grow, Hold, Plan, Shrink, Standing, Start, Wait
from entente.engine.explain import Explanation, explain, held
from entente.engine.ground import fit, shape_of
from entente.engine.growth import grow_all
from entente.engine.idle import allowance_now, needs_handover, not_handed_over, spots_now
from entente.engine.model import Job, Placement, Snapshot
from entente.engine.reclaim import Waiting, reclaim
from entente.engine.reservations import Reservation
from entente.engine.risk import known_end, known_length
from entente.engine.steps import begin_running, carry_out, hold_idle, reserve, start
from entente.engine.taking import Taking
from entente.engine.turns import next_turn, own_reservation
from entente.engine.walk import BORROWED, ENTITLED, Pending, waited

_ORDER = (Start, Hold, Evict, Shrink, Grow, Wait)


@dataclass(slots=True)
class _Waiting:
    """Pending jobs that could not be placed, with what is reserved for them."""

    reserved: dict[str, Reservation] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    firsts: set[tuple[str, str]] = field(default_factory=set)
    """Tenants and pools with a job that could not be placed."""
    tried: dict[object, str] = field(default_factory=dict)
    """Shapes that could not be placed since GPUs last came free, and the job that tried."""
    kept_out: set[str] = field(default_factory=set)
    """Entitled jobs whose notice does not run."""


def decide(snapshot: Snapshot) -> Plan:
    """Decide about a snapshot. The same snapshot gives the same plan, byte for byte."""
    cycle = _opened(snapshot)
    waits = _start_held(cycle)
    waiting = _Waiting()
    for class_ in (ENTITLED, BORROWED):
        _serve(cycle, waiting, class_)
    grow_all(cycle)
    waits += _explain_all(cycle, waiting)
    after = standing_after(_opened(snapshot), cycle)
    return Plan(_sorted([*cycle.decisions, *waits]), _standings(cycle, waiting.kept_out), books(after))


def _opened(snapshot: Snapshot) -> Cycle:
    cycle = begin(snapshot)
    _take_in_holds(cycle)
    walk_all(cycle)
    return cycle


def _take_in_holds(cycle: Cycle) -> None:
    """Holds of earlier decisions whose GPUs are free or still being freed in time; the others are decided anew."""
    claimants = [
        job
        for job in cycle.snapshot.jobs.values()
        if job.hold and job.tenant and job.key not in cycle.refused and job.phase in (Phase.PENDING, Phase.STOPPING)
    ]
    for job in sorted(claimants, key=lambda j: (j.hold_until or 0.0, j.submitted, j.key)):
        if job.hold and _still_freed(cycle, job, job.hold):
            cycle.estate.hold(job, job.hold.pool, job.hold.nodes)
            entries = cycle.pending[job.tenant or ""]
            cycle.pending[job.tenant or ""] = [e for e in entries if e.job.key != job.key]


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


def _start_held(cycle: Cycle) -> list[Wait]:
    """Start the claimants whose GPUs are free; the others go on waiting for them."""
    waits = []
    for key in sorted(cycle.estate.holds, key=lambda k: (cycle.estate.holds[k].job.submitted, k)):
        hold = cycle.estate.holds[key]
        if hold.job.phase is not Phase.PENDING:
            continue
        if _all_idle(cycle, key):
            class_ = cycle.class_of(hold)
            cycle.estate.unhold(key)
            begin_running(cycle, hold.job, hold.pool, hold.nodes, class_)
        else:
            message = held(hold.job, hold.pool, hold.workers)
            waits.append(Wait(key, Reason.HELD, message, max(cycle.now, hold.job.hold_until or cycle.now)))
    return waits


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


def _serve(cycle: Cycle, waiting: _Waiting, class_: AllocationClass) -> None:
    """Rule 11: one job after the other, of the tenant with the lowest share of what is due to it."""
    queues: dict[tuple[str, str], list[Pending]] = {}
    for tenant, entries in cycle.pending.items():
        walk = cycle.walks[tenant]
        for entry in entries:
            if entry.job.key not in waiting.claims and (class_ is BORROWED or walk.classes[entry.job.key] is class_):
                queues.setdefault((tenant, walk.counts_in[entry.job.key]), []).append(entry)
    for queue in queues.values():
        queue.reverse()
    while queues:
        tenant, pool = min(queues, key=lambda q: _turn(cycle, q, queues[q][-1]))
        entry = queues[tenant, pool].pop()
        if not queues[tenant, pool]:
            del queues[tenant, pool]
        if class_ is ENTITLED and (tenant, pool) in cycle.blocked:
            continue  # it comes again among the borrowers, in its place
        _consider(cycle, waiting, entry)


def _turn(cycle: Cycle, queue: tuple[str, str], head: Pending) -> tuple[object, ...]:
    tenant, pool = queue
    return (*cycle.ratio(tenant, pool), -waited(head.job, cycle.now), tenant, pool)


def _consider(cycle: Cycle, waiting: _Waiting, entry: Pending) -> None:
    """Free GPUs in any of its pools, best first; then what it may take; then a reservation."""
    tenant = entry.job.tenant or ""
    claims = [claim_of(cycle, entry, pool, first=(tenant, pool) not in waiting.firsts) for pool in entry.pools]
    home = next(c for c in claims if c.pool.name == cycle.walks[tenant].counts_in[entry.job.key])
    alike = _alike(cycle, claims)
    if alike in waiting.tried:
        waiting.claims[entry.job.key] = home
        return
    if any(_start(cycle, claim) for claim in claims):
        return
    if not _take_or_wait(cycle, waiting, claims):
        _left_waiting(cycle, waiting, entry, home, alike)


def _take_or_wait(cycle: Cycle, waiting: _Waiting, claims: list[Claim]) -> bool:
    """Whether GPUs are freed for the job; else they are reserved for it where it waits for some."""
    borrowing: tuple[Claim, Waiting] | None = None
    for claim in claims:
        if borrowing and not claim.entitled:
            continue  # it waits instead of evicting, save for what it is entitled to in another pool
        outcome = reclaim(cycle, claim)
        if isinstance(outcome, Taking):
            carry_out(cycle, outcome)
            waiting.tried.clear()
            return True
        if isinstance(outcome, Waiting) and claim.entitled:
            _reserve(cycle, waiting, own_reservation(cycle, claim, outcome))
            return False
        if isinstance(outcome, Waiting):
            borrowing = (claim, outcome)
    if borrowing is None:
        _reserve_turn(cycle, waiting, claims)
    elif borrowing[0].first:
        _reserve(cycle, waiting, own_reservation(cycle, *borrowing))
    return False


def _left_waiting(cycle: Cycle, waiting: _Waiting, entry: Pending, home: Claim, alike: object) -> None:
    key, tenant, pool = entry.job.key, home.tenant.name, home.pool.name
    waiting.claims[key] = home
    if key not in waiting.reserved:
        waiting.tried[alike] = key
    if not _limit_binds(cycle, home):
        waiting.firsts.add((tenant, pool))
    long = waited(entry.job, cycle.now) >= home.pool.min_runtime_s
    if home.entitled and long and key not in waiting.reserved:
        cycle.blocked.add((tenant, pool))


def _limit_binds(cycle: Cycle, claim: Claim) -> bool:
    most = cycle.most(claim.tenant, claim.pool.name)
    return most is not None and cycle.estate.charged(claim.tenant.name, claim.pool.name) + claim.least_gpus > most


def _reserve_turn(cycle: Cycle, waiting: _Waiting, claims: Iterable[Claim]) -> None:
    for claim in claims:
        if claim.first and (reservation := next_turn(cycle, claim)):
            _reserve(cycle, waiting, reservation)
            return


def _reserve(cycle: Cycle, waiting: _Waiting, reservation: Reservation) -> None:
    reserve(cycle, reservation)
    waiting.reserved[reservation.job] = reservation


def _alike(cycle: Cycle, claims: list[Claim]) -> object:
    """Jobs that are tried once: what fits one of them fits the others."""
    job = claims[0].job
    return (
        job.tenant,
        claims[0].priority,
        tuple((c.pool.name, c.class_, c.first) for c in claims),
        job.workers,
        job.min_workers,
        job.gpus_per_worker,
        job.level,
        job.required,
        known_length(job),
        job.entitled_since,
        waited(job, cycle.now) >= claims[0].pool.min_runtime_s,
    )


def _start(cycle: Cycle, claim: Claim) -> bool:
    """Start on GPUs that are free now; on call where they are reserved for a turn that is far away."""
    limit = allowance_now(cycle, claim)
    most = cycle.most(claim.tenant, claim.pool.name)
    if most is not None:
        limit = min(limit, most - cycle.estate.charged(claim.tenant.name, claim.pool.name))

    def added(nodes: Mapping[str, int]) -> int:
        return cycle.estate.added_charge(claim.tenant.name, claim.pool.name, nodes, claim.job.gpus_per_worker)

    for on_call in (False, True) if not claim.entitled else (False,):
        spots = spots_now(cycle, claim, on_call=on_call)
        ready = [s for s in spots if not needs_handover(cycle, claim, s.name)]
        for choice in (ready, spots) if len(ready) < len(spots) else (spots,):
            nodes = fit(claim, choice, shape_of(claim), [(limit, added)])
            if nodes is None:
                continue
            if any(needs_handover(cycle, claim, name) for name in nodes):
                hold_idle(cycle, claim, nodes)
            else:
                start(cycle, claim, nodes, on_call=on_call)
            return True
    return False


def _explain_all(cycle: Cycle, waiting: _Waiting) -> list[Wait]:
    waits, memo = [], dict[object, Explanation]()
    for entries in cycle.pending.values():
        for position, entry in enumerate(entries, start=1):
            key = entry.job.key
            claim, reservation = waiting.claims[key], waiting.reserved.get(key)
            if reservation and reservation.pool is not claim.pool:
                claim = claim_of(cycle, entry, reservation.pool.name, first=claim.first)
            alike = (_alike(cycle, [claim]), key if reservation else "")
            if alike not in memo:
                memo[alike] = explain(cycle, claim, reservation)
            found = memo[alike]
            waits.append(Wait(key, found.reason, found.message, found.eta, position))
            if found.kept_out:
                waiting.kept_out.add(key)
    for key, refusal in cycle.refused.items():
        eta = cycle.snapshot.jobs[key].backoff_until if refusal.reason is Reason.BACKOFF else None
        waits.append(Wait(key, refusal.reason, refusal.message, eta))
    return waits


def _standings(cycle: Cycle, kept_out: set[str]) -> dict[str, Standing]:
    standings = {}
    for name, walk in cycle.walks.items():
        waiting = {e.job.key for e in cycle.pending[name]} | set(cycle.estate.holds)
        for key, class_ in walk.classes.items():
            notice = class_ is ENTITLED and key in waiting and key not in kept_out
            standings[key] = Standing(class_, walk.entitled_workers.get(key, 0), notice, _on_call(cycle, key))
    return dict(sorted(standings.items()))


def _on_call(cycle: Cycle, key: str) -> bool:
    """Whether a job that was started on call still is: until nothing is reserved on its nodes any more."""
    running = cycle.estate.running.get(key)
    if running is None or not running.on_call:
        return False
    return any(not running.nodes.keys().isdisjoint(r.gpus) for r in cycle.reservations[running.pool])


def _sorted(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    def rank(decision: Decision) -> tuple[int, str, int]:
        workers = -decision.workers if isinstance(decision, Shrink) else 0
        return (_ORDER.index(type(decision)), decision.job, workers)

    return tuple(sorted(decisions, key=rank))
