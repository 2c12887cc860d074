"""What of a resource may not change, and when: rules that compare an object with what it was, for the API server."""

from typing import Any

_CHANGEABLE = "['Pending', 'Suspended']"

_PHASE = "(has(oldSelf.status) && has(oldSelf.status.phase) ? oldSelf.status.phase : 'Pending')"


def _same(field: str) -> str:
    """That a field is as it was, or missing as it was."""
    new, old = f"self.{field}", f"oldSelf.{field}"
    return f"(has({new}) ? has({old}) && {new} == {old} : !has({old}))"


def _while_running(field: str) -> dict[str, Any]:
    """A field of a job that its workers were made from: it may change while there are none."""
    return {
        "rule": f"{_PHASE} in {_CHANGEABLE} || {_same(f'spec.{field}')}",
        "messageExpression": f"'spec.{field}: cannot change while the job is %s; "
        f"set spec.suspend, and change it when the phase is Suspended'.format([{_PHASE}])",
        "fieldPath": f".spec.{field}",
    }


JOB_LOCKS = (
    *(_while_running(field) for field in ("workers", "gpusPerWorker", "pools", "topology", "template")),
    {
        "rule": "!has(self.status) || !has(self.status.allocation) || "
        f"{_PHASE} in {_CHANGEABLE} || {_same('spec.elastic')} || "
        "(has(self.spec.elastic) && has(self.status.allocation.workers) && "
        "self.spec.elastic.minWorkers <= self.status.allocation.workers && "
        "self.status.allocation.workers <= self.spec.elastic.maxWorkers)",
        "message": "spec.elastic: must allow the number of workers that the job runs with; "
        "else set spec.suspend, and change it when the phase is Suspended",
        "fieldPath": ".spec.elastic",
    },
)
"""All else of a job's spec is read anew at each decision, so it may change at any time."""

POOL_LOCKS = (
    {
        "rule": "self.spec.resource == oldSelf.spec.resource",
        "message": "spec.resource: cannot change, since running workers hold GPUs under this name; make another pool",
        "fieldPath": ".spec.resource",
    },
)
