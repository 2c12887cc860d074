"""Tenants on a real API server, with the rights that the operator has and no more."""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.kube.client import KubeClient
from entente.kube.config import Connection
from entente.kube.errors import FencedError
from entente.tenancy.reconciler import Outcome, TenantReconciler
from localplane import ApiFailure, LocalPlane, PlaneError
from tests.support import crds, manifests
from tests.support.manifests import Manifest, changed
from tests.support.plane import Corner, gpu_pod

ROOT = "/apis/entente.dev/v1alpha1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
OPERATOR_NAMESPACE = "tenancy-tests"
NOW = 1_800_000_000.0

OPERATOR_RULES: list[dict[str, Any]] = [
    # It may grant only what it has: members read their own Tenant and the pools.
    {"apiGroups": ["entente.dev"], "resources": ["tenants", "gpupools"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["entente.dev"], "resources": ["tenants", "tenants/status"], "verbs": ["patch"]},
    {"apiGroups": ["entente.dev"], "resources": ["trainingjobs"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "create", "patch"]},
    {"apiGroups": [""], "resources": ["pods", "services", "persistentvolumeclaims"], "verbs": ["list"]},
    *(
        {"apiGroups": [group], "resources": resources, "verbs": ["list", "create", "patch", "delete"]}
        for group, resources in (
            ("", ["resourcequotas"]),
            ("networking.k8s.io", ["networkpolicies"]),
            ("scheduling.k8s.io", ["priorityclasses"]),
            ("rbac.authorization.k8s.io", ["roles", "rolebindings", "clusterroles", "clusterrolebindings"]),
        )
    ),
    # Of these, a part can never change: they are read and made anew.
    {"apiGroups": ["scheduling.k8s.io"], "resources": ["priorityclasses"], "verbs": ["get"]},
    {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["rolebindings", "clusterrolebindings"],
        "verbs": ["get"],
    },
    # To grant members what the operator itself may not do: only by Roles of these names.
    {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["roles"],
        "resourceNames": ["entente-admin", "entente-researcher", "entente-viewer"],
        "verbs": ["escalate", "bind"],
    },
]
"""All that keeping tenants needs; the chart grants it."""


@pytest.fixture(scope="module")
def operator(plane: LocalPlane) -> Iterator[Connection]:
    """A service account with the operator's rights as to tenants."""
    crds.install(plane)
    account = {"kind": "ServiceAccount", "name": "operator", "namespace": OPERATOR_NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": OPERATOR_NAMESPACE}
    plane.api.create("/api/v1/namespaces", {"metadata": {"name": OPERATOR_NAMESPACE}})
    plane.api.create(
        f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/serviceaccounts", {"metadata": {"name": account["name"]}}
    )
    meta = {"metadata": {"name": OPERATOR_NAMESPACE}}
    plane.api.create(f"{RBAC}/clusterroles", {**meta, "rules": OPERATOR_RULES})
    plane.api.create(f"{RBAC}/clusterrolebindings", {**meta, "roleRef": role, "subjects": [account]})
    yield Connection.from_kubeconfig(plane.service_account_kubeconfig(OPERATOR_NAMESPACE, account["name"]))
    for path in ("/api/v1/namespaces", f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"):
        plane.api.delete(f"{path}/{OPERATOR_NAMESPACE}")


class Estate:
    """Tenants of one test, and what is made for them."""

    def __init__(self, corner: Corner, client: KubeClient) -> None:
        self.corner = corner
        self.api = corner.plane.api
        self.through(client)
        self._tenants: list[str] = []
        self._namespaces: list[str] = []

    def through(self, client: KubeClient) -> None:
        """Let passes from now on use another client."""
        self._reconciler = TenantReconciler(client, lambda: NOW)

    def tenant(self, name: str = "lab", **spec: object) -> str:
        """Create a tenant, by default with one namespace of its own and no terms."""
        unique = self.corner.unique(name)
        manifest = manifests.tenant(unique, **{"pools": [], **spec})
        self._namespaces += manifest["spec"]["namespaces"]
        self.api.create(f"{ROOT}/tenants", manifest)
        self._tenants.append(unique)
        return unique

    def namespace_of(self, tenant: str) -> str:
        name: str = self.get(tenant)["spec"]["namespaces"][0]
        return name

    def get(self, tenant: str) -> Manifest:
        return self.api.get(f"{ROOT}/tenants/{tenant}")

    async def reconcile(self, tenant: str) -> Outcome:
        """One pass over a tenant as it is now."""
        tenants = [Tenant.model_validate(item) for item in self.api.get(f"{ROOT}/tenants")["items"]]
        pools = [GPUPool.model_validate(item) for item in self.api.get(f"{ROOT}/gpupools")["items"]]
        (own,) = [each for each in tenants if each.metadata.name == tenant]
        return await self._reconciler.reconcile(own, tenants, pools)

    def conditions(self, tenant: str) -> dict[str, Manifest]:
        return {each["type"]: each for each in self.get(tenant)["status"].get("conditions", ())}

    def job(self, namespace: str, name: str = "train", status: Manifest | None = None) -> str:
        """Create a job that says of itself what is given; its path."""
        path = f"{ROOT}/namespaces/{namespace}/trainingjobs"
        self.api.create(path, manifests.job(name, namespace))
        if status:
            self.api.patch(f"{path}/{name}/status", {"status": status})
        return f"{path}/{name}"

    def leave(self) -> None:
        """Remove the tenants, by force, and all that was made for them."""
        for name in self._tenants:
            with suppress(ApiFailure):
                self.api.patch(f"{ROOT}/tenants/{name}", {"metadata": {"finalizers": None}})
                self.api.delete(f"{ROOT}/tenants/{name}")
            kinds = "priorityclasses,clusterroles,clusterrolebindings"
            self.corner.plane.kubectl("delete", kinds, "--selector", f"entente.dev/tenant={name}")
        for namespace in self._namespaces:
            with suppress(ApiFailure):
                self.api.delete(f"/api/v1/namespaces/{namespace}")


@pytest.fixture
async def estate(corner: Corner, operator: Connection) -> AsyncIterator[Estate]:
    async with KubeClient(operator) as client:
        own = Estate(corner, client)
        yield own
        own.leave()


RUNNING = {
    "phase": "Running",
    "allocation": {"pool": "h100", "workers": 2, "gpus": 16, "class": "Entitled"},
}
ADA = {"kind": "User", "name": "ada", "role": "Researcher"}


async def test_a_tenant_gets_its_namespaces_with_all_that_belongs_there(estate: Estate) -> None:
    lab = estate.tenant(members=[ADA])
    first = await estate.reconcile(lab)
    namespace = estate.namespace_of(lab)
    labels = estate.api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
    assert labels["entente.dev/tenant"] == lab
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert first.namespaces == (namespace,)
    assert first.corrected > 0
    assert estate.get(lab)["status"]["namespaces"] == [namespace]
    ready = estate.conditions(lab)["Ready"]
    assert (ready["status"], ready["observedGeneration"]) == ("True", 1)
    assert (await estate.reconcile(lab)).corrected == 0, "a second pass finds nothing to do"


async def test_a_second_pass_writes_nothing(estate: Estate) -> None:
    lab = estate.tenant(members=[ADA])
    await estate.reconcile(lab)
    before = estate.get(lab)["metadata"]["resourceVersion"]
    await estate.reconcile(lab)
    assert estate.get(lab)["metadata"]["resourceVersion"] == before


_QUOTA = "/api/v1/namespaces/{namespace}/resourcequotas/entente-gpus-by-jobs-only"
_POLICY = "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/entente-allow-tenant"
_ROLE = RBAC + "/namespaces/{namespace}/roles/entente-viewer"
_BINDING = RBAC + "/namespaces/{namespace}/rolebindings/entente-researcher"
_MEMBERS = RBAC + "/clusterrolebindings/entente.{lab}.member"
_CLASS = "/apis/scheduling.k8s.io/v1/priorityclasses/entente.{lab}.default"
_MALLORY = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mallory"}
_ADMIN_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "entente-admin"}


@pytest.mark.parametrize(
    ("path", "edit", "anew"),
    [
        pytest.param(_BINDING, None, False, id="a RoleBinding deleted"),
        pytest.param(_ROLE, None, False, id="a Role deleted"),
        pytest.param(_QUOTA, None, False, id="a quota deleted"),
        pytest.param(_POLICY, None, False, id="a network policy deleted"),
        pytest.param(_MEMBERS, None, False, id="a ClusterRoleBinding deleted"),
        pytest.param(_CLASS, None, False, id="a PriorityClass deleted"),
        pytest.param(_BINDING, {"subjects": [_MALLORY]}, False, id="a stranger let in"),
        pytest.param(_QUOTA, {"spec": {"hard": {"requests.nvidia.com/gpu": "64"}}}, False, id="a quota raised"),
        pytest.param(_QUOTA, {"spec": {"hard": {"pods": "1"}}}, False, id="a quota added to"),
        pytest.param(_POLICY, {"spec": {"egress": [{}]}}, False, id="a network opened to everything"),
        pytest.param(
            "/api/v1/namespaces/{namespace}",
            {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
            False,
            id="Pod Security lowered",
        ),
        pytest.param(
            _ROLE,
            {"metadata": {"labels": {"entente.dev/tenant": None}}, "rules": []},
            False,
            id="a Role emptied and its label removed",
        ),
        pytest.param(_CLASS, {"value": 2_000_000}, True, id="a PriorityClass of another value put in its place"),
        pytest.param(_BINDING, {"roleRef": _ADMIN_ROLE}, True, id="a binding to another role put in its place"),
    ],
)
async def test_what_somebody_deletes_or_edits_by_hand_comes_back(
    estate: Estate, path: str, edit: Manifest | None, *, anew: bool
) -> None:
    lab = estate.tenant(members=[ADA])
    await estate.reconcile(lab)
    target = path.format(lab=lab, namespace=estate.namespace_of(lab))
    untouched = estate.api.get(target)
    if edit is None or anew:
        estate.api.delete(target)
    if edit is not None and anew:
        labels = untouched["metadata"]["labels"]
        meta = {"name": untouched["metadata"]["name"], "labels": labels}
        estate.api.create(target.rsplit("/", 1)[0], {**untouched, **edit, "metadata": meta})
    elif edit is not None:
        estate.api.patch(target, edit)
    tampered = estate.corner.get_or_none(target)
    assert tampered is None or _essence(tampered) != _essence(untouched)
    await estate.reconcile(lab)
    assert _essence(estate.api.get(target)) == _essence(untouched)
    assert (await estate.reconcile(lab)).corrected == 0, "one pass is enough"


def _essence(obj: Manifest) -> Manifest:
    """An object without what the API server notes about it."""
    parts = {name: part for name, part in obj.items() if name not in ("metadata", "status")}
    return {**parts, "labels": obj["metadata"]["labels"]}


KINDS = "roles,rolebindings,resourcequotas,networkpolicies,clusterroles,clusterrolebindings,priorityclasses,namespaces"


async def test_a_member_taken_out_loses_access(estate: Estate) -> None:
    lab = estate.tenant(members=[ADA, {"kind": "User", "name": "bob", "role": "Viewer"}])
    await estate.reconcile(lab)
    namespace = estate.namespace_of(lab)
    plane = estate.corner.plane
    bob = plane.user_kubeconfig("bob")
    plane.kubectl("get", "trainingjobs", "-n", namespace, kubeconfig=bob)
    estate.api.patch(f"{ROOT}/tenants/{lab}", {"spec": {"members": [ADA]}})
    await estate.reconcile(lab)
    with pytest.raises(PlaneError, match="forbidden"):
        plane.kubectl("get", "trainingjobs", "-n", namespace, kubeconfig=bob)
    assert estate.corner.get_or_none(f"{RBAC}/namespaces/{namespace}/rolebindings/entente-viewer") is None


@pytest.mark.parametrize(
    ("role", "allowed", "forbidden"),
    [
        (
            "Viewer",
            ["get trainingjobs", "get pods", "get pods/log", "list events"],
            [
                "create trainingjobs",
                "delete trainingjobs",
                "create pods/exec",
                "get secrets",
                "patch trainingjobs/status",
            ],
        ),
        (
            "Researcher",
            ["create trainingjobs", "patch trainingjobs", "delete trainingjobs", "create pods/exec", "create secrets"],
            [
                "create pods",
                "create deployments.apps",
                "patch trainingjobs/status",
                "create rolebindings",
                "delete pods",
            ],
        ),
        (
            "Admin",
            ["create trainingjobs", "delete pods", "create serviceaccounts"],
            ["create pods", "create jobs.batch", "patch trainingjobs/status", "patch resourcequotas", "create roles"],
        ),
    ],
)
async def test_what_members_may_do(estate: Estate, role: str, allowed: list[str], forbidden: list[str]) -> None:
    lab = estate.tenant(members=[{"kind": "Group", "name": estate.corner.unique("team"), "role": role}])
    await estate.reconcile(lab)
    plane = estate.corner.plane
    person = plane.user_kubeconfig("somebody", [estate.corner.unique("team")])

    def may(action: str) -> bool:
        verb, resource = action.split()
        resource, _, part = resource.partition("/")
        subresource = [f"--subresource={part}"] if part else []
        try:
            plane.kubectl(
                "auth", "can-i", verb, resource, *subresource, "-n", estate.namespace_of(lab), kubeconfig=person
            )
        except PlaneError:
            return False
        return True

    assert [action for action in allowed if not may(action)] == []
    assert [action for action in forbidden if may(action)] == []


async def test_a_viewer_cannot_create_a_job_and_a_researcher_can(estate: Estate) -> None:
    lab = estate.tenant(members=[ADA, {"kind": "User", "name": "vera", "role": "Viewer"}])
    await estate.reconcile(lab)
    plane, manifest = estate.corner.plane, json.dumps(manifests.job("train", estate.namespace_of(lab)))
    with pytest.raises(PlaneError, match="cannot create resource"):
        plane.kubectl("create", "-f", "-", stdin=manifest, kubeconfig=plane.user_kubeconfig("vera"))
    assert "created" in plane.kubectl("create", "-f", "-", stdin=manifest, kubeconfig=plane.user_kubeconfig("ada"))


async def test_a_member_sees_its_own_tenant_and_the_pools_but_no_other_tenant(estate: Estate) -> None:
    lab, other = estate.tenant(members=[ADA]), estate.tenant("other")
    await estate.reconcile(lab)
    await estate.reconcile(other)
    plane = estate.corner.plane
    ada = plane.user_kubeconfig("ada")
    plane.kubectl("get", "tenant", lab, kubeconfig=ada)
    plane.kubectl("get", "gpupools", kubeconfig=ada)
    for wanted in (("tenant", other), ("tenants",), ("trainingjobs", "-n", estate.namespace_of(other))):
        with pytest.raises(PlaneError, match="forbidden"):
            plane.kubectl("get", *wanted, kubeconfig=ada)


async def test_gpus_are_for_workers_only(estate: Estate) -> None:
    lab = estate.tenant(priorities=[{"name": "frontier", "value": 9, "default": True}])
    await estate.reconcile(lab)
    namespace = estate.namespace_of(lab)
    pods = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    bare = gpu_pod("bare", "any")
    with pytest.raises(ApiFailure, match="exceeded quota: entente-gpus-by-jobs-only"):
        estate.api.create(pods, bare)
    estate.api.create(pods, changed(bare, spec__priorityClassName=f"entente.{lab}.frontier"))
    without = changed(bare, spec__containers__0__resources={})
    estate.api.create(pods, without)


async def test_a_pod_that_is_not_restricted_is_refused(estate: Estate) -> None:
    lab = estate.tenant()
    await estate.reconcile(lab)
    pod = changed(gpu_pod("bare", "any"), spec__containers__0__resources={}, spec__hostNetwork=True)
    with pytest.raises(ApiFailure, match="violates PodSecurity"):
        estate.api.create(f"/api/v1/namespaces/{estate.namespace_of(lab)}/pods?dryRun=All", pod)


def _hold_a_service(estate: Estate, namespace: str) -> str:
    service = {"metadata": {"name": "db"}, "spec": {"ports": [{"port": 80}]}}
    estate.api.create(f"/api/v1/namespaces/{namespace}/services", service)
    return "it holds services"


def _hold_rights(estate: Estate, namespace: str) -> str:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    body = {"metadata": {"name": "them"}, "roleRef": role, "subjects": [_MALLORY]}
    estate.api.create(f"{RBAC}/namespaces/{namespace}/rolebindings", body)
    return "it holds rolebindings"


def _be_managed(estate: Estate, namespace: str) -> str:
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    estate.api.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}})
    return "its label app.kubernetes.io/managed-by names another manager"


