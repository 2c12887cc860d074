"""What a claim may start on at this moment: hosts and GPUs, beside what others have a right to."""

from collections.abc import Iterable

from entente.engine.cycle import Claim, Cycle
from entente.engine.host import Host
from entente.engine.placement import Spot
from entente.engine.reservations import Bonds, Reservation, Taker
from entente.engine.risk import known_length


def taker_of(cycle: Cycle, claim: Claim, *, on_call: bool = False) -> Taker:
    """The claim as reservations see it."""
    length = known_length(claim.job)
    ends = None if length is None else cycle.now + length
    return Taker(claim.tenant.name, claim.entitled, claim.priority, ends, on_call=on_call)


def bonds_of(cycle: Cycle, pool: str, taker: Taker) -> Bonds:
    """The reservations of a pool that jobs of a kind must respect."""
    found = cycle.bonds.get((pool, taker))
    if found is None:
        found = cycle.bonds[pool, taker] = Bonds()
    found.look(cycle.reservations[pool], taker, cycle.now, cycle.signs)
    return found


def all_bonds(cycle: Cycle, pool: str) -> Bonds:
    """All reservations of a pool, as for what must respect each of them."""
    found = cycle.bonds.setdefault(pool, Bonds())
    for reservation in cycle.reservations[pool][len(found.bound) :]:
        found.respect(reservation, cycle.signs)
    return found


def spots_now(
    cycle: Cycle, claim: Claim, *, on_call: bool = False, bonds: Bonds | None = None, least: int = 1
) -> list[Spot]:
    """Hosts with GPUs that are free for the claim at this moment, beside the reservations that bind it (or these).

    Those with fewer than `least` are left out, save where reservations leave fewer of more.
    """
    bonds = bonds or bonds_of(cycle, claim.pool.name, taker_of(cycle, claim, on_call=on_call))
    if claim.job.key in cycle.reserved:
        return _spots(cycle, claim, bonds, least)
    key = (claim.pool.name, claim.tenant.name, bonds.sign, least)
    return cycle.until_next_step(cycle.spots, key, lambda: _spots(cycle, claim, bonds, least))


def _spots(cycle: Cycle, claim: Claim, bonds: Bonds, least: int) -> list[Spot]:
    tenant, exclusive, spots, at_node = claim.tenant.name, claim.pool.exclusive, list[Spot](), bonds.on_node
    for host in cycle.estate.stocks[claim.pool.name].hosts(least):
        if (exclusive and _others_on(host, tenant)) or not_handed_over(host, tenant):
            continue
        free = host.open
        if host.name in at_node:
            bound = (r for r in at_node[host.name] if r.job != claim.job.key)
            free = _unreserved(host, free, bound, tenant, exclusive=exclusive)
        if free > 0:
            spots.append(Spot(host.name, host.node.domains, free, cycle.estate.charges.holds_host(tenant, host)))
    return spots


def goes_anywhere(cycle: Cycle, claim: Claim) -> bool:
    """Whether the claim is for one worker, and any open GPUs of the pool will do."""
    job, pool = claim.job, claim.pool
    if pool.exclusive or max(job.workers, job.min_workers) > 1 or job.level is not None:
        return False
    return not (cycle.reservations[pool.name] or cycle.estate.barred[pool.name])


def _others_on(host: Host, tenant: str) -> bool:
    if len(host.tenants) > (tenant in host.tenants):
        return True
    return any(use.tenant != tenant for use in host.going.values())


def not_handed_over(host: Host, tenant: str) -> bool:
    """Whether the last handover failed: then nobody but its last tenant gets the host."""
    return host.node.handover_failed and host.node.last_tenant not in (None, tenant)


def _unreserved(host: Host, free: int, bound: Iterable[Reservation], tenant: str, *, exclusive: bool) -> int:
    for reservation in bound:
        if exclusive and reservation.tenant != tenant:
            return 0
        free = min(free, reservation.slack(host.name))
    return free


def needs_handover(cycle: Cycle, claim: Claim, node: str) -> bool:
    """Whether the host must be handed over to the claim's tenant before a worker starts there."""
    host = cycle.estate.hosts[node]
    if claim.pool.handover_s is None or not claim.pool.exclusive:
        return False
    return host.node.last_tenant not in (None, claim.tenant.name)


def allowance_now(cycle: Cycle, claim: Claim) -> int:
    """GPUs that the claim's tenant may add to its charge now: what is idle beyond what others keep back."""
    stock = cycle.estate.stocks[claim.pool.name]
    idle = stock.untouched if claim.pool.exclusive else stock.open
    left = idle - cycle.kept_from(claim)
    return max(0, left) if claim.pool.exclusive else left  # its own hosts are the tenant's, whatever others keep back
