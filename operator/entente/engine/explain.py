"""Rule 14: why a job waits, in one word and a message with numbers.

What goes into a message is a `Figures`: the job's own request, its own tenant's limits and what is free for it.
No name, job or size of another tenant fits into it.
"""

from dataclasses import dataclass

from entente.api.reasons import Reason
from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import fit, shape_of
from entente.engine.idle import spots_now
from entente.engine.model import Job
from entente.engine.placement import Shape, Spot, holds
from entente.engine.reservations import Reservation
from entente.engine.screening import priority_of
from entente.engine.walk import ENTITLED


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a message may say."""

    pool: str
    workers: int
    gpus_per_worker: int
    free: int
    """GPUs idle on hosts that the job may use."""
    lendable: int
    """Of these, what others do not keep back."""
    charged: int
    guaranteed: int
    due: int
    most: int | None
    level: str | None

    @property
    def asked(self) -> int:
        """GPUs of the workers that must start together."""
        return self.workers * self.gpus_per_worker

    @property
    def gang(self) -> str:
        """The request in words."""
        if self.workers == 1:
            return f"asks for {self.asked} GPUs of pool {self.pool}"
        return f"asks for {self.asked} GPUs of pool {self.pool} ({self.workers} workers of {self.gpus_per_worker})"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reason, its message and when the wait ends, if that is known."""

    reason: Reason
    message: str
    eta: float | None = None
    kept_out: bool = False
    """Entitled, but there are no hosts for it beside what nobody may take from: the notice does not run."""


def explain(cycle: Cycle, claim: Claim, reservation: Reservation | None) -> Explanation:
    """Why a claim that could not be placed waits: the first reason that holds, in the order of the enum."""
    figures = _figures(cycle, claim)
    eta = reservation.turn if reservation else None
    kept_out = claim.entitled and not (reservation and reservation.own) and _kept_out(cycle, claim)
    if eta is not None:
        return Explanation(Reason.RESERVED, _reserved(figures), eta, kept_out)
    reason = _reason(cycle, claim, figures, kept_out=kept_out)
    return Explanation(reason, _MESSAGES[reason](figures), kept_out=kept_out)


def held(job: Job, pool: str, workers: int) -> str:
    """The message of a job that GPUs are being freed for."""
    return (
        f"{workers * job.gpus_per_worker} GPUs of pool {pool} are being freed for it ({workers} workers of "
        f"{job.gpus_per_worker}); it starts as soon as they are."
    )


def _figures(cycle: Cycle, claim: Claim) -> Figures:
    pool, tenant = claim.pool.name, claim.tenant.name
    spots = spots_now(cycle, claim)
    free = sum(s.free for s in spots)
    return Figures(
        pool=pool,
        workers=claim.job.min_workers,
        gpus_per_worker=claim.job.gpus_per_worker,
        free=free,
        lendable=max(0, free - cycle.kept_from(claim)),
        charged=cycle.estate.charged(tenant, pool),
        guaranteed=cycle.quotas[pool].quotas[tenant].guaranteed,
        due=cycle.due(tenant, pool),
        most=cycle.most(claim.tenant, pool),
        level=claim.job.level if claim.job.required else None,
    )


def _kept_out(cycle: Cycle, claim: Claim) -> bool:
    """Whether others' entitled work and the tenant's own of equal or higher priority leave the gang no hosts."""
    spots = []
    for host in cycle.estate.by_pool[claim.pool.name]:
        safe = [u for key, u in (*host.using.items(), *host.held.items()) if _is_safe(cycle, claim, key, u.tenant)]
        if claim.pool.exclusive and any(u.tenant != claim.tenant.name for u in safe):
            continue
        free = host.capacity - sum(u.gpus for u in safe)
        spots.append(Spot(host.name, host.node.domains, max(0, free), own=False))
    least = claim.job.min_workers
    return not holds(claim.pool, spots, Shape(least, least, claim.job.gpus_per_worker))


