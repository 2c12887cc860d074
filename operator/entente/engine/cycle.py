"""The state of one decision: the estate, the quotas, the walks and the shares, kept in step with every step taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from entente.api.job import AllocationClass
from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.engine.decisions import Decision
from entente.engine.estate import Estate, Running
from entente.engine.guarantees import PoolQuotas, Quota, pool_quotas
from entente.engine.model import MIN_GRACE_S, Job, Pool, Snapshot, Tenant
from entente.engine.reservations import Reservation
from entente.engine.risk import known_length, stopped_by
from entente.engine.screening import Refusal, screen
from entente.engine.shares import Use, fair_surplus, kept_ahead, kept_back
from entente.engine.walk import ENTITLED, Bounds, Pending, Walk, Walker, priority_of


@dataclass(frozen=True, slots=True)
class Claim:
    """A pending job on its way to GPUs of one pool."""

    job: Job
    tenant: Tenant
    pool: Pool
    class_: AllocationClass
    priority: int
    first: bool
    """Nobody of its tenant is waiting before it in this pool."""

    @property
    def entitled(self) -> bool:
        """Whether the guarantee covers it."""
        return self.class_ is ENTITLED

    @property
    def least_gpus(self) -> int:
        """GPUs of the workers that it needs at least."""
        return self.job.min_workers * self.job.gpus_per_worker


@dataclass(slots=True)
class Cycle:
    """One decision under way."""

    snapshot: Snapshot
    estate: Estate
    quotas: Mapping[str, PoolQuotas]
    pending: dict[str, list[Pending]]
    """By tenant, in its order: what is neither refused, held nor placed."""
    refused: dict[str, Refusal]
    walks: dict[str, Walk] = field(default_factory=dict)
    full_walks: dict[str, Walk] = field(default_factory=dict)
    """By the guarantees as promised, where they are shrunken now."""
    surplus: dict[str, dict[str, int]] = field(default_factory=dict)
    reservations: dict[str, list[Reservation]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    gone_by: dict[str, float] = field(default_factory=dict)
    """When the GPUs of jobs that were told to stop in this decision are free."""
    blocked: set[tuple[str, str]] = field(default_factory=set)
    """Tenants and pools in which an entitled job that waited long could not be placed: nobody behind it is entitled."""
    _by_right: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def now(self) -> float:
        """The moment that is decided about."""
        return self.snapshot.now

    def leaves_by(self, key: str, pool: Pool) -> float:
        """When what is on its way out is gone at the latest: a stopping job, the rest of a gang, or bare pods."""
        if key in self.gone_by:
            return self.gone_by[key]
        job = self.snapshot.jobs.get(key)
        return stopped_by(job, pool, self.now) if job else self.now + MIN_GRACE_S

    def quota(self, tenant: str, pool: str) -> Quota | None:
        """The tenant's quota in the pool."""
        return self.quotas[pool].quotas.get(tenant)

    def due(self, tenant: str, pool: str) -> int:
        """The tenant's guarantee plus its fair surplus."""
        quota = self.quota(tenant, pool)
        return quota.guaranteed + self.surplus[pool].get(tenant, 0) if quota else 0

    def most(self, tenant: Tenant, pool: str) -> int | None:
        """The most that the tenant may be charged for new starts; none without a limit."""
        quota = self.quotas[pool].quotas[tenant.name]
        return quota.guaranteed if tenant.spent is WhenSpent.GUARANTEE_ONLY else quota.most

    def ratio(self, tenant: str, pool: str) -> tuple[bool, Fraction]:
        """Rule 11: the lower share of what is due goes first; who is due nothing, last."""
        due = self.due(tenant, pool)
        return (due == 0, Fraction(self.estate.charged(tenant, pool), due) if due else Fraction(0))

    def class_of(self, running: Running) -> AllocationClass:
        """By what right a running or held job has its GPUs."""
        return self.walks[running.tenant].classes[running.job.key]

    def kept_by_others(self, tenant: str, pool: str, charges: Mapping[str, int] | None = None) -> int:
        """GPUs that other tenants keep back, by their charges now or as given."""
        total = 0
        for name, quota in self.quotas[pool].quotas.items():
            if name != tenant:
                charge = (charges or {}).get(name)
                charge = self.estate.charged(name, pool) if charge is None else charge
                total += kept_back(quota.guaranteed, quota.lend, charge)
        return total

    def kept_from(self, claim: Claim, charges: Mapping[str, int] | None = None) -> int:
        """GPUs that a claim must leave to others: what they keep back, and what is reserved for windows that open soon.

        The latter binds borrowers only, and only those that are not over by then.
        """
        tenant, pool = claim.tenant.name, claim.pool.name
        kept = self.kept_by_others(tenant, pool, charges)
        if claim.entitled or not self.quotas[pool].ahead:
            return kept
        charged = {name: self.estate.charged(name, pool) for name in self.quotas[pool].quotas} | dict(charges or {})
        length = known_length(claim.job)
        return kept + kept_ahead(self.quotas[pool], charged, tenant, None if length is None else self.now + length)

    def recount(self, tenant: str, pool: str) -> None:
        """After a start or hold: divide the surplus anew if the tenant uses more by right than before."""
        quota = self.quota(tenant, pool)
        if quota is None:
            return
        by_right = min(quota.guaranteed, self.estate.charged(tenant, pool))
        if by_right > self._by_right.get((tenant, pool), 0):
            self.divide(pool)

    def divide(self, pool: str) -> None:
        """Compute the fair surplus of a pool."""
        uses = {}
        for name, quota in self.quotas[pool].quotas.items():
            walk, charged = self.walks[name], self.estate.charged(name, pool)
            entitled = walk.entitled.get(pool, 0)
            uses[name] = Use(charged, entitled, walk.demand.get(pool, 0))
            self._by_right[name, pool] = max(entitled, min(quota.guaranteed, charged))
        self.surplus[pool] = fair_surplus(self.quotas[pool], uses)


