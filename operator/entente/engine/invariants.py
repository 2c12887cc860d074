"""What must hold for every plan, checked on the snapshot and the plan alone.

Used by tests, by the simulator, and by the operator behind a flag. Every check is sound: what it reports is wrong.
Where a plan does not say enough to be sure (which GPUs are reserved, in which order claims were served), it is silent.
"""

from collections.abc import Callable

from entente.engine.audit import needs, places, rights
from entente.engine.audit.case import Case, Invariant, Violation, asking
from entente.engine.audit.recount import after, before
from entente.engine.decisions import Plan
from entente.engine.guarantees import pool_quotas
from entente.engine.model import Snapshot

__all__ = ["Invariant", "Violation", "check_invariants"]

_CHECKS = (
    places.capacity,
    places.gangs,
    places.exclusive,
    rights.borrow_limits,
    rights.lend_limits,
    rights.reservations,
    rights.victims,
    rights.floors,
    rights.kept_busy,
    needs.guarantees,
    needs.idle,
    needs.minimal,
)


def check_invariants(
    snapshot: Snapshot, plan: Plan, again: Callable[[Snapshot], Plan] | None = None
) -> list[Violation]:
    """Everything in which a plan for a snapshot breaks an invariant; nothing when all is well.

    Args:
        snapshot: what was decided about.
        plan: what was decided.
        again: decides; when given, the snapshot is decided once more in another order, which takes as long as it took.
    """
    quotas = {
        name: pool_quotas(
            pool, [n for n in snapshot.nodes.values() if n.pool == name], snapshot.tenants.values(), snapshot.now
        )
        for name, pool in snapshot.pools.items()
    }
    case = Case(snapshot, plan, before(snapshot, plan), after(snapshot, plan), quotas, waiting=asking(plan))
    for decision in plan.decisions:
        case.decided.setdefault(decision.job, []).append(decision)
    found = [violation for check in _CHECKS for violation in check(case)]
    if again is not None and not (again(snapshot) == plan == again(_reordered(snapshot))):
        found.append(Violation(Invariant.DETERMINISTIC, "", "decided once more, the plan is another one"))
    return found


def _reordered(snapshot: Snapshot) -> Snapshot:
    return Snapshot(
        snapshot.now,
        dict(reversed(list(snapshot.pools.items()))),
        dict(reversed(list(snapshot.nodes.items()))),
        dict(reversed(list(snapshot.tenants.items()))),
        dict(reversed(list(snapshot.jobs.items()))),
        snapshot.bare[::-1],
    )
