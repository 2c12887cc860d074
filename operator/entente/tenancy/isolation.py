"""How a tenant's namespaces are shut off: network policies and Pod Security labels."""

from collections.abc import Iterable
from typing import Any

from entente.api.names import LABEL_TENANT, MANAGED_BY
from entente.api.tenant import Tenant
from entente.kube.kinds import NETWORK_POLICY
from entente.tenancy.wanted import Wanted, labels, wanted

DENY_POLICY = f"{MANAGED_BY}-default-deny"
ALLOW_POLICY = f"{MANAGED_BY}-allow-tenant"

POD_SECURITY = "pod-security.kubernetes.io"
POD_SECURITY_MODES = ("enforce", "audit", "warn")

_DNS_PORT = 53
_BOTH_WAYS = ["Ingress", "Egress"]


def namespace_labels(tenant: Tenant) -> dict[str, str]:
    level = tenant.spec.isolation.pod_security
    security = {f"{POD_SECURITY}/{mode}": level for mode in POD_SECURITY_MODES}
    return {**labels(tenant.metadata.name), **security, f"{POD_SECURITY}/enforce-version": "latest"}


def in_namespace(tenant: Tenant, namespace: str) -> Iterable[Wanted]:
    """With a strict network, a policy that denies everything, and one that allows the tenant's own traffic and DNS."""
    if tenant.spec.isolation.network != "Strict":
        return
    name = tenant.metadata.name
    yield wanted(NETWORK_POLICY, name, DENY_POLICY, namespace, spec={"podSelector": {}, "policyTypes": _BOTH_WAYS})
    own = [{"namespaceSelector": {"matchLabels": {LABEL_TENANT: name}}}]
    yield wanted(
        NETWORK_POLICY,
        name,
        ALLOW_POLICY,
        namespace,
        spec={
            "podSelector": {},
            "policyTypes": _BOTH_WAYS,
            "ingress": [{"from": own}],
            "egress": [{"to": own}, _dns()],
        },
    )


def _dns() -> dict[str, Any]:
    # The API server itself puts this label on each namespace, so nobody can pretend to be the cluster's DNS.
    cluster_dns = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    return {"to": [cluster_dns], "ports": [{"protocol": protocol, "port": _DNS_PORT} for protocol in ("UDP", "TCP")]}
