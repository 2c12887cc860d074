"""What a check of a plan looks at, and what it reports."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from entente.api.job import AllocationClass
from entente.api.reasons import Reason
from entente.engine.audit.recount import Count
from entente.engine.decisions import Decision, Evict, Grow, Hold, Plan, Shrink, Start, Wait
from entente.engine.guarantees import PoolQuotas
from entente.engine.model import Job, Pool, Snapshot
from entente.engine.risk import known_end

_REFUSED = frozenset(
    {
        Reason.SUSPENDED,
        Reason.NO_TENANT,
        Reason.UNKNOWN_POOL,
        Reason.POOL_NOT_GRANTED,
        Reason.UNKNOWN_PRIORITY,
        Reason.NEVER_FITS,
        Reason.BUDGET_SPENT,
        Reason.BACKOFF,
    }
)
"""Reasons of jobs that are no demand."""


class Invariant(StrEnum):
    CAPACITY_NEVER_EXCEEDED = "CapacityNeverExceeded"
    GUARANTEE_HONOURED = "GuaranteeHonoured"
    ENTITLED_NEVER_EVICTED_FOR_OTHERS = "EntitledNeverEvictedForOthers"
    GANG_ATOMIC = "GangAtomic"
    NODES_EXCLUSIVE = "NodesExclusive"
    BORROW_LIMIT_KEPT = "BorrowLimitKept"
    LEND_LIMIT_KEPT = "LendLimitKept"
    NO_THRASH = "NoThrash"
    WORK_CONSERVING = "WorkConserving"
    VICTIM_SET_MINIMAL = "VictimSetMinimal"
    DETERMINISTIC = "Deterministic"


@dataclass(frozen=True, slots=True)
class Violation:
    """A plan that breaks an invariant. It names jobs of any tenant: for the operator's log, not for users."""

    invariant: Invariant
    about: str
    """A job, a node, or a tenant and pool."""
    message: str


@dataclass(frozen=True, slots=True)
class Case:
    """A snapshot, a plan for it, and what both make of the estate."""

    snapshot: Snapshot
    plan: Plan
    was: Count
    then: Count
    quotas: dict[str, PoolQuotas]
    decided: dict[str, list[Decision]] = field(default_factory=dict)
    """By job."""
    waiting: list[Wait] = field(default_factory=list)
    """Pending jobs that ask for GPUs and have none coming."""

    def job(self, key: str) -> Job:
        return self.snapshot.jobs[key]

    def pool_of(self, decision: Start | Hold | Grow | Shrink) -> Pool:
        return self.snapshot.pools[decision.pool]

    def placed(self) -> Iterator[Start | Hold]:
        for decision in self.plan.decisions:
            if isinstance(decision, Start | Hold):
                yield decision

    def taken(self) -> Iterator[Evict | Shrink]:
        for decision in self.plan.decisions:
            if isinstance(decision, Evict | Shrink):
                yield decision

    def is_new(self, decision: Start | Hold) -> bool:
        """Whether a job is charged for it only from now on: it had no such hold, and is not moved."""
        hold = self.job(decision.job).hold
        had = hold is not None and (hold.pool, dict(hold.nodes)) == (decision.pool, dict(decision.nodes))
        return not had and not any(isinstance(d, Evict) for d in self.decided[decision.job])

    def class_of_claim(self, key: str) -> AllocationClass | None:
        """By what right a claimant takes."""
        return next((d.class_ for d in self.decided.get(key, ()) if isinstance(d, Start | Hold)), None)


def asking(plan: Plan) -> list[Wait]:
    """Pending jobs that ask for GPUs and have none coming."""
    waits = [d for d in plan.decisions if isinstance(d, Wait)]
    return [w for w in waits if w.reason not in _REFUSED and w.reason is not Reason.HELD]


def ends_within(case: Case, pool: Pool) -> set[str]:
    """Running jobs that are known to end within the notice: what is held may stand on their GPUs."""
    ends = {j.key: known_end(j, pool, case.snapshot.now) for j in case.snapshot.jobs.values() if j.placement}
    return {key for key, end in ends.items() if end is not None and end <= case.snapshot.now + pool.notice_s}
