"""Which tenant may have a namespace: one that is its own already, a new one, or an existing one that nobody uses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from entente.api.names import ANNOTATION_RELEASED_BY, LABEL_MANAGED_BY, LABEL_TENANT, MANAGED_BY
from entente.api.tenant import Tenant, reserved


class Claim(Enum):
    """What a tenant may do with a namespace that it names."""

    OWN = auto()
    """It has it, or had it before anybody else."""
    CREATE = auto()
    ADOPT_IF_EMPTY = auto()
    """It exists, and carries no sign of another owner; what it holds is still to be seen."""
    WAIT = auto()
    """It has it, but the namespace is on its way out."""
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    claim: Claim
    why: str = ""
    """Of a refusal, where it can be said without telling of another tenant."""


def judge(name: str, namespace: Mapping[str, Any] | None, tenant: Tenant, tenants: Iterable[Tenant]) -> Verdict:
    """Decide on a namespace that a tenant names.

    Args:
        name: of the namespace.
        namespace: as it is now; none when it does not exist.
        tenant: who names it.
        tenants: all there are.
    """
    rivals = {other.metadata.name: other for other in tenants if other.metadata.name != tenant.metadata.name}
    meta = (namespace or {}).get("metadata") or {}
    holder = (meta.get("labels") or {}).get(LABEL_TENANT)
    if reserved(name) or holder in rivals:
        return Verdict(Claim.REFUSE)
    if holder == tenant.metadata.name:
        return Verdict(Claim.WAIT if "deletionTimestamp" in meta else Claim.OWN)
    if any(name in other.spec.namespaces and _age(other) < _age(tenant) for other in rivals.values()):
        return Verdict(Claim.REFUSE)
    if namespace is None:
        return Verdict(Claim.CREATE)
    return _signs(meta, tenant)


def _signs(meta: Mapping[str, Any], tenant: Tenant) -> Verdict:
    """Look for signs of another owner on a namespace that exists."""
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    if annotations.get(ANNOTATION_RELEASED_BY, tenant.metadata.name) != tenant.metadata.name:
        return Verdict(Claim.REFUSE)
    if "deletionTimestamp" in meta:
        return Verdict(Claim.REFUSE, "it is being deleted")
    if meta.get("ownerReferences"):
        return Verdict(Claim.REFUSE, "it has an owner")
    if labels.get(LABEL_MANAGED_BY, MANAGED_BY) != MANAGED_BY:
        return Verdict(Claim.REFUSE, f"its label {LABEL_MANAGED_BY} names another manager")
    if ANNOTATION_RELEASED_BY in annotations:
        return Verdict(Claim.OWN)
    return Verdict(Claim.ADOPT_IF_EMPTY)


def _age(tenant: Tenant) -> tuple[float, str]:
    """Oldest first; names decide between those of one second."""
    created = tenant.metadata.creation_timestamp
    return (created.timestamp() if created else float("inf"), tenant.metadata.name)
