"""Jobs that cannot be: those that wait for a reason that no allocation can change, and are no demand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from entente.api.job import Phase
from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.engine.estate import Estate
from entente.engine.model import FINAL_PHASES, HOLDING_PHASES, Job, Node, Tenant


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a job is not in the walk."""

    reason: Reason
    message: str


class Screen:
    """Tells the pending jobs that may get GPUs from those that cannot, by the estate and the tenants as they are."""

    def __init__(self, estate: Estate, tenants: Mapping[str, Tenant]) -> None:
        self._estate, self._tenants = estate, tenants
        self._biggest: dict[str, tuple[int, _Biggest]] = {}

    def waits(self, job: Job) -> bool:
        """Whether the job has no GPUs and is not over: then it waits, for whatever reason."""
        return job.phase not in FINAL_PHASES and (job.phase not in HOLDING_PHASES or self._estate.broken(job))

    def look(self, job: Job, now: float) -> tuple[str, ...] | Refusal:
        """The pools that may take a waiting job, best first, or why none can."""
        tenant = self._tenants.get(job.tenant or "")
        return _refuse(job, tenant, self._estate) or self._acceptable(job, tenant, now)

    def _acceptable(self, job: Job, tenant: Tenant | None, now: float) -> tuple[str, ...] | Refusal:
        assert tenant is not None  # noqa: S101 - refused before
        pools = self._estate.pools
        granted = [p for p in job.pools or tuple(tenant.terms) if p in pools and p in tenant.terms]
        refusals = [_never_fits(job, p, pools[p].levels, self._biggest_of(p)) for p in granted]
        fitting = tuple(p for p, refusal in zip(granted, refusals, strict=True) if refusal is None)
        if not fitting:
            return next(r for r in refusals if r)
        if tenant.spent is WhenSpent.BLOCK:
            return Refusal(
                Reason.BUDGET_SPENT, "The tenant's budget of this period is spent: no job starts before the next."
            )
        if job.backoff_until is not None and job.backoff_until > now:
            left = round(job.backoff_until - now)
            return Refusal(Reason.BACKOFF, f"A worker failed: the gang starts again in {left} s at the earliest.")
        return fitting

    def _biggest_of(self, pool: str) -> "_Biggest":
        built = self._estate.built[pool]
        found = self._biggest.get(pool)
        if found is None or found[0] != built:
            found = self._biggest[pool] = (built, _Biggest([h.node for h in self._estate.by_pool[pool]]))
        return found[1]


def priority_of(job: Job, tenant: Tenant) -> int | None:
    """The value of the job's priority; none when the tenant has no priority of that name."""
    if job.priority is None:
        return tenant.default_priority
    return tenant.priorities.get(job.priority)


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


class _Biggest:
    """The most workers that a pool, and each of its domains, could ever hold."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = [n for n in nodes if n.gpus]
        self.host = max((n.gpus for n in nodes), default=0)
        """GPUs of the largest host."""
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
    if per > biggest.host:
        return Refusal(
            Reason.NEVER_FITS, f"A worker asks for {per} GPUs; the largest host of pool {pool} has {biggest.host}."
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