@pytest.mark.parametrize("use", [_hold_a_service, _hold_rights, _be_managed])
async def test_a_namespace_of_somebody_else_is_not_adopted(estate: Estate, use: Callable[[Estate, str], str]) -> None:
    namespace = estate.corner.namespace()
    why = use(estate, namespace)
    before = estate.api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
    lab = estate.tenant(namespaces=[namespace, estate.corner.unique("own")])
    outcome = await estate.reconcile(lab)
    assert outcome.namespaces == (estate.corner.unique("own"),)
    taken = estate.conditions(lab)["NamespaceTaken"]
    assert taken["message"] == f"namespace {namespace} is not available: {why}; name another in spec.namespaces"
    assert estate.conditions(lab)["Ready"]["status"] == "False"
    assert estate.api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"] == before


async def test_an_empty_namespace_is_adopted(estate: Estate) -> None:
    namespace = estate.corner.namespace(labels={"cost-centre": "7"})
    lab = estate.tenant(namespaces=[namespace])
    assert (await estate.reconcile(lab)).namespaces == (namespace,)
    labels = estate.api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
    assert (labels["entente.dev/tenant"], labels["cost-centre"]) == (lab, "7")


@pytest.mark.parametrize("first_in_line", ["a-elder", "b-younger"])
async def test_of_two_tenants_the_one_created_first_gets_the_namespace(estate: Estate, first_in_line: str) -> None:
    shared = estate.corner.unique("shared")
    # Made within one second or not: of one second, the name decides.
    elder, younger = (estate.tenant(name, namespaces=[shared]) for name in ("a-elder", "b-younger"))
    for each in sorted((elder, younger), key=lambda name: not name.endswith(first_in_line)):
        await estate.reconcile(each)
    assert estate.api.get(f"/api/v1/namespaces/{shared}")["metadata"]["labels"]["entente.dev/tenant"] == elder
    message = estate.conditions(younger)["NamespaceTaken"]["message"]
    assert message == f"namespace {shared} is not available; name another in spec.namespaces"
    assert "Ready" in estate.conditions(elder)