def begin(snapshot: Snapshot) -> Cycle:
    """Set up a decision: estate, quotas, screening. Holds are taken in and the walk is done by the caller."""
    estate = Estate(snapshot)
    quotas = {
        name: pool_quotas(pool, [h.node for h in estate.by_pool[name]], snapshot.tenants.values(), snapshot.now)
        for name, pool in sorted(snapshot.pools.items())
    }
    screened = screen(estate)
    cycle = Cycle(snapshot, estate, quotas, {t: list(p) for t, p in screened.pending.items()}, dict(screened.refused))
    cycle.reservations = {pool: [] for pool in quotas}
    return cycle


def walk_all(cycle: Cycle) -> None:
    """Walk all tenants, twice: the second time those that waited long and are within the due shut the guarantee."""
    cycle.walks = _walks(cycle, with_due=False)
    _drop_spent(cycle)
    for pool in cycle.quotas:
        cycle.divide(pool)
    cycle.walks = _walks(cycle, with_due=True)
    for pool in cycle.quotas:
        cycle.divide(pool)
    if any(q.overcommitted for q in cycle.quotas.values()):
        cycle.full_walks = _walks(cycle, with_due=False, promised=True)


def _walks(cycle: Cycle, *, with_due: bool, promised: bool = False) -> dict[str, Walk]:
    walker, walks = Walker(cycle.estate), {}
    for name, tenant in sorted(cycle.snapshot.tenants.items()):
        bounds = {}
        for pool in tenant.terms:
            if pool in cycle.quotas:
                quota = cycle.quotas[pool].quotas[name]
                guaranteed = quota.promised if promised else quota.guaranteed
                bounds[pool] = Bounds(guaranteed, cycle.due(name, pool) if with_due else None)
        walks[name] = walker.walk(tenant, _that_could_start(cycle, tenant, bounds), bounds)
    return walks


def _that_could_start(cycle: Cycle, tenant: Tenant, bounds: Mapping[str, Bounds]) -> list[Pending]:
    """All pending jobs: even one above the borrow limit keeps its place, since limits change."""
    return [p for p in cycle.pending[tenant.name] if any(pool in bounds for pool in p.pools)]


def _drop_spent(cycle: Cycle) -> None:
    """With the budget spent, jobs beyond the guarantee wait outside the walk."""
    for name, tenant in cycle.snapshot.tenants.items():
        if tenant.spent is not WhenSpent.GUARANTEE_ONLY:
            continue
        walk = cycle.walks[name]
        beyond = [p for p in cycle.pending[name] if walk.classes[p.job.key] is not ENTITLED]
        for entry in beyond:
            cycle.pending[name].remove(entry)
            cycle.refused[entry.job.key] = Refusal(
                Reason.BUDGET_SPENT,
                "The tenant's budget of this period is spent: only jobs within the guarantee start before the next.",
            )


def claim_of(cycle: Cycle, entry: Pending, pool: str, *, first: bool) -> Claim:
    """A pending job's claim on a pool, with the class that it gets there."""
    tenant = cycle.snapshot.tenants[entry.job.tenant or ""]
    walk = cycle.walks[tenant.name]
    class_ = walk.elsewhere[entry.job.key, pool]
    if (tenant.name, pool) in cycle.blocked:
        class_ = AllocationClass.BORROWED
    priority = priority_of(entry.job, tenant) or 0
    return Claim(entry.job, tenant, cycle.snapshot.pools[pool], class_, priority, first)
