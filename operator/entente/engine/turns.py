"""Rule 11: when a job's turn comes, and which GPUs wait for it."""

import heapq
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from entente.engine.coming import coming
from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import Ground
from entente.engine.host import Host
from entente.engine.idle import taker_of
from entente.engine.model import DAY_S
from entente.engine.placement import Shape, Spot, holds, place
from entente.engine.queues import waited
from entente.engine.reclaim import Waiting
from entente.engine.reservations import Reservation


@dataclass(frozen=True, slots=True)
class _Turn:
    """GPUs that come free by themselves."""

    nodes: dict[str, int]
    """Workers of the job on each node."""
    at: float


def own_reservation(cycle: Cycle, claim: Claim, waiting: Waiting) -> Reservation | None:
    """GPUs that come free within the notice of an entitled job are its own."""
    turn = _turn_of(cycle, claim, waiting.until)
    return _reservation(cycle, claim, turn.nodes, turn.at, own=claim.entitled) if turn else None


def next_turn(cycle: Cycle, claim: Claim) -> Reservation | None:
    """The reservation of the first job of a tenant that cannot be placed in a pool.

    From known ends up to a day away; where there are none and it has waited its time within its due, the hosts that
    need least to be freed are named for it.
    """
    most = cycle.most(claim.tenant, claim.pool.name)
    charged = cycle.estate.charges.of(claim.tenant.name, claim.pool.name)
    if most is not None and claim.least_gpus > most:
        return None
    turn = _turn_of(cycle, claim, cycle.now + DAY_S)
    if turn is not None:
        return _reservation(cycle, claim, turn.nodes, turn.at)
    if most is not None and charged + claim.least_gpus > most:
        return None
    if waited(claim.job, cycle.now) < claim.pool.min_runtime_s:
        return None
    if charged + claim.least_gpus > cycle.due(claim.tenant.name, claim.pool.name):
        return None
    nodes = _least_to_free(cycle, claim)
    return _reservation(cycle, claim, nodes, None) if nodes else None


def _turn_of(cycle: Cycle, claim: Claim, until: float) -> _Turn | None:
    """The earliest known end by which the claim can stand with its least workers, and where."""
    ends = coming(cycle, claim.pool)
    moments, steps, kind = ends.moments(until), len(cycle.decisions), _kind(cycle, claim)
    known = cycle.turns.get(kind)
    # One like it had no turn before this one, and its own reservation, made since, brings no other forward.
    first = bisect_left(moments, known[1]) if known and known[0] == steps else 0

    def standing(index: int) -> Ground | None:
        moment = moments[index]
        ground = Ground(cycle, claim, ends.over_by(moment), moment)
        return ground if ground.stands() else None

    # More ends seldom hurt (others may come to keep more back). The first are tried first, since few jobs end by them.
    count, last = 1, len(moments)
    while first + count < last and standing(first + count - 1) is None:
        count *= 2
    low, high, found = (first + count // 2, first + count, None) if first + count < last else (first, last, None)
    while low < high:
        middle = (low + high) // 2
        ground = standing(middle)
        if ground is None:
            low = middle + 1
        else:
            high, found = middle, ground
    nodes = found.stand(least=True) if found else None
    if nodes is None:
        return None
    cycle.turns[kind] = (steps, moments[high])
    return _Turn(nodes, max(cycle.now, moments[high]))


def _kind(cycle: Cycle, claim: Claim) -> tuple[object, ...]:
    """All of a claim that its turn rests on."""
    job, taker = claim.job, taker_of(cycle, claim)
    shape = (job.min_workers, job.gpus_per_worker, job.level, job.required)
    return (claim.pool.name, claim.tenant.name, claim.entitled, claim.priority, taker.ends, shape)


def _reservation(
    cycle: Cycle, claim: Claim, nodes: dict[str, int], turn: float | None, *, own: bool = False
) -> Reservation:
    job, name, pool = claim.job, claim.tenant.name, claim.pool
    gpus = {n: w * job.gpus_per_worker for n, w in nodes.items()}
    over = coming(cycle, pool).over_by(turn) if turn is not None else frozenset[str]()
    ground = Ground(cycle, claim, over, math.inf if turn is None else turn)
    room = {n: max(ground.outlook.base(n) or 0, gpus[n]) for n in nodes}
    charged = cycle.estate.charges.without(name, pool.name, ground.over)
    within = charged + sum(gpus.values()) <= cycle.due(name, pool.name)
    return Reservation(
        job.key, name, pool, claim.priority, dict(nodes), gpus, room, turn, claim.entitled, own, within or own, within
    )


def _least_to_free(cycle: Cycle, claim: Claim) -> dict[str, int] | None:
    """Hosts that can hold the gang and have the fewest GPUs in use that would have to be freed."""
    job, tenant, per = claim.job, claim.tenant.name, claim.job.gpus_per_worker
    shape = Shape(job.min_workers, job.min_workers, per, job.level, required=job.required)
    spots, found = list[Spot](), 0
    for host, room in _by_need(cycle, claim):
        spots.append(Spot(host.name, host.node.domains, room, cycle.estate.charges.holds_host(tenant, host)))
        found += room // per
        if found >= shape.least and holds(claim.pool, spots, shape) and (nodes := place(claim.pool, spots, shape)):
            return nodes
    return None


def _by_need(cycle: Cycle, claim: Claim) -> Iterator[tuple[Host, int]]:
    """Hosts that can hold a worker, with their room once all is freed; the fewest GPUs to be freed first, by name."""
    stock, outlook = cycle.estate.stocks[claim.pool.name], Ground(cycle, claim, (), math.inf).outlook

    def ranked(hosts: Iterable[Host]) -> Iterator[tuple[int, str, int, Host]]:
        for host in hosts:
            room = host.capacity - host.held_gpus
            base = outlook.base(host.name) if room >= claim.job.gpus_per_worker else None
            if base is not None and base > -host.capacity:
                yield max(0, room - max(0, base)), host.name, room, host

    # what is reserved must be freed beside what is in use, and what is held of a host leaves less to be freed
    special = [cycle.estate.hosts[name] for name in {*outlook.reserved, *stock.moving}]
    plain = (host for host in stock.emptiest() if host.name not in outlook.reserved and host.name not in stock.moving)
    for _, _, room, host in heapq.merge(sorted(ranked(special)), ranked(plain)):
        yield host, room
