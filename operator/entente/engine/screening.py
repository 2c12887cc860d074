"""Jobs that cannot be: those that wait for a reason that no allocation can change, and are no demand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from entente.api.job import Phase
from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.engine import telling
from entente.engine.estate import Estate
from entente.engine.model import FINAL_PHASES, HOLDING_PHASES, Job, Node, Tenant
from entente.engine.telling import Message


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: Reason
    message: Message


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
            return Refusal(Reason.BUDGET_SPENT, telling.spent(everything=True))
        if job.backoff_until is not None and job.backoff_until > now:
            return Refusal(Reason.BACKOFF, telling.backoff(round(job.backoff_until - now)))
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


def priority_or_default(job: Job, tenant: Tenant) -> int:
    """The value of a running job's priority: the default where the tenant has it no longer."""
    value = priority_of(job, tenant)
    return tenant.default_priority if value is None else value


def _refuse(job: Job, tenant: Tenant | None, estate: Estate) -> Refusal | None:
    if job.suspend or job.phase is Phase.SUSPENDED:
        return Refusal(Reason.SUSPENDED, telling.suspended())
    if tenant is None or tenant.leaving:
        return Refusal(Reason.NO_TENANT, telling.no_tenant(tenant))
    known = [p for p in job.pools or tuple(tenant.terms) if p in estate.pools]
    if not known and (job.pools or tenant.terms):
        return Refusal(Reason.UNKNOWN_POOL, telling.unknown_pool(job, tenant))
    if not any(p in tenant.terms for p in known):
        return Refusal(Reason.POOL_NOT_GRANTED, telling.not_granted(known))
    if priority_of(job, tenant) is None:
        return Refusal(Reason.UNKNOWN_PRIORITY, telling.unknown_priority(job, tenant))
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
        return Refusal(Reason.NEVER_FITS, telling.worker_too_large(job, pool, biggest.host))
    if job.required and job.level not in levels:
        return Refusal(Reason.NEVER_FITS, telling.no_level(job, pool, levels))
    level = levels.index(job.level) if job.required and job.level is not None else None
    room = biggest.room(per, level)
    if least > room:
        return Refusal(Reason.NEVER_FITS, telling.gang_too_large(job, pool, room))
    return None
