"""The state of one decision: the estate, the quotas, the walks and the shares, kept in step with every step taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

from entente.api.job import AllocationClass
from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.engine import telling
from entente.engine.decisions import Action
from entente.engine.estate import Estate
from entente.engine.guarantees import PoolQuotas, Quota
from entente.engine.model import MIN_GRACE_S, Job, Pool, Snapshot, Tenant
from entente.engine.option import Group, Option
from entente.engine.placement import Spot
from entente.engine.queues import Pending
from entente.engine.reservations import Bonds, Reservation
from entente.engine.risk import known_length, stopped_by
from entente.engine.running import Running
from entente.engine.screening import Refusal, priority_of, priority_or_default
from entente.engine.shares import Use, fair_surplus, kept_ahead, kept_back
from entente.engine.state import State
from entente.engine.walk import ENTITLED, Bounds, Walk, Walker

if TYPE_CHECKING:
    from entente.engine.coming import Coming
    from entente.engine.ground import Ground
    from entente.engine.outlook import Outlook, View
    from entente.engine.reach import Reach

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_SPENT = Refusal(Reason.BUDGET_SPENT, telling.spent(everything=False))


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
        return self.class_ is ENTITLED

    @property
    def least_gpus(self) -> int:
        """GPUs of the workers that it needs at least."""
        return self.job.min_workers * self.job.gpus_per_worker


@dataclass(slots=True)
class Cycle:
    state: State
    snapshot: Snapshot
    quotas: Mapping[str, PoolQuotas]
    out: set[str] = field(default_factory=set)
    """Jobs that were waiting, and for which GPUs are found or held."""
    spent: dict[str, set[str]] = field(default_factory=dict)
    """By tenant whose budget is spent: waiting jobs beyond its guarantee; they are out of the walk."""
    walks: dict[str, Walk] = field(default_factory=dict)
    full_walks: dict[str, Walk] = field(default_factory=dict)
    """By the guarantees as promised, where they are shrunken now."""
    reservations: dict[str, list[Reservation]] = field(default_factory=dict)
    reserved: set[str] = field(default_factory=set)
    """Jobs that GPUs are reserved for."""
    bonds: dict[object, Bonds] = field(default_factory=dict)
    """By kind of taker."""
    signs: dict[object, int] = field(default_factory=dict)
    decisions: list[Action] = field(default_factory=list)
    gone_by: dict[str, float] = field(default_factory=dict)
    """When the GPUs of jobs that were told to stop in this decision are free."""
    evictions: dict[object, tuple[Running, Option]] = field(default_factory=dict)
    """By job and what it counts as: its eviction or move, once that was asked for."""
    shrinks: dict[object, tuple[Running, Sequence[Option]]] = field(default_factory=dict)
    """By job, what it counts as, and how many workers it may give: how it may be shrunk."""
    groups: dict[object, tuple[Running, Group]] = field(default_factory=dict)
    """By job, the right of a claim, and how many workers it could need: the ways in which an elastic job may give."""
    yielding: dict[object, tuple[int, list[Running]]] = field(default_factory=dict)
    """By tenant, pool and priority of a claim: own jobs that might give way to it."""
    givers: dict[object, tuple[int, list[Group], list[Running]]] = field(default_factory=dict)
    """By tenant, pool and right of a claim: jobs that may be evicted for it, and jobs to be looked at."""
    movable: dict[object, tuple[int, list[Group]]] = field(default_factory=dict)
    """By tenant, pool and right of a claim: jobs that may be moved for it."""
    blocked: set[tuple[str, str]] = field(default_factory=set)
    """Tenants and pools in which an entitled job that waited long could not be placed: nobody behind it is entitled."""
    ending: dict[str, Counter[str]] = field(default_factory=dict)
    """By pool and tenant: GPUs of running jobs that end within the notice."""
    reaches: dict[object, tuple[int, Reach]] = field(default_factory=dict)
    """What borrowed claims could come to, as of so many steps."""
    grounds: dict[object, tuple[int, Sequence[Ground]]] = field(default_factory=dict)
    """What borrowed claims would wait for, as of so many steps."""
    vain: dict[object, int] = field(default_factory=dict)
    """Kinds of borrowed claims that came to nothing, and after how many steps."""
    slack: dict[str, float] = field(default_factory=dict)
    """By pool: how long before the end of a notice its slowest victims must be told."""
    coming: dict[str, tuple[int, Coming]] = field(default_factory=dict)
    """By pool: what comes free by itself, as of so many steps."""
    spots: dict[object, tuple[int, list[Spot]]] = field(default_factory=dict)
    """By tenant and what is reserved: hosts with GPUs that are free, as of so many steps."""
    alone: dict[object, tuple[int, tuple[list[int], list[int]]]] = field(default_factory=dict)
    """By tenant: GPUs left on each of its exclusive hosts, and those of all others, as of so many steps."""
    unsafe: dict[object, tuple[int, list[Spot]]] = field(default_factory=dict)
    """By tenant and priority: hosts with GPUs that entitled claims might come to have, as of so many steps."""
    turns: dict[object, tuple[int, float]] = field(default_factory=dict)
    """By kind of claim: the turn of the last one of the kind, as of so many steps."""
    outlooks: dict[View, Outlook] = field(default_factory=dict)
    """What claims of this decision found at later moments, the latest used last."""
    _uses: dict[str, dict[str, Use]] = field(default_factory=dict)
    """By pool: what the surplus is divided by."""
    _surplus: dict[str, dict[str, int]] = field(default_factory=dict)
    _by_right: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def estate(self) -> Estate:
        """Who uses, leaves and holds what."""
        return self.state.estate

    @property
    def now(self) -> float:
        return self.snapshot.now

    def pending(self, tenant: str) -> Iterator[Pending]:
        """Its jobs that are neither refused, held nor placed, in its order."""
        beyond = self.spent.get(tenant, ())
        return (e for e in self.state.queues[tenant] if e.job.key not in self.out and e.job.key not in beyond)

    def refused(self) -> dict[str, Refusal]:
        """Jobs that no allocation can help, and why."""
        spent = {key: _SPENT for keys in self.spent.values() for key in keys}
        return {**self.state.refused, **spent}

    def refusal_of(self, key: str) -> Refusal | None:
        """Why no allocation can help a job, if none can."""
        spent = any(key in keys for keys in self.spent.values())
        return _SPENT if spent else self.state.refused.get(key)

    def until_next_step(self, kept: dict[K, tuple[int, V]], key: K, make: Callable[[], V]) -> V:
        """What was made for a key, made anew once a step was taken since."""
        steps, known = len(self.decisions), kept.get(key)
        if known is None or known[0] != steps:
            known = kept[key] = (steps, make())
        return known[1]

    def surplus(self, pool: str) -> dict[str, int]:
        """The fair part of each tenant in what nobody uses by right."""
        found = self._surplus.get(pool)
        if found is None:
            found = self._surplus[pool] = fair_surplus(self.quotas[pool], self._uses[pool])
        return found

    def leaves_by(self, key: str, pool: Pool) -> float:
        """When what is on its way out is gone at the latest: a stopping job, the rest of a gang, or bare pods."""
        if key in self.gone_by:
            return self.gone_by[key]
        job = self.snapshot.jobs.get(key)
        return stopped_by(job, pool, self.now) if job else self.now + MIN_GRACE_S

    def quota(self, tenant: str, pool: str) -> Quota | None:
        return self.quotas[pool].quotas.get(tenant)

    def due(self, tenant: str, pool: str) -> int:
        """The tenant's guarantee plus its fair surplus."""
        quota = self.quota(tenant, pool)
        return quota.guaranteed + self.surplus(pool).get(tenant, 0) if quota else 0

    def most(self, tenant: Tenant, pool: str) -> int | None:
        """The most that the tenant may be charged for new starts; none without a limit."""
        quota = self.quotas[pool].quotas[tenant.name]
        return quota.guaranteed if tenant.spent is WhenSpent.GUARANTEE_ONLY else quota.most

    def ratio(self, tenant: str, pool: str) -> tuple[bool, Fraction]:
        """Rule 11: the lower share of what is due goes first; who is due nothing, last."""
        due = self.due(tenant, pool)
        return (due == 0, Fraction(self.estate.charges.of(tenant, pool), due) if due else Fraction(0))

    def yielding_to(self, claim: Claim) -> list[Running]:
        """Running jobs of the claim's own tenant that might give way to it: lower, elastic or on-call ones."""
        key, changed = (claim.tenant.name, claim.pool.name, claim.priority), self.estate.changed[claim.tenant.name]
        known = self.yielding.get(key)
        if known is None or known[0] != changed:
            own = (r for r in self.estate.by_tenant.get(claim.tenant.name, {}).values() if r.pool == claim.pool.name)
            found = [r for r in own if not r.new and self._yields(r, claim)]
            known = self.yielding[key] = (changed, found)
        return known[1]

    @staticmethod
    def _yields(running: Running, claim: Claim) -> bool:
        if running.job.elastic or running.on_call:
            return True
        return priority_or_default(running.job, claim.tenant) < claim.priority

    def class_of(self, running: Running) -> AllocationClass:
        """By what right a running or held job has its GPUs."""
        return self.walks[running.tenant].class_of(running.job.key)

    def kept_by_others(self, tenant: str, pool: str, charges: Mapping[str, int] | None = None) -> int:
        """GPUs that other tenants keep back, by their charges now or as given."""
        total = 0
        if charges is None:
            charges = self.estate.charges.in_pool(pool)
        for name, quota in self.quotas[pool].quotas.items():
            if name != tenant and quota.guaranteed > quota.lend:
                total += kept_back(quota.guaranteed, quota.lend, charges.get(name, 0))
        return total

    def kept_from(self, claim: Claim, charges: Mapping[str, int] | None = None) -> int:
        """GPUs that a claim must leave to others: what they keep back, and what is reserved for windows that open soon.

        The latter binds borrowers only, and only those that are not over by then.
        """
        tenant, pool = claim.tenant.name, claim.pool.name
        kept = self.kept_by_others(tenant, pool, charges)
        if claim.entitled or not self.quotas[pool].ahead:
            return kept
        charged = {name: self.estate.charges.of(name, pool) for name in self.quotas[pool].quotas} | dict(charges or {})
        length = known_length(claim.job)
        return kept + kept_ahead(self.quotas[pool], charged, tenant, None if length is None else self.now + length)

    def classify(self, tenant: str, key: str, class_: AllocationClass) -> None:
        """A job of the tenant is given GPUs: this is its class now. The walk is this decision's own from here on."""
        self.state.forget_walks(tenant)
        self.walks[tenant].classes[key] = class_

    def recount(self, tenant: str, pool: str) -> None:
        """After a start or hold: divide the surplus anew if the tenant uses more by right than before."""
        quota = self.quota(tenant, pool)
        if quota is None:
            return
        by_right = min(quota.guaranteed, self.estate.charges.of(tenant, pool))
        if by_right > self._by_right.get((tenant, pool), 0):
            self.divide(pool)

    def divide(self, pool: str) -> None:
        """Divide the surplus of a pool anew, by the walks and the charges of now; worked out when it is asked for."""
        self._surplus.pop(pool, None)
        self._uses[pool] = {}
        for name, quota in self.quotas[pool].quotas.items():
            walk, charged = self.walks[name], self.estate.charges.of(name, pool)
            entitled = walk.entitled.get(pool, 0)
            self._uses[pool][name] = Use(charged, entitled, walk.demand.get(pool, 0))
            self._by_right[name, pool] = max(entitled, min(quota.guaranteed, charged))


