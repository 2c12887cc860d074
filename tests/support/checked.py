"""How many decisions of the engine were checked against the invariants in this process."""

from collections.abc import Callable

from entente.engine.decisions import Plan
from entente.engine.invariants import Violation, check_invariants
from entente.engine.model import Snapshot

_checked = [0]


def violations(snapshot: Snapshot, plan: Plan, again: Callable[[Snapshot], Plan] | None = None) -> list[Violation]:
    """What a plan breaks; the look is counted."""
    _checked[0] += 1
    return check_invariants(snapshot, plan, again)


def checked() -> int:
    return _checked[0]