def _is_safe(cycle: Cycle, claim: Claim, key: str, tenant: str) -> bool:
    """Whether the claim may never take GPUs from a job; pods without a job are nobody's to stop."""
    running = cycle.estate.running.get(key) or cycle.estate.holds.get(key)
    if running is None:
        return True
    if tenant == claim.tenant.name:
        priority = priority_of(running.job, claim.tenant)
        return priority is not None and priority >= claim.priority
    return cycle.class_of(running) is ENTITLED


def _reason(cycle: Cycle, claim: Claim, figures: Figures, *, kept_out: bool) -> Reason:
    if figures.most is not None and figures.charged + _least_charge(cycle, claim) > figures.most:
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
    sizes: list[int] = []
    for host in cycle.estate.by_pool[claim.pool.name]:
        if cycle.estate.holds_host(claim.tenant.name, host):
            workers -= max(0, host.capacity - host.staying_gpus - host.held_gpus) // per
        elif host.capacity >= per:
            sizes.append(host.capacity)
    total = 0
    for size in sorted(sizes, reverse=True):
        if workers <= 0:
            break
        workers -= size // per
        total += size
    return total


def _others_borrow(cycle: Cycle, claim: Claim) -> bool:
    pool = claim.pool.name
    return any(
        cycle.estate.charged(name, pool) > quota.guaranteed
        for name, quota in cycle.quotas[pool].quotas.items()
        if name != claim.tenant.name
    )


def _fits_anywhere(cycle: Cycle, claim: Claim) -> bool:
    shape = shape_of(claim)
    anywhere = Shape(shape.least, shape.least, shape.gpus_per_worker)
    spots: list[Spot] = spots_now(cycle, claim)
    return holds(claim.pool, spots, anywhere) and fit(claim, spots, anywhere, ()) is not None


def _reserved(f: Figures) -> str:
    return f"The job {f.gang}; {f.free} are free, and the rest comes free by itself at a known time: they are reserved."


def _borrow_limit(f: Figures) -> str:
    over = f.charged + f.asked - (f.most or 0)
    return (
        f"The job {f.gang}; its tenant uses {f.charged} and may use {f.most}: {over} too many. "
        "Own jobs that end, or a higher borrowLimit, change that."
    )


def _not_lent(f: Figures) -> str:
    return (
        f"The job {f.gang}; {f.free} are idle, but only {f.lendable} of them are lent: {f.asked - f.lendable} short. "
        "A higher lendLimit of others, own jobs that end, or a maxSeconds by which the job is over before a reserved "
        "window opens, change that."
    )


def _fair_share(f: Figures) -> str:
    return (
        f"The job {f.gang}; {f.lendable} are free: {f.asked - f.lendable} short. Its tenant uses {f.charged}, "
        f"{f.guaranteed} are guaranteed and {f.due} due to it: it may not take from others now. Their jobs that end, "
        "run past the minimum runtime or go above what is due to them change that."
    )


def _topology(f: Figures) -> str:
    return (
        f"The job {f.gang} inside one {f.level}; {f.lendable} are free, but in no {f.level} enough of them. "
        "Jobs that end there, or topology.mode Preferred, change that."
    )


def _fragmented(f: Figures) -> str:
    return (
        f"The job {f.gang}; {f.lendable} are free, but not on hosts that can hold its workers of {f.gpus_per_worker}. "
        "Jobs that end on one of these hosts, or smaller workers, change that."
    )


def _no_free(f: Figures) -> str:
    return (
        f"The job {f.gang}; {f.lendable} are free: {max(0, f.asked - f.lendable)} short. Its tenant uses {f.charged}, "
        f"{f.guaranteed} are guaranteed. Jobs that end change that."
    )


_MESSAGES = {
    Reason.ABOVE_BORROW_LIMIT: _borrow_limit,
    Reason.NOT_LENT: _not_lent,
    Reason.ABOVE_FAIR_SHARE: _fair_share,
    Reason.TOPOLOGY_UNAVAILABLE: _topology,
    Reason.FRAGMENTED: _fragmented,
    Reason.NO_FREE_GPUS: _no_free,
}
