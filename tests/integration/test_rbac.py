"""The chart's rights are those that the operator asks for: none is missing, none is idle."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from localplane import LocalPlane, PlaneError
from localplane.binaries import PLANE, ensure
from tests.support.helm import NAMESPACE, RELEASE, Helm, Manifest, of_kind
from tests.support.manifests import changed, job, pool, template, tenant
from tests.support.operators import running
from tests.support.plane import SIM, eventually, gpu_pod

BINARIES = ("helm", *PLANE)
CREATED = 201
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"


@dataclass(frozen=True, order=True)
class Right:
    """One thing that one may do to one kind of object, whatever its name."""

    group: str
    resource: str
    verb: str

    @override
    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{'.' if self.group else ''}{self.group}"


NOT_ASKED_FOR = {
    Right("entente.dev", "trainingjobs/finalizers", "update"): "owner references, where that admission plugin is on",
    Right("rbac.authorization.k8s.io", "roles", "bind"): "checked by the API server as it binds members to their Role",
    Right("rbac.authorization.k8s.io", "roles", "escalate"): "checked by the API server as it writes a member's Role",
    Right("", "nodes", "patch"): "marks who used a host last, in pools with a handover",
    Right("entente.dev", "trainingjobs", "get"): "read anew after somebody else's write came before the operator's own",
    Right("entente.dev", "gpupools", "get"): "granted to members, so the operator needs it itself",
}
"""Rights that no request uses, and why they are there all the same."""


def rights(manifests: list[Manifest]) -> set[Right]:
    rules = [rule for kind in ("ClusterRole", "Role") for role in of_kind(manifests, kind) for rule in role["rules"]]
    return {
        Right(group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@dataclass(frozen=True)
class Request:
    right: Right
    code: int
    path: str


def requests(log: Path) -> Iterator[Request]:
    """What the operator's account has asked for, but for the lists of what the server serves."""
    for line in log.read_text().splitlines():
        event: dict[str, Any] = json.loads(line)
        reference = event.get("objectRef")
        if event["user"]["username"] != ACCOUNT or not reference or "resource" not in reference:
            continue
        # A server-side apply that makes something needs the right to create it as well.
        verbs = [event["verb"], *(["create"] if event["responseStatus"]["code"] == CREATED else [])]
        resource = "/".join(filter(None, [reference["resource"], reference.get("subresource")]))
        for verb in verbs:
            right = Right(reference.get("apiGroup", ""), resource, verb)
            yield Request(right, event["responseStatus"]["code"], event["requestURI"])


ROLES = ("Admin", "Researcher", "Viewer")
GUEST = tenant(
    "guest",
    namespaces=["guest-a", "guest-b"],
    pools=[{"name": "h100", "guaranteed": 16}],
    priorities=[{"name": "frontier", "value": 1000}],
    members=[{"kind": "Group", "name": f"guest-{role.lower()}s", "role": role} for role in ROLES],
)


def simulated(**seconds: float) -> Manifest:
    """A pod template that tells the simulated kubelet what its pods do."""
    annotations = {f"{SIM}{name.replace('_', '-')}-seconds": str(value) for name, value in seconds.items()}
    return {**template(), "metadata": {"annotations": annotations}}


@pytest.fixture(scope="module")
def estate() -> Iterator[LocalPlane]:
    """A control plane of its own: what the audit log shows is this test's."""
    with LocalPlane() as plane:
        plane.add_gpu_nodes(4)
        yield plane