async def test_an_unknown_pool_is_said_and_forgotten_when_it_comes(estate: Estate) -> None:
    pool = estate.corner.unique("pool")
    lab = estate.tenant(pools=[{"name": pool, "guaranteed": 8}])
    await estate.reconcile(lab)
    assert f"there is no GPUPool {pool}" in estate.conditions(lab)["UnknownPool"]["message"]
    estate.api.create(f"{ROOT}/gpupools", manifests.pool(pool))
    try:
        await estate.reconcile(lab)
        assert estate.conditions(lab).keys() == {"Ready"}
    finally:
        estate.api.delete(f"{ROOT}/gpupools/{pool}")


async def test_conditions_that_others_decided_stay(estate: Estate) -> None:
    lab = estate.tenant()
    theirs = {
        "type": "GuaranteeRoundedDown",
        "status": "True",
        "reason": "WholeHosts",
        "message": "60 of 64",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    estate.api.patch(f"{ROOT}/tenants/{lab}/status", {"status": {"conditions": [theirs]}})
    await estate.reconcile(lab)
    assert estate.conditions(lab)["GuaranteeRoundedDown"] == theirs


async def test_a_namespace_given_up_is_kept_with_all_it_holds_and_goes_to_nobody_else(estate: Estate) -> None:
    kept, given_up = estate.corner.unique("kept"), estate.corner.unique("given-up")
    lab = estate.tenant(namespaces=[kept, given_up], members=[ADA])
    await estate.reconcile(lab)
    data = f"/api/v1/namespaces/{given_up}/configmaps"
    estate.api.create(data, {"metadata": {"name": "notes"}})
    estate.api.patch(f"{ROOT}/tenants/{lab}", {"spec": {"namespaces": [kept]}})
    assert (await estate.reconcile(lab)).namespaces == (kept,)
    meta = estate.api.get(f"/api/v1/namespaces/{given_up}")["metadata"]
    assert not [name for name in meta["labels"] if "entente" in name or "pod-security" in name]
    assert estate.api.get(f"{data}/notes")
    assert estate.api.get(f"{RBAC}/namespaces/{given_up}/rolebindings")["items"] == []
    assert estate.api.get(f"/api/v1/namespaces/{given_up}/resourcequotas")["items"] == []
    stranger = estate.tenant("stranger", namespaces=[given_up])
    await estate.reconcile(stranger)
    message = estate.conditions(stranger)["NamespaceTaken"]["message"]
    assert message == f"namespace {given_up} is not available; name another in spec.namespaces"
    estate.api.patch(f"{ROOT}/tenants/{lab}", {"spec": {"namespaces": [kept, given_up]}})
    assert (await estate.reconcile(lab)).namespaces == (kept, given_up)


async def test_a_namespace_is_not_given_up_while_a_job_runs_there(estate: Estate) -> None:
    kept, given_up = estate.corner.unique("kept"), estate.corner.unique("given-up")
    lab = estate.tenant(namespaces=[kept, given_up], members=[ADA])
    await estate.reconcile(lab)
    job = estate.job(given_up, status=RUNNING)
    estate.api.patch(f"{ROOT}/tenants/{lab}", {"spec": {"namespaces": [kept]}})
    assert (await estate.reconcile(lab)).namespaces == (kept, given_up)
    releasing = estate.conditions(lab)["Releasing"]
    assert releasing["message"].startswith(f"1 job with 16 GPUs in {given_up}: the tenant gives the namespace up")
    assert estate.api.get(f"{RBAC}/namespaces/{given_up}/rolebindings/entente-researcher")
    estate.api.patch(f"{job}/status", {"status": {"phase": "Succeeded"}})
    assert (await estate.reconcile(lab)).namespaces == (kept,)
    assert "Releasing" not in estate.conditions(lab)
    assert estate.api.get(job)


async def test_deleting_a_tenant_waits_for_its_jobs_and_loses_nothing(estate: Estate) -> None:
    lab = estate.tenant(members=[ADA])
    await estate.reconcile(lab)
    namespace = estate.namespace_of(lab)
    running, waiting = estate.job(namespace, "running", RUNNING), estate.job(namespace, "waiting")
    estate.api.delete(f"{ROOT}/tenants/{lab}")
    blocked = await estate.reconcile(lab)
    assert not blocked.gone
    deleting = estate.conditions(lab)["Deleting"]
    assert deleting["reason"] == "JobsRemain"
    assert deleting["message"] == (
        f"1 job with 16 GPUs and 1 job without GPUs in {namespace}: "
        "the tenant goes when these have finished or are deleted"
    )
    estate.api.delete(f"{RBAC}/namespaces/{namespace}/rolebindings/entente-researcher")
    await estate.reconcile(lab)
    assert estate.api.get(f"{RBAC}/namespaces/{namespace}/rolebindings/entente-researcher"), "its people still get in"
    estate.api.patch(f"{running}/status", {"status": {"phase": "Succeeded"}})
    estate.api.delete(waiting)
    assert (await estate.reconcile(lab)).gone
    assert estate.corner.get_or_none(f"{ROOT}/tenants/{lab}") is None
    assert estate.api.get(running), "what it did is still there"
    meta = estate.api.get(f"/api/v1/namespaces/{namespace}")["metadata"]
    assert meta["annotations"]["entente.dev/released-by"] == lab
    left = estate.corner.plane.kubectl(
        "get", KINDS, "-A", "--selector", f"entente.dev/tenant={lab}", "-o", "name", "--ignore-not-found"
    )
    assert left == ""


async def test_a_worker_that_is_not_gone_blocks_the_deletion_though_its_job_is_gone(estate: Estate) -> None:
    lab = estate.tenant()
    await estate.reconcile(lab)
    namespace = estate.namespace_of(lab)
    labels = {"entente.dev/tenant": lab, "app.kubernetes.io/managed-by": "entente"}
    pod = changed(gpu_pod("worker", "any"), metadata__labels=labels, spec__priorityClassName=f"entente.{lab}.default")
    estate.corner.plane.api.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    estate.api.delete(f"{ROOT}/tenants/{lab}")
    assert not (await estate.reconcile(lab)).gone
    assert estate.conditions(lab)["Deleting"]["message"].startswith(f"1 worker of jobs that are gone in {namespace}")
    estate.api.delete(f"/api/v1/namespaces/{namespace}/pods/worker?gracePeriodSeconds=0")
    estate.corner.await_gone(f"/api/v1/namespaces/{namespace}/pods/worker")
    assert (await estate.reconcile(lab)).gone


def _fence_after(writes: int) -> Callable[[], float]:
    left = iter([60.0] * writes)
    return lambda: next(left, 0.0)


@pytest.mark.parametrize("deleted", [False, True], ids=["coming into being", "going"])
async def test_passes_cut_off_after_each_number_of_writes_end_where_an_undisturbed_one_does(
    estate: Estate, operator: Connection, *, deleted: bool
) -> None:
    lab = estate.tenant(members=[ADA])
    if deleted:
        await estate.reconcile(lab)
        estate.api.delete(f"{ROOT}/tenants/{lab}")
    for writes in itertools.count(1):
        async with KubeClient(operator, fence=_fence_after(writes)) as client:
            estate.through(client)
            try:
                cut_off = await estate.reconcile(lab)
            except FencedError:
                continue
            break
    assert writes > 3
    if deleted:
        assert cut_off.gone
        assert estate.corner.get_or_none(f"{ROOT}/tenants/{lab}") is None
    else:
        assert cut_off.settled
        assert estate.api.get(_BINDING.format(namespace=estate.namespace_of(lab)))
        assert estate.conditions(lab)["Ready"]["status"] == "True"


async def test_a_namespace_deleted_by_hand_is_made_anew(estate: Estate) -> None:
    lab = estate.tenant()
    await estate.reconcile(lab)
    path = f"/api/v1/namespaces/{estate.namespace_of(lab)}"
    estate.api.delete(path)
    if estate.corner.get_or_none(path):
        assert (await estate.reconcile(lab)).namespaces == ()
        assert "is being deleted; the operator makes it anew" in estate.conditions(lab)["NamespaceWaits"]["message"]
    estate.corner.await_gone(path)
    assert (await estate.reconcile(lab)).settled
    assert estate.api.get(path)["metadata"]["labels"]["entente.dev/tenant"] == lab