def begin(state: State, now: float) -> Cycle:
    """Set up a decision. Holds are taken in and the walk is done by the caller."""
    snapshot = state.at(now)
    cycle = Cycle(state, snapshot, {name: state.quotas(name) for name in state.estate.by_pool})
    cycle.reservations = {pool: [] for pool in cycle.quotas}
    return cycle


def walk_all(cycle: Cycle) -> None:
    """Walk all tenants, twice: the second time those that waited long and are within the due shut the guarantee."""
    cycle.walks = {name: _walk(cycle, name) for name in cycle.state.tenants}
    _drop_spent(cycle)
    for pool in cycle.quotas:
        cycle.divide(pool)
    cycle.walks = {name: _walk_with_due(cycle, name, walk) for name, walk in cycle.walks.items()}
    for pool in cycle.quotas:
        cycle.divide(pool)
    if any(q.overcommitted for q in cycle.quotas.values()):
        cycle.full_walks = {name: _walk(cycle, name, promised=True) for name in cycle.state.tenants}
    for name in cycle.estate.by_tenant.keys() - cycle.state.tenants.keys():  # its tenant is gone: what runs borrows
        cycle.walks[name] = cycle.full_walks[name] = Walk(lending=list(cycle.estate.by_tenant[name]))


def _walk_with_due(cycle: Cycle, name: str, first: Walk) -> Walk:
    """The second walk: the same as the first where no pending job is entitled, but for what a spent budget drops."""
    return _walk(cycle, name, with_due=True) if first.homes or cycle.spent.get(name) else first


