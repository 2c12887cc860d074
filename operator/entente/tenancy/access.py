"""Who may do what: Roles and bindings of a tenant's members.

Nobody gets to create pods, or anything that creates pods: GPUs are had by a TrainingJob alone. Nobody but the operator
may write the status of a job, nor read another tenant.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from entente.api.names import GROUP, MANAGED_BY
from entente.api.tenant import Member, Role, Tenant
from entente.kube.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from entente.tenancy.wanted import Wanted, wanted

_RBAC = "rbac.authorization.k8s.io"

_READ = ("get", "list", "watch")
_WRITE = ("create", "update", "patch", "delete", "deletecollection")

PolicyRule = dict[str, list[str]]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> PolicyRule:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


_VIEWER = (
    _rule(GROUP, ["trainingjobs"], _READ),
    _rule("", ["pods", "pods/log", "services", "events", "configmaps", "persistentvolumeclaims"], _READ),
    _rule("events.k8s.io", ["events"], _READ),
    # What binds oneself is not a secret.
    _rule("", ["namespaces", "resourcequotas", "serviceaccounts"], _READ),
    _rule("networking.k8s.io", ["networkpolicies"], _READ),
    _rule(_RBAC, ["roles", "rolebindings"], _READ),
)

_RESEARCHER = (
    *_VIEWER,
    _rule(GROUP, ["trainingjobs"], _WRITE),
    # What jobs mount. Who may start a job can read any secret beside it anyway.
    _rule("", ["configmaps", "persistentvolumeclaims"], _WRITE),
    _rule("", ["secrets"], (*_READ, *_WRITE)),
    # To look into one's own workers. Some clients open these by GET, others by POST.
    _rule("", ["pods/exec", "pods/attach", "pods/portforward"], ("get", "create")),
)

_ADMIN = (
    *_RESEARCHER,
    # A stuck worker can be pushed: its gang starts again.
    _rule("", ["pods"], ("delete",)),
    _rule("", ["serviceaccounts"], _WRITE),
)

RULES: dict[Role, tuple[PolicyRule, ...]] = {Role.ADMIN: _ADMIN, Role.RESEARCHER: _RESEARCHER, Role.VIEWER: _VIEWER}


def role_name(role: Role) -> str:
    """Name of the Role, and of its binding, in each of a tenant's namespaces."""
    return f"{MANAGED_BY}-{role.lower()}"


def member_role_name(tenant: str) -> str:
    """Name of the ClusterRole of all members of a tenant, and of its binding."""
    return f"{MANAGED_BY}.{tenant}.member"


def in_namespace(tenant: Tenant, namespace: str) -> Iterable[Wanted]:
    """The Roles, and for each that has members its binding."""
    name = tenant.metadata.name
    for role, rules in RULES.items():
        yield wanted(ROLE, name, role_name(role), namespace, rules=list(rules))
        members = [member for member in tenant.spec.members if member.role == role]
        if members:
            yield wanted(
                ROLE_BINDING,
                name,
                role_name(role),
                namespace,
                roleRef={"apiGroup": _RBAC, "kind": "Role", "name": role_name(role)},
                subjects=_subjects(members),
            )


def in_cluster(tenant: Tenant) -> Iterable[Wanted]:
    """What members may read outside their namespaces: their own Tenant, and the pools, whose figures are totals."""
    name = tenant.metadata.name
    if not tenant.spec.members:
        return
    role = member_role_name(name)
    own = {**_rule(GROUP, ["tenants"], _READ), "resourceNames": [name]}
    yield wanted(CLUSTER_ROLE, name, role, rules=[own, _rule(GROUP, ["gpupools"], _READ)])
    yield wanted(
        CLUSTER_ROLE_BINDING,
        name,
        role,
        roleRef={"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        subjects=_subjects(tenant.spec.members),
    )


def _subjects(members: Iterable[Member]) -> list[dict[str, Any]]:
    return [
        {"kind": member.kind, "name": member.name, "namespace": member.namespace}
        if member.kind == "ServiceAccount"
        else {"apiGroup": _RBAC, "kind": member.kind, "name": member.name}
        for member in members
    ]
