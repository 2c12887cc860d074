"""What is said to the owner of a job about a step of its life: Kubernetes Events and conditions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from entente.api.base import Condition
from entente.workload.moments import moment

SUCCEEDED = "Succeeded"
FAILED = "Failed"
INTERRUPTED = "Interrupted"
"""True from a stop that was not asked for until the job runs again; its reason is the cause of the stop."""
SPEC_APPLIED = "SpecApplied"
"""False when the running gang was started from an earlier spec."""

READABLE = "Readable"
"""False while the operator cannot make sense of the job: it is older or newer than the resource's definition."""


@dataclass(frozen=True, slots=True)
class Note:
    """A Kubernetes Event about a job; it names nothing of any other tenant."""

    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Normal"


def with_condition(
    conditions: Iterable[Condition], type_: str, *, holds: bool, reason: str, message: str, now: float
) -> tuple[Condition, ...]:
    """The conditions with this one in them; the time of its last change is kept while its status stays."""
    kept = [condition for condition in conditions if condition.type != type_]
    before = next((condition for condition in conditions if condition.type == type_), None)
    status = "True" if holds else "False"
    since = before.last_transition_time if before and before.status == status else moment(now)
    fresh = Condition(type=type_, status=status, reason=reason, message=message, last_transition_time=since)
    return tuple(sorted((*kept, fresh), key=lambda condition: condition.type))


def without_condition(conditions: Iterable[Condition], type_: str) -> tuple[Condition, ...]:
    return tuple(condition for condition in conditions if condition.type != type_)


def find(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """The condition of a type, where there is one."""
    return next((condition for condition in conditions if condition.type == type_), None)