def _walk(cycle: Cycle, name: str, *, with_due: bool = False, promised: bool = False) -> Walk:
    tenant, bounds = cycle.state.tenants[name], {}
    for pool in tenant.terms:
        if pool in cycle.quotas:
            quota = cycle.quotas[pool].quotas[name]
            guaranteed = quota.promised if promised else quota.guaranteed
            bounds[pool] = Bounds(guaranteed, cycle.due(name, pool) if with_due else None)
    out = cycle.out | cycle.spent[name] if name in cycle.spent else cycle.out
    walker = Walker(cycle.estate, tenant, cycle.state.queues[name], out, bounds)
    return cycle.state.walk(walker, (with_due, promised))


def _drop_spent(cycle: Cycle) -> None:
    """With the budget spent, jobs beyond the guarantee wait outside the walk."""
    for name, tenant in cycle.state.tenants.items():
        if tenant.spent is WhenSpent.GUARANTEE_ONLY:
            walk = cycle.walks[name]
            cycle.spent[name] = {e.job.key for e in cycle.pending(name) if e.job.key not in walk.homes}


def claim_of(cycle: Cycle, entry: Pending, pool: str, *, first: bool) -> Claim:
    """A pending job's claim on a pool, with the class that it gets there."""
    tenant = cycle.snapshot.tenants[entry.job.tenant or ""]
    walk = cycle.walks[tenant.name]
    class_ = walk.class_in(entry.job.key, pool)
    if (tenant.name, pool) in cycle.blocked:
        class_ = AllocationClass.BORROWED
    priority = priority_of(entry.job, tenant) or 0
    return Claim(entry.job, tenant, cycle.snapshot.pools[pool], class_, priority, first)
