"""Members of the tenants of `examples/`, with kubeconfigs of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from entente.api.tenant import Role, Tenant
from localplane import LocalPlane

TENANTS = Path(__file__).parents[1] / "20-tenants.yaml"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who submits a tenant's jobs."""

    tenant: str
    group: str
    namespace: str
    """The first of the tenant's."""

    @property
    def user(self) -> str:
        """The name in the certificate."""
        return f"{self.tenant}-researcher"


def researchers(path: Path = TENANTS) -> list[Person]:
    """One of each tenant that has a group of researchers."""
    bodies = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    found = []
    for tenant in (Tenant.model_validate(body) for body in bodies):
        groups = [
            member.name for member in tenant.spec.members if member.kind == "Group" and member.role is Role.RESEARCHER
        ]
        if groups:
            found.append(Person(tenant.metadata.name, groups[0], tenant.spec.namespaces[0]))
    return found


def invite(plane: LocalPlane, people: Sequence[Person], directory: Path) -> list[Path]:
    """Write each person's kubeconfig, `<tenant>.kubeconfig`, for nobody else to read."""
    return [
        plane.user_kubeconfig(
            person.user,
            [person.group],
            path=directory / f"{person.tenant}.kubeconfig",
            namespace=person.namespace,
        )
        for person in people
    ]
