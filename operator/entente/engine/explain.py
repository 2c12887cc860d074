"""Rule 14: why a job waits, in one word and a message with numbers.

What goes into a message is a `Figures`: the job's own request, its own tenant's limits and what is free for it.
`telling` puts it into words, and knows nothing else.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from entente.api.reasons import Reason
from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import fit, shape_of
from entente.engine.host import Host
from entente.engine.idle import bonds_of, spots_now, taker_of
from entente.engine.placement import Shape, Spot, holds
from entente.engine.reservations import Reservation
from entente.engine.screening import priority_or_default
from entente.engine.telling import Figures, Message, reserved, waits
from entente.engine.walk import ENTITLED


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reason, its message and when the wait ends, if that is known."""

    reason: Reason
    message: Message
    eta: float | None = None
    owed: bool = False
    """Entitled, and there would be hosts for it beside what is safe from it: the notice runs."""


def explain(cycle: Cycle, claim: Claim, reservation: Reservation | None) -> Explanation:
    """Why a claim that could not be placed waits: the first reason that holds, in the order of the enum."""
    figures = _figures(cycle, claim)
    eta = reservation.turn if reservation else None
    kept_out = claim.entitled and not (reservation and reservation.own) and _kept_out(cycle, claim)
    owed = claim.entitled and not kept_out and not _all_reserved(cycle, claim)
    if eta is not None:
        return Explanation(Reason.RESERVED, reserved(figures), eta, owed)
    reason = _reason(cycle, claim, figures, kept_out=kept_out)
    return Explanation(reason, waits(reason, figures), owed=owed)


def _figures(cycle: Cycle, claim: Claim) -> Figures:
    pool, tenant = claim.pool.name, claim.tenant.name
    spots = spots_now(cycle, claim)
    free = sum(s.free for s in spots)
    return Figures(
        job=claim.job,
        of=claim.pool,
        free=free,
        lendable=max(0, free - cycle.kept_from(claim)),
        charged=cycle.estate.charges.of(tenant, pool),
        guaranteed=cycle.quotas[pool].quotas[tenant].guaranteed,
        due=cycle.due(tenant, pool),
        adds=_least_charge(cycle, claim),
        most=cycle.most(claim.tenant, pool),
    )


def _kept_out(cycle: Cycle, claim: Claim) -> bool:
    """Whether what is safe from the claim leaves its gang no hosts."""
    return _no_hosts(cycle, claim, {})


def _all_reserved(cycle: Cycle, claim: Claim) -> bool:
    """Whether its gang has no hosts beside those that wait for the turn of its own tenant's jobs before it."""
    bound = [r for r in bonds_of(cycle, claim.pool.name, taker_of(cycle, claim)).bound if r.job != claim.job.key]
    reserved = Counter[str]()
    for reservation in bound:
        if reservation.tenant == claim.tenant.name:
            reserved.update(reservation.gpus)
    return bool(reserved) and _no_hosts(cycle, claim, reserved)


def _no_hosts(cycle: Cycle, claim: Claim, reserved: Mapping[str, int]) -> bool:
    """Whether these GPUs of hosts, and what is safe from the claim, leave its gang none."""
    like = (claim.pool.name, claim.tenant.name, claim.priority)
    spots = cycle.until_next_step(cycle.unsafe, like, lambda: _unsafe(cycle, claim))
    if reserved:
        spots = [replace(s, free=max(0, s.free - reserved.get(s.name, 0))) for s in spots]
    least = claim.job.min_workers
    return not holds(claim.pool, spots, Shape(least, least, claim.job.gpus_per_worker))


def _unsafe(cycle: Cycle, claim: Claim) -> list[Spot]:
    """Hosts with GPUs that claims of a tenant and priority might come to have."""
    spots = []
    for host in cycle.estate.by_pool[claim.pool.name]:
        stays = _stays(cycle, claim, host)
        if claim.pool.exclusive and any(gpus for tenant, gpus in stays.items() if tenant != claim.tenant.name):
            continue
        if (room := host.capacity - stays.total()) > 0:
            spots.append(Spot(host.name, host.node.domains, room, own=False))
    return spots


