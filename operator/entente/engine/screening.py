"""Jobs that cannot be: those that wait for a reason that no allocation can change, and are no demand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from entente.api.job import Phase
from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.engine.estate import Estate
from entente.engine.model import DAY_S, FINAL_PHASES, HOLDING_PHASES, Job, Node, Tenant
from entente.engine.walk import Pending, priority_of

UNKNOWN_LENGTH_S = DAY_S
"""What a job of which no length is known counts as where the shortest goes first."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a job is not in the walk."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Screened:
    """Pending jobs, sorted out."""

    pending: Mapping[str, tuple[Pending, ...]]
    """By tenant, in the tenant's order."""
    refused: Mapping[str, Refusal]
    """By job."""


def screen(estate: Estate) -> Screened:
    """Sort the pending jobs into those that may get GPUs and those that cannot."""
    snapshot = estate.snapshot
    biggest = {pool: _Biggest([h.node for h in hosts]) for pool, hosts in estate.by_pool.items()}
    pending: dict[str, list[Pending]] = {name: [] for name in sorted(snapshot.tenants)}
    refused: dict[str, Refusal] = {}
    for key, job in snapshot.jobs.items():
        if job.phase in FINAL_PHASES or (job.phase in HOLDING_PHASES and not estate.broken(job)):
            continue
        tenant = snapshot.tenants.get(job.tenant or "")
        found = _refuse(job, tenant, estate) or _acceptable(job, tenant, estate, biggest)
        if isinstance(found, Refusal):
            refused[key] = found
        elif tenant:
            pending[tenant.name].append(Pending(job, found, priority_of(job, tenant) or 0))
    return Screened({name: tuple(_ordered(jobs, snapshot.tenants[name])) for name, jobs in pending.items()}, refused)


def _ordered(jobs: Sequence[Pending], tenant: Tenant) -> list[Pending]:
    """The tenant's order: priority, then first come, or the shortest expected first.

    A second of waiting counts as a second less of length, so that nobody starves behind a stream of shorter jobs.
    """

    def rank(entry: Pending) -> tuple[float, ...]:
        job = entry.job
        known = (s for s in (job.expected_s, job.learnt_s, job.max_s) if s is not None)
        aged = job.submitted + next(known, UNKNOWN_LENGTH_S) if tenant.shortest_first else 0.0
        return (-entry.priority, aged, job.submitted)

    return sorted(jobs, key=lambda p: (rank(p), p.job.key))


def _refuse(job: Job, tenant: Tenant | None, estate: Estate) -> Refusal | None:
    if job.suspend or job.phase is Phase.SUSPENDED:
        return Refusal(Reason.SUSPENDED, "The job is suspended: set spec.suspend to false to queue it.")
    if tenant is None or tenant.leaving:
        gone = "The job's Tenant is being deleted: nothing more starts in its namespaces."
        return Refusal(Reason.NO_TENANT, gone if tenant else "The job's namespace belongs to no Tenant.")
    known = [p for p in job.pools or tuple(tenant.terms) if p in estate.pools]
    if not known and (job.pools or tenant.terms):
        names = ", ".join(job.pools or tuple(tenant.terms))
        return Refusal(Reason.UNKNOWN_POOL, f"There is no pool named {names}.")
    if not any(p in tenant.terms for p in known):
        wanted = ", ".join(known) or "any pool"
        return Refusal(Reason.POOL_NOT_GRANTED, f"The tenant has no terms for {wanted}.")
    if priority_of(job, tenant) is None:
        allowed = ", ".join(sorted(tenant.priorities)) or "none"
        return Refusal(Reason.UNKNOWN_PRIORITY, f"The tenant has no priority {job.priority!r}; it has: {allowed}.")
    return None


def _acceptable(
    job: Job, tenant: Tenant | None, estate: Estate, biggest: Mapping[str, "_Biggest"]
) -> tuple[str, ...] | Refusal:
    """The pools that may take the job, best first, or why there is none for now."""
    assert tenant is not None  # noqa: S101 - refused before
    granted = [p for p in job.pools or tuple(tenant.terms) if p in estate.pools and p in tenant.terms]
    refusals = [_never_fits(job, p, estate.pools[p].levels, biggest[p]) for p in granted]
    fitting = tuple(p for p, refusal in zip(granted, refusals, strict=True) if refusal is None)
    if not fitting:
        return next(r for r in refusals if r)
    if tenant.spent is WhenSpent.BLOCK:
        return Refusal(
            Reason.BUDGET_SPENT, "The tenant's budget of this period is spent: no job starts before the next."
        )
    if job.backoff_until is not None and job.backoff_until > estate.now:
        left = round(job.backoff_until - estate.now)
        return Refusal(Reason.BACKOFF, f"A worker failed: the gang starts again in {left} s at the earliest.")
    return fitting


class _Biggest:
    """The most workers that a pool, and each of its domains, could ever hold."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = [n for n in nodes if n.gpus]
        self._rooms: dict[tuple[int, int | None], int] = {}

    def room(self, per_worker: int, level: int | None) -> int:
        """Workers in the roomiest domain of a level; in the whole pool without one."""
        found = self._rooms.get((per_worker, level))
        if found is None:
            rooms: dict[str, int] = {"": 0}
            for node in self.nodes:
                domain = "" if level is None else node.domains[level]
                if domain or level is None:
                    rooms[domain] = rooms.get(domain, 0) + node.gpus // per_worker
            found = self._rooms[per_worker, level] = max(rooms.values())
        return found


def _never_fits(job: Job, pool: str, levels: Sequence[str], biggest: _Biggest) -> Refusal | None:
    per, least = job.gpus_per_worker, job.min_workers
    largest = max((n.gpus for n in biggest.nodes), default=0)
    if per > largest:
        return Refusal(
            Reason.NEVER_FITS, f"A worker asks for {per} GPUs; the largest host of pool {pool} has {largest}."
        )
    if job.required and job.level not in levels:
        has = ", ".join(levels) or "none"
        return Refusal(Reason.NEVER_FITS, f"Pool {pool} has no topology level {job.level}; it has: {has}.")
    level = levels.index(job.level) if job.required and job.level is not None else None
    room = biggest.room(per, level)
    if least > room:
        where = f"pool {pool}" if level is None else f"the largest {job.level} of pool {pool}"
        return Refusal(
            Reason.NEVER_FITS, f"The gang asks for {least} workers of {per} GPUs; {where} can hold {room} at most."
        )
    return None