@pytest.fixture(scope="module")
def granted(estate: LocalPlane, tmp_path_factory: pytest.TempPathFactory) -> set[Right]:
    """The chart's CRDs and RBAC, and nothing else of it, are in the cluster."""
    manifests = Helm(ensure("helm"), tmp_path_factory.mktemp("helm")).template()
    estate.kubectl("create", "namespace", NAMESPACE)
    kinds = {"CustomResourceDefinition", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
    for manifest in manifests:
        if manifest["kind"] in kinds:
            estate.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
    estate.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    return rights(manifests)


class Life:
    """The life of a tenant, told by an administrator."""

    def __init__(self, plane: LocalPlane) -> None:
        self.plane = plane

    def apply(self, manifest: Manifest) -> None:
        self.plane.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

    def replace(self, what: str, change: Callable[[Manifest], None]) -> None:
        """Delete an object and make it again, changed where the API server lets nothing be changed."""
        kind, *rest = what.split()
        found: Manifest = json.loads(self.plane.kubectl("get", kind, *rest, "-o", "json"))
        change(found)
        for name in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
            found["metadata"].pop(name, None)
        self.plane.kubectl("delete", kind, *rest)
        self.plane.kubectl("create", "-f", "-", stdin=json.dumps(found))

    def job(self, name: str) -> Manifest:
        printed = self.plane.kubectl("get", "trainingjob", name, "-n", "guest-a", "-o", "json", "--ignore-not-found")
        found: Manifest = json.loads(printed) if printed.strip() else {}
        return found

    def suspend(self, name: str, *, suspend: bool) -> None:
        patch = json.dumps({"spec": {"suspend": suspend}})
        self.plane.kubectl("patch", "trainingjob", name, "-n", "guest-a", "--type=merge", "-p", patch)

    def is_told(self, name: str, reason: str, times: int) -> bool:
        """Whether a job's Event says so, so many times."""
        selector = f"--field-selector=involvedObject.name={name},reason={reason}"
        events = json.loads(self.plane.kubectl("get", "events", "-n", "guest-a", selector, "-o", "json"))["items"]
        return bool(sum(event["count"] for event in events) == times)

    def await_phase(self, name: str, phase: str) -> None:
        eventually(lambda: self.job(name).get("status", {}).get("phase") == phase, what=f"{name}: {phase}")

    def await_gone(self, *what: str) -> None:
        eventually(
            lambda: not self.plane.kubectl("get", *what, "--ignore-not-found", "-o", "name").strip(),
            what=f"the end of {what}",
        )

    def begins(self) -> None:
        """A tenant takes one namespace that is there, and one that is not, and has people of each role."""
        self.plane.kubectl("create", "namespace", "guest-b")
        self.apply(pool())
        self.apply(GUEST)
        bindings = ("get", "rolebinding", "-A", "-l", "entente.dev/tenant=guest", "-o", "name")
        eventually(lambda: len(self.plane.kubectl(*bindings).split()) == 6, what="people's rights")

    def works(self) -> None:
        """Jobs that run, end and are forgotten, that fail and try again, that wait, and whose name is taken."""
        taken = gpu_pod("taken-0-0", "none")
        del taken["spec"]["containers"][0]["resources"]
        self.plane.api.create("/api/v1/namespaces/guest-a/pods", taken)
        self.apply(job("taken", "guest-a", gpusPerWorker=1))
        self.apply(job("short", "guest-a", gpusPerWorker=1, ttlSecondsAfterFinished=0, template=simulated(run=1)))
        again = {"limit": 3, "backoffSeconds": 0}
        self.apply(job("fails", "guest-a", gpusPerWorker=1, retry=again, template=simulated(fail_after=0)))
        self.apply(job("long", "guest-a", workers=2))
        self.apply(job("too-big", "guest-a", workers=99))
        self.await_phase("long", "Running")
        self.await_phase("fails", "Failed")
        for times in (1, 2):
            self.suspend("long", suspend=True)
            self.await_phase("long", "Suspended")
            eventually(partial(self.is_told, "long", "Suspended", times), what=f"it is told {times} times")
            self.suspend("long", suspend=False)
            self.await_phase("long", "Running")
        self.await_gone("trainingjob", "short", "-n", "guest-a")
        eventually(lambda: self.job("too-big").get("status", {}).get("queue", {}).get("reason"), what="why one waits")

    def is_meddled_with(self) -> None:
        """Somebody changes what cannot be changed back, and the tenant changes its mind."""

        def of_somebody_else(binding: Manifest) -> None:
            binding["roleRef"]["name"] = "view"

        def higher(priority: Manifest) -> None:
            priority["value"] = 7

        self.replace("rolebinding entente-viewer -n guest-a", of_somebody_else)
        self.replace("clusterrolebinding entente.guest.member", of_somebody_else)
        self.replace("priorityclass entente.guest.frontier", higher)
        # It is deleted and made anew: for a moment there is none.
        mended = ("get", "priorityclass", "entente.guest.frontier", "--ignore-not-found", "-o", "jsonpath={.value}")
        eventually(lambda: self.plane.kubectl(*mended) not in {"", "7"}, what="the mended priority")
        self.apply(changed(GUEST, spec__priorities=[], spec__members=[], spec__namespaces=["guest-a"]))
        self.await_gone("clusterrole", "entente.guest.member")

    def ends(self) -> None:
        """The tenant goes, once its jobs have gone."""
        self.plane.kubectl("delete", "tenant", "guest", "--wait=false")
        self.plane.kubectl("delete", "trainingjob", "--all", "-n", "guest-a")
        self.await_gone("tenant", "guest")


def test_the_operator_does_its_work_with_the_rights_of_the_chart_and_uses_them_all(
    estate: LocalPlane, granted: set[Right], tmp_path: Path
) -> None:
    kubeconfig = str(estate.service_account_kubeconfig(NAMESPACE, RELEASE))
    options = ("--kubeconfig", kubeconfig, "--namespace", NAMESPACE, "--lease-name", "entente-operator")
    life = Life(estate)
    with running(estate, tmp_path, *options):
        life.begins()
        life.works()
        life.is_meddled_with()
        life.ends()
    asked = list(requests(estate.directory / "audit.log"))

    refused = sorted({f"{request.right}: {request.path}" for request in asked if request.code in {401, 403}})
    assert refused == []
    used = {request.right for request in asked}
    assert sorted(map(str, used - granted)) == []
    assert sorted(map(str, granted - used - set(NOT_ASKED_FOR))) == []
    assert sorted(map(str, set(NOT_ASKED_FOR) - granted)) == []


def role(name: str) -> Manifest:
    """A Role that grants what the operator itself may not do."""
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": "default"},
        "rules": [rule],
    }


@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize(
    "what", ["get secrets", "create pods --subresource=exec", "impersonate users", "create deployments"]
)
def test_the_account_of_the_operator_may_not(estate: LocalPlane, what: str) -> None:
    asks = ("auth", "can-i", *what.split(), "--all-namespaces", "--as", ACCOUNT)

    with pytest.raises(PlaneError):
        estate.kubectl(*asks)


@pytest.mark.usefixtures("granted")
def test_the_account_grants_what_it_lacks_by_the_roles_of_members_and_by_no_others(estate: LocalPlane) -> None:
    kubeconfig = estate.service_account_kubeconfig(NAMESPACE, RELEASE)
    apply = ("apply", "--server-side", "-f", "-")

    estate.kubectl(*apply, stdin=json.dumps(role("entente-researcher")), kubeconfig=kubeconfig)
    with pytest.raises(PlaneError, match="attempting to grant RBAC permissions not currently held"):
        estate.kubectl(*apply, stdin=json.dumps(role("anything-else")), kubeconfig=kubeconfig)