def _stays(cycle: Cycle, claim: Claim, host: Host) -> Counter[str]:
    """By tenant: GPUs of a host that are safe from the claim.

    Those of entitled work, of pods without a job (nobody's to stop), of the tenant's own work of equal or higher
    priority, and what others have within their guarantee by whatever right.
    """
    stays, given = Counter[str](), dict[str, list[int]]()
    for key, use in (*host.using.items(), *host.held.items()):
        stays[use.tenant] += use.gpus
        running = cycle.estate.running.get(key) or cycle.estate.holds.get(key)
        if running is None:
            continue
        if use.tenant == claim.tenant.name:
            stays[use.tenant] -= use.gpus * (priority_or_default(running.job, claim.tenant) < claim.priority)
        elif cycle.class_of(running) is not ENTITLED:
            given.setdefault(use.tenant, []).append(use.gpus)
    for tenant, sizes in given.items():
        stays[tenant] -= sum(sizes) if claim.pool.exclusive else _most_taken(cycle, claim, tenant, sizes)
    return stays


def _most_taken(cycle: Cycle, claim: Claim, tenant: str, sizes: list[int]) -> int:
    """GPUs of jobs of these sizes that a claim may take from a tenant: down to its guarantee, save for the last job."""
    quota = cycle.quota(tenant, claim.pool.name)
    above = cycle.estate.charges.of(tenant, claim.pool.name) - (quota.guaranteed if quota else 0)
    last, *others = sorted(sizes, reverse=True)
    taken = 0
    for size in others:
        if taken + size < above:
            taken += size
    return taken + last if above > 0 else 0


def _reason(cycle: Cycle, claim: Claim, figures: Figures, *, kept_out: bool) -> Reason:
    if figures.most is not None and figures.charged + figures.adds > figures.most:
        return Reason.ABOVE_BORROW_LIMIT
    if figures.lendable < figures.asked <= figures.free:
        return Reason.NOT_LENT
    if not claim.entitled and figures.lendable < figures.asked and _others_borrow(cycle, claim):
        return Reason.ABOVE_FAIR_SHARE
    if figures.lendable >= figures.asked or claim.entitled:
        if claim.job.required and figures.lendable >= figures.asked and _fits_anywhere(cycle, claim):
            return Reason.TOPOLOGY_UNAVAILABLE
        if kept_out or not claim.entitled:
            return Reason.FRAGMENTED
    return Reason.NO_FREE_GPUS


def _least_charge(cycle: Cycle, claim: Claim) -> int:
    """What the job would add to its tenant's charge at the least."""
    if not claim.pool.exclusive:
        return claim.least_gpus
    per, workers = claim.job.gpus_per_worker, claim.job.min_workers
    like = (claim.pool.name, claim.tenant.name)
    own, sizes = cycle.until_next_step(cycle.alone, like, lambda: _own_and_further(cycle, claim))
    workers -= sum(room // per for room in own)
    total = 0
    for size in sizes:
        if workers <= 0:
            break
        if size >= per:
            workers -= size // per
            total += size
    return total


def _own_and_further(cycle: Cycle, claim: Claim) -> tuple[list[int], list[int]]:
    """GPUs that are left on each host of the claim's tenant, and those of all other hosts, the largest first."""
    hosts, holds_host = cycle.estate.by_pool[claim.pool.name], cycle.estate.charges.holds_host
    own = [max(0, h.capacity - h.staying_gpus - h.held_gpus) for h in hosts if holds_host(claim.tenant.name, h)]
    further = [h.capacity for h in hosts if not holds_host(claim.tenant.name, h)]
    return own, sorted(further, reverse=True)


def _others_borrow(cycle: Cycle, claim: Claim) -> bool:
    pool = claim.pool.name
    return any(
        cycle.estate.charges.of(name, pool) > quota.guaranteed
        for name, quota in cycle.quotas[pool].quotas.items()
        if name != claim.tenant.name
    )


def _fits_anywhere(cycle: Cycle, claim: Claim) -> bool:
    shape = shape_of(claim)
    anywhere = Shape(shape.least, shape.least, shape.gpus_per_worker)
    spots: list[Spot] = spots_now(cycle, claim)
    return holds(claim.pool, spots, anywhere) and fit(claim, spots, anywhere, ()) is not None
