"""Builders of tenants as the API server gives them."""

from datetime import UTC, datetime

from entente.api.tenant import Tenant
from tests.support import manifests

ADMIN = {"kind": "Group", "name": "admins", "role": "Admin"}
RESEARCHER = {"kind": "User", "name": "ada", "role": "Researcher"}
VIEWER = {"kind": "ServiceAccount", "name": "board", "namespace": "tools", "role": "Viewer"}


def tenant(name: str = "anthropic", *, created: int | None = 0, **spec: object) -> Tenant:
    """A tenant created so many seconds after the epoch."""
    made = manifests.tenant(name, **spec)
    if created is not None:
        made["metadata"]["creationTimestamp"] = datetime.fromtimestamp(created, tz=UTC).isoformat()
    return Tenant.model_validate(made)
