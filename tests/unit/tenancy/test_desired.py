"""What a tenant is to have."""

from collections.abc import Iterable
from typing import Any

import pytest

from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.tenancy.access import RULES
from entente.tenancy.desired import desired, unknown_pools
from entente.tenancy.isolation import namespace_labels
from entente.tenancy.wanted import Wanted
from tests.support import manifests
from tests.support.tenants import ADMIN, RESEARCHER, VIEWER, tenant

POOLS = [
    GPUPool.model_validate(manifests.pool()),
    GPUPool.model_validate(manifests.pool("mi300", resource="amd.com/gpu")),
]


def _objects(of: Tenant, *namespaces: str) -> dict[tuple[str, str, str], Wanted]:
    return {each.key: each for each in desired(of, namespaces or ("a",), POOLS)}


def _verbs(rules: Iterable[dict[str, Any]], resource: str) -> set[str]:
    return {verb for rule in rules if resource in rule["resources"] for verb in rule["verbs"]}


def test_each_object_can_be_found_by_the_tenants_labels() -> None:
    for item in _objects(tenant(members=[ADMIN]), "a", "b").values():
        assert item.body["metadata"]["labels"] == {
            "entente.dev/tenant": "anthropic",
            "app.kubernetes.io/managed-by": "entente",
        }


def test_a_namespace_has_its_roles_quota_and_policies() -> None:
    names = {key for key in _objects(tenant(members=[RESEARCHER]), "a") if key[1] == "a"}
    assert names == {
        ("networkpolicies", "a", "entente-default-deny"),
        ("networkpolicies", "a", "entente-allow-tenant"),
        ("resourcequotas", "a", "entente-gpus-by-jobs-only"),
        ("roles", "a", "entente-admin"),
        ("roles", "a", "entente-researcher"),
        ("roles", "a", "entente-viewer"),
        ("rolebindings", "a", "entente-researcher"),
    }


def test_members_are_bound_by_their_roles() -> None:
    objects = _objects(tenant(members=[ADMIN, RESEARCHER, VIEWER]), "a")
    subjects = {name: objects["rolebindings", "a", f"entente-{name}"].body["subjects"] for name in ("admin", "viewer")}
    assert subjects == {
        "admin": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "admins"}],
        "viewer": [{"kind": "ServiceAccount", "name": "board", "namespace": "tools"}],
    }


def test_members_read_their_own_tenant_and_the_pools_only() -> None:
    objects = _objects(tenant(members=[VIEWER]))
    assert objects["clusterroles", "", "entente.anthropic.member"].body["rules"] == [
        {
            "apiGroups": ["entente.dev"],
            "resources": ["tenants"],
            "verbs": ["get", "list", "watch"],
            "resourceNames": ["anthropic"],
        },
        {"apiGroups": ["entente.dev"], "resources": ["gpupools"], "verbs": ["get", "list", "watch"]},
    ]


def test_nobody_may_create_pods_or_what_creates_them_nor_write_a_status_nor_grant_rights() -> None:
    makers = {"deployments", "jobs", "cronjobs", "statefulsets", "daemonsets", "replicasets", "replicationcontrollers"}
    for rules in RULES.values():
        assert not _verbs(rules, "pods") & {"create", "update", "patch"}
        assert not makers & {resource for rule in rules for resource in rule["resources"]}
        assert not _verbs(rules, "trainingjobs/status")
        assert not _verbs(rules, "rolebindings") - {"get", "list", "watch"}
        assert not _verbs(rules, "roles") - {"get", "list", "watch"}
        assert "*" not in {word for rule in rules for words in rule.values() for word in words}


@pytest.mark.parametrize(
    ("role", "job", "secrets", "execute"),
    [("Viewer", False, False, False), ("Researcher", True, True, True), ("Admin", True, True, True)],
)
def test_what_a_role_may_do(role: str, *, job: bool, secrets: bool, execute: bool) -> None:
    rules = next(each for name, each in RULES.items() if name == role)
    assert ({"create", "delete"} <= _verbs(rules, "trainingjobs")) == job
    assert ("get" in _verbs(rules, "secrets")) == secrets
    assert ("create" in _verbs(rules, "pods/exec")) == execute
    assert {"get", "list", "watch"} <= _verbs(rules, "pods/log")


def test_priority_classes_never_preempt_and_are_all_alike() -> None:
    priorities = [{"name": "frontier", "value": 1000}, {"name": "spare", "value": -5}]
    objects = _objects(tenant(priorities=priorities))
    classes = {key[2]: item.body for key, item in objects.items() if key[0] == "priorityclasses"}
    assert classes.keys() == {
        "entente.anthropic.frontier",
        "entente.anthropic.spare",
        "entente.anthropic.default",
    }
    assert {(each["value"], each["preemptionPolicy"]) for each in classes.values()} == {(1_000_000, "Never")}


def test_no_two_tenants_share_a_priority_class() -> None:
    one = tenant("a", priorities=[{"name": "b-c", "value": 1}])
    other = tenant("a-b", priorities=[{"name": "c", "value": 1}])
    assert not {k for k in _objects(one) if k[0] == "priorityclasses"} & set(_objects(other))


def test_gpus_of_all_pools_are_kept_from_pods_that_are_no_workers() -> None:
    quota = _objects(tenant(priorities=[{"name": "default", "value": 1}]))[
        "resourcequotas", "a", "entente-gpus-by-jobs-only"
    ]
    assert quota.body["spec"] == {
        "hard": {"requests.amd.com/gpu": "0", "requests.nvidia.com/gpu": "0"},
        "scopeSelector": {
            "matchExpressions": [
                {"scopeName": "PriorityClass", "operator": "NotIn", "values": ["entente.anthropic.default"]}
            ]
        },
    }


def test_an_open_network_has_no_policies() -> None:
    assert not [key for key in _objects(tenant(isolation={"network": "Open"})) if key[0] == "networkpolicies"]


def test_a_strict_network_lets_through_the_tenants_own_traffic_and_dns() -> None:
    allowed = _objects(tenant())["networkpolicies", "a", "entente-allow-tenant"].body["spec"]
    own = {"namespaceSelector": {"matchLabels": {"entente.dev/tenant": "anthropic"}}}
    assert allowed["ingress"] == [{"from": [own]}]
    to_own, dns = allowed["egress"]
    assert to_own == {"to": [own]}
    assert {(port["protocol"], port["port"]) for port in dns["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert dns["to"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]


def test_a_namespace_carries_the_pod_security_standard() -> None:
    labels = namespace_labels(tenant(isolation={"podSecurity": "baseline"}))
    modes = ("enforce", "audit", "warn")
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in modes} == {"baseline"}


def test_a_pool_that_does_not_exist_is_named_with_those_that_do() -> None:
    terms = [{"name": "h100", "guaranteed": 1}, {"name": "b300", "guaranteed": 1}]
    (finding,) = unknown_pools(tenant(pools=terms), POOLS)
    assert finding.message == "spec.pools[1].name: there is no GPUPool b300; there are h100, mi300"
    assert unknown_pools(tenant(pools=terms[:1]), []) != []
