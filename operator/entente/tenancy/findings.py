"""What is to be said about a tenant, and how it becomes conditions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from entente.api.base import Condition

READY = "Ready"
NAMESPACE_TAKEN = "NamespaceTaken"
NAMESPACE_WAITS = "NamespaceWaits"
UNKNOWN_POOL = "UnknownPool"
RELEASING = "Releasing"
DELETING = "Deleting"

TYPES = frozenset({READY, NAMESPACE_TAKEN, NAMESPACE_WAITS, UNKNOWN_POOL, RELEASING, DELETING})
"""Conditions that are decided here; a Tenant has others, too."""

_HARMLESS = frozenset({RELEASING, DELETING})
"""The tenant is as its spec says, or about to go."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a tenant that is not as it should be, or not yet."""

    type: str
    reason: str
    message: str


def conditions(
    present: Iterable[Condition], findings: Iterable[Finding], *, ready: str, generation: int, now: float
) -> tuple[Condition, ...]:
    """All conditions of a tenant: one for each type of finding, `Ready`, and those decided elsewhere as they are.

    Args:
        present: as the status has them.
        findings: of this pass.
        ready: message of `Ready` when nothing was found.
        generation: of the spec that was looked at.
        now: seconds since the epoch; the time of a condition that is new or has changed its status.
    """
    before = {condition.type: condition for condition in present}
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.type, []).append(finding)
    faults = [finding for each in found.values() for finding in each if finding.type not in _HARMLESS]
    told = [(type_, "True", each[0].reason, _joined(each)) for type_, each in found.items()]
    if faults:
        told.append((READY, "False", faults[0].reason, _joined(faults)))
    else:
        told.append((READY, "True", "Reconciled", ready))
    moment = datetime.fromtimestamp(int(now), tz=UTC)
    fresh = [
        Condition(
            type=type_,
            status=status,
            reason=reason,
            message=message,
            observed_generation=generation,
            last_transition_time=before[type_].last_transition_time
            if type_ in before and before[type_].status == status
            else moment,
        )
        for type_, status, reason, message in told
    ]
    others = [condition for condition in before.values() if condition.type not in TYPES]
    return tuple(sorted((*others, *fresh), key=lambda condition: condition.type))


def _joined(findings: Iterable[Finding]) -> str:
    return "; ".join(finding.message for finding in findings)
