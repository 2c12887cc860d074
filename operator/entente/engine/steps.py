"""The steps of a decision: each changes the estate and says so, and keeps charges, shares and reservations right."""

from collections.abc import Mapping

from entente.api.job import AllocationClass
from entente.engine.candidates import cause_of
from entente.engine.cycle import Claim, Cycle
from entente.engine.decisions import Evict, Grow, Hold, Shrink, Start
from entente.engine.model import Job
from entente.engine.option import Option
from entente.engine.reclaim import deadline
from entente.engine.reservations import Reservation, started
from entente.engine.risk import grace, known_length
from entente.engine.running import Running, gpus_on
from entente.engine.taking import Taking


def start(cycle: Cycle, claim: Claim, nodes: Mapping[str, int], *, on_call: bool = False) -> None:
    """A pending job gets idle GPUs."""
    begin_running(cycle, claim.job, claim.pool.name, nodes, claim.class_, on_call=on_call)


def begin_running(
    cycle: Cycle,
    job: Job,
    pool: str,
    nodes: Mapping[str, int],
    class_: AllocationClass,
    *,
    on_call: bool = False,
) -> None:
    """A job gets idle GPUs, by whatever way it comes."""
    cycle.estate.start(job, pool, nodes, on_call=on_call)
    cycle.out.add(job.key)
    length = known_length(job)
    _tell_reservations(cycle, job.key, pool, gpus_on(nodes, job.gpus_per_worker), length)
    cycle.decisions.append(Start(job.key, pool, dict(nodes), class_, on_call))
    if job.tenant is not None:
        cycle.classify(job.tenant, job.key, class_)
        cycle.recount(job.tenant, pool)


def hold_idle(cycle: Cycle, claim: Claim, nodes: Mapping[str, int]) -> None:
    """A pending job gets idle hosts that must be handed over to its tenant first."""
    until = cycle.now + (claim.pool.handover_s or 0.0)
    _hold(cycle, claim.job, claim.pool.name, nodes, claim.class_, until)


def carry_out(cycle: Cycle, taking: Taking) -> None:
    """Victims are told to stop, and what they free is held for the claim."""
    claim = taking.claim
    left = deadline(cycle, claim) - cycle.now
    longest = 0.0
    for option in taking.options:
        running = cycle.estate.running[option.job]
        seconds = grace(running.job, claim.pool, left)
        longest = max(longest, seconds)
        _give(cycle, claim, option, running, seconds)
    until = cycle.now + max(longest, min(left, claim.pool.notice_s) if claim.entitled else longest)
    for key, nodes in sorted(taking.moved.items()):
        job = cycle.snapshot.jobs[key]
        class_ = cycle.walks[job.tenant or ""].class_of(key)
        _hold(cycle, job, claim.pool.name, nodes, class_, until)
    _hold(cycle, claim.job, claim.pool.name, taking.nodes, claim.class_, until)


def _give(cycle: Cycle, claim: Claim, option: Option, running: Running, seconds: float) -> None:
    cause = cause_of(cycle, claim, option)
    cycle.gone_by[option.job] = cycle.now + seconds
    if option.keeps is None:
        cycle.decisions.append(Evict(option.job, claim.job.key, option.gpus, option.risk, cause, seconds))
        cycle.estate.leave(option.job)
    else:
        cycle.decisions.append(
            Shrink(
                option.job, claim.job.key, running.pool, dict(option.keeps), option.gpus, option.risk, cause, seconds
            )
        )
        cycle.estate.keep(option.job, option.keeps)


def grow(cycle: Cycle, running: Running, nodes: Mapping[str, int]) -> None:
    pool = cycle.snapshot.pools[running.pool]
    more = {n: w - running.nodes.get(n, 0) for n, w in nodes.items() if w > running.nodes.get(n, 0)}
    key, job = running.job.key, running.job
    cycle.estate.grow(key, nodes)
    _tell_reservations(cycle, key, running.pool, gpus_on(more, job.gpus_per_worker), known_length(job))
    cycle.decisions.append(Grow(key, running.pool, dict(nodes), grace(job, pool, pool.notice_s)))
    cycle.recount(running.tenant, running.pool)


def reserve(cycle: Cycle, reservation: Reservation) -> None:
    """Keep GPUs for a job's turn."""
    cycle.reservations[reservation.pool.name].append(reservation)
    cycle.reserved.add(reservation.job)


def _hold(cycle: Cycle, job: Job, pool: str, nodes: Mapping[str, int], class_: AllocationClass, until: float) -> None:
    cycle.estate.hold(job, pool, nodes)
    cycle.out.add(job.key)
    _tell_reservations(cycle, job.key, pool, gpus_on(nodes, job.gpus_per_worker), None)
    cycle.decisions.append(Hold(job.key, pool, dict(nodes), class_, until))
    if job.tenant is not None:
        cycle.classify(job.tenant, job.key, class_)
        cycle.recount(job.tenant, pool)


def _tell_reservations(cycle: Cycle, key: str, pool: str, gpus: Mapping[str, int], length: float | None) -> None:
    ends = None if length is None else cycle.now + length
    for reservation in cycle.reservations[pool]:
        if reservation.job != key:
            for name, count in gpus.items():
                started(reservation, name, count, ends)
