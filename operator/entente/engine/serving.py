"""Rule 11: one job after the other, of the tenant with the lowest share of what is due to it.

Free GPUs in any of its pools, best first; then what it may take; then a reservation. Each job has one turn in a
decision, in which it sees what those before it leave; what one could not have, none that is like it has in its stead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from entente.api.job import AllocationClass
from entente.engine.cycle import Claim, Cycle, claim_of
from entente.engine.ground import fit, shape_of
from entente.engine.idle import allowance_now, goes_anywhere, needs_handover, spots_now
from entente.engine.lanes import Alike, Lanes, lanes_of
from entente.engine.queues import Pending, waited
from entente.engine.reach import came_to_nothing, comes_to_nothing
from entente.engine.reclaim import Waiting, reclaim
from entente.engine.reservations import Reservation
from entente.engine.steps import carry_out, hold_idle, reserve, start
from entente.engine.taking import Taking
from entente.engine.turns import next_turn, own_reservation


@dataclass(slots=True)
class Unplaced:
    """Pending jobs that were tried and could not be placed, with what is reserved for them."""

    reserved: dict[str, Reservation] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    """By job: its claim on the pool in which it counts. Jobs that are alike one that was tried have none."""
    firsts: set[tuple[str, str]] = field(default_factory=set)
    """Tenants and pools with a job that could not be placed."""
    tried: set[Alike] = field(default_factory=set)
    """What could not be placed."""


def serve(cycle: Cycle, unplaced: Unplaced, class_: AllocationClass) -> None:
    """Serve all pending jobs of a class; borrowers are all that were not served before."""
    lanes = lanes_of(cycle, unplaced, class_)
    while entry := lanes.next():
        steps = len(cycle.decisions)
        _consider(cycle, unplaced, lanes, entry)
        if len(cycle.decisions) != steps:
            lanes.turn_anew()


def _consider(cycle: Cycle, unplaced: Unplaced, lanes: Lanes, entry: Pending) -> None:
    tenant = entry.job.tenant or ""
    claims = [claim_of(cycle, entry, pool, first=(tenant, pool) not in unplaced.firsts) for pool in entry.pools]
    if any(_start(cycle, claim) for claim in claims):
        return
    if _take_or_wait(cycle, unplaced, claims):
        lanes.look_anew()
        return
    counts = cycle.walks[tenant].counts_in(entry)
    alike = lanes.alike(entry)
    _left_waiting(cycle, unplaced, entry, next(c for c in claims if c.pool.name == counts), alike)


def _take_or_wait(cycle: Cycle, unplaced: Unplaced, claims: list[Claim]) -> bool:
    """Whether GPUs are freed for the job; else they are reserved for it where it waits for some."""
    if all(comes_to_nothing(cycle, claim) for claim in claims):
        return False
    borrowing: tuple[Claim, Waiting] | None = None
    for claim in claims:
        if borrowing and not claim.entitled:
            continue  # it waits instead of evicting, save for what it is entitled to in another pool
        outcome = reclaim(cycle, claim)
        if isinstance(outcome, Taking):
            carry_out(cycle, outcome)
            return True
        came_to_nothing(cycle, claim)
        if isinstance(outcome, Waiting) and claim.entitled:
            if reservation := own_reservation(cycle, claim, outcome):
                _reserve(cycle, unplaced, reservation)
                return False
        elif isinstance(outcome, Waiting):
            borrowing = (claim, outcome)
    if borrowing is None:
        _reserve_turn(cycle, unplaced, claims)
    elif borrowing[0].first and (reservation := own_reservation(cycle, *borrowing)):
        _reserve(cycle, unplaced, reservation)
    return False


def _left_waiting(cycle: Cycle, unplaced: Unplaced, entry: Pending, home: Claim, alike: Alike) -> None:
    key, tenant, pool = entry.job.key, home.tenant.name, home.pool.name
    unplaced.claims[key] = home
    if key not in unplaced.reserved:
        unplaced.tried.add(alike)
    if not _limit_binds(cycle, home):
        unplaced.firsts.add((tenant, pool))
    long = waited(entry.job, cycle.now) >= home.pool.min_runtime_s
    if home.entitled and long and key not in unplaced.reserved:
        cycle.blocked.add((tenant, pool))


def _limit_binds(cycle: Cycle, claim: Claim) -> bool:
    most = cycle.most(claim.tenant, claim.pool.name)
    return most is not None and cycle.estate.charges.of(claim.tenant.name, claim.pool.name) + claim.least_gpus > most


def _reserve_turn(cycle: Cycle, unplaced: Unplaced, claims: Iterable[Claim]) -> None:
    for claim in claims:
        if claim.first and (reservation := next_turn(cycle, claim)):
            _reserve(cycle, unplaced, reservation)
            return


def _reserve(cycle: Cycle, unplaced: Unplaced, reservation: Reservation) -> None:
    reserve(cycle, reservation)
    unplaced.reserved[reservation.job] = reservation


def _start(cycle: Cycle, claim: Claim) -> bool:
    """Start on GPUs that are free now; on call where they are reserved for a turn that is far away."""
    limit = allowance_now(cycle, claim)
    most = cycle.most(claim.tenant, claim.pool.name)
    if most is not None:
        limit = min(limit, most - cycle.estate.charges.of(claim.tenant.name, claim.pool.name))

    per, stock = claim.job.gpus_per_worker, cycle.estate.stocks[claim.pool.name]
    if stock.room(per) < claim.job.min_workers or (not claim.pool.exclusive and limit < claim.least_gpus):
        return False
    if goes_anywhere(cycle, claim):
        host = stock.tightest(per, claim.tenant.name)
        if host is not None:
            start(cycle, claim, {host.name: 1})
        return host is not None

    def added(nodes: Mapping[str, int]) -> int:
        return cycle.estate.charges.added(claim.tenant.name, claim.pool.name, nodes, per)

    for on_call in (False, True) if not claim.entitled else (False,):
        spots = spots_now(cycle, claim, on_call=on_call, least=per)
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
