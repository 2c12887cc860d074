"""The chart: what Helm makes of it, and what the API server makes of that."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from entente.api.tenant import Role
from entente.cli import main
from entente.tenancy.access import role_name
from localplane import LocalPlane
from localplane.binaries import PLANE, ensure
from tests.support import crds
from tests.support.helm import CHART, IMAGE, NAMESPACE, RELEASE, Helm, HelmError, Manifest, of_kind, one
from tests.support.manifests import pool

BINARIES = ("helm", *PLANE)

CRDS = sorted(path.name for path in (CHART / "files" / "crds").glob("*.yaml"))


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(ensure("helm"), tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="module")
def defaults(helm: Helm) -> list[Manifest]:
    return helm.template()


def pod(manifests: list[Manifest]) -> dict[str, Any]:
    spec: dict[str, Any] = one(manifests, "Deployment")["spec"]["template"]["spec"]
    return spec


def test_helm_finds_nothing_to_complain_about(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


def test_the_chart_can_be_packed(helm: Helm, tmp_path: Path) -> None:
    helm("package", str(CHART), "--destination", str(tmp_path))

    (packed,) = tmp_path.iterdir()
    printed = helm("template", RELEASE, str(packed), "--set", f"image.repository={IMAGE}")
    assert one([manifest for manifest in yaml.safe_load_all(printed) if manifest], "Deployment")


def test_the_defaults_make_what_runs_and_nothing_that_needs_other_operators(defaults: list[Manifest]) -> None:
    assert sorted(manifest["kind"] for manifest in defaults) == sorted(
        [
            *["CustomResourceDefinition"] * len(CRDS),
            "ClusterRole",
            "ClusterRoleBinding",
            "Deployment",
            "PodDisruptionBudget",
            "Role",
            "RoleBinding",
            "Service",
            "ServiceAccount",
        ]
    )


def test_the_pod_cannot_be_root_nor_become_it_nor_write_to_its_image(defaults: list[Manifest]) -> None:
    spec = pod(defaults)
    (container,) = spec["containers"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "volumes" not in spec


def test_each_probe_asks_the_port_that_the_operator_is_told_to_serve(helm: Helm) -> None:
    (container,) = pod(helm.template(health__port="9999"))["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": 9999}]
    assert container["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert {"--health-port=9999", "--health-host=0.0.0.0"} <= set(container["args"])


def test_the_pod_is_started_with_options_that_the_command_has(defaults: list[Manifest]) -> None:
    (container,) = pod(defaults)["containers"]
    command, *arguments = container["args"]
    group = main.main
    context = click.Context(group)

    found = group.get_command(context, command)
    assert found is not None
    parsed = found.make_context(command, [argument.replace("$(POD_NAMESPACE)", NAMESPACE) for argument in arguments])
    assert parsed.params["health_port"] == 8080
    assert parsed.params["namespace"] == NAMESPACE


def test_selectors_match_the_pod_whatever_labels_are_added(helm: Helm) -> None:
    manifests = helm.template(
        extraLabels__team="infra", podLabels__tier="system", metrics__serviceMonitor__enabled="true"
    )
    deployment = one(manifests, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()

    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        one(manifests, "Service")["spec"]["selector"],
        one(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        pod(manifests)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels
        assert "team" not in selector
    monitored = one(manifests, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert monitored.items() <= one(manifests, "Service")["metadata"]["labels"].items()


def test_extra_labels_are_on_everything_but_the_crds(helm: Helm) -> None:
    manifests = helm.template(extraLabels__team="infra", networkPolicy__enabled="true", prometheusRule__enabled="true")

    for manifest in manifests:
        if manifest["kind"] != "CustomResourceDefinition":
            assert manifest["metadata"]["labels"]["team"] == "infra"


def test_rights_are_named_one_by_one(defaults: list[Manifest]) -> None:
    rules = [rule for kind in ("ClusterRole", "Role") for rule in one(defaults, kind)["rules"]]

    for rule in rules:
        assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
        assert not {"secrets", "pods/exec", "serviceaccounts"} & set(rule["resources"])
        if {"escalate", "bind", "impersonate"} & set(rule["verbs"]):
            assert set(rule["resourceNames"]) == {role_name(role) for role in Role}


Check = Callable[[list[Manifest]], bool]

SWITCHES: dict[str, tuple[dict[str, str], Check]] = {
    "one replica has no disruption budget, which would block its node": (
        {"replicas": "1"},
        lambda m: not of_kind(m, "PodDisruptionBudget"),
    ),
    "no disruption budget": (
        {"podDisruptionBudget__enabled": "false"},
        lambda m: not of_kind(m, "PodDisruptionBudget"),
    ),
    "a tag": ({"image__tag": "v9"}, lambda m: pod(m)["containers"][0]["image"] == f"{IMAGE}:v9"),
    "a digest wins over a tag": (
        {"image__tag": "v9", "image__digest": f"sha256:{'a' * 64}"},
        lambda m: pod(m)["containers"][0]["image"] == f"{IMAGE}@sha256:{'a' * 64}",
    ),
    "a pull secret": (
        {"imagePullSecrets[0]__name": "regcred"},
        lambda m: pod(m)["imagePullSecrets"] == [{"name": "regcred"}],
    ),
    "a priority class": (
        {"priorityClassName": "system-cluster-critical"},
        lambda m: pod(m)["priorityClassName"] == "system-cluster-critical",
    ),
    "a debug port, which no port of the container or the Service leads to": (
        {"debug__enabled": "true", "debug__port": "9998"},
        lambda m: (
            "--debug-port=9998" in pod(m)["containers"][0]["args"]
            and "9998" not in str([pod(m)["containers"][0]["ports"], one(m, "Service")])
        ),
    ),
    "no debug port unless told": (
        {},
        lambda m: not [argument for argument in pod(m)["containers"][0]["args"] if "debug" in argument],
    ),
    "no topology spread": (
        {"topologySpread__enabled": "false"},
        lambda m: "topologySpreadConstraints" not in pod(m),
    ),
    "somebody else's CRDs": ({"crds__install": "false"}, lambda m: not of_kind(m, "CustomResourceDefinition")),
    "CRDs that go with the release": (
        {"crds__keep": "false"},
        lambda m: all("annotations" not in crd["metadata"] for crd in of_kind(m, "CustomResourceDefinition")),
    ),
    "somebody else's RBAC": (
        {"rbac__create": "false"},
        lambda m: not [manifest for manifest in m if "Role" in manifest["kind"]],
    ),
    "somebody else's service account": (
        {"serviceAccount__create": "false", "serviceAccount__name": "given"},
        lambda m: (
            not of_kind(m, "ServiceAccount")
            and pod(m)["serviceAccountName"] == "given"
            and one(m, "ClusterRoleBinding")["subjects"][0]["name"] == "given"
        ),
    ),
    "annotations for Prometheus": (
        {"metrics__annotations": "true"},
        lambda m: one(m, "Service")["metadata"]["annotations"]["prometheus.io/port"] == "8080",
    ),
    "a ServiceMonitor": (
        {"metrics__serviceMonitor__enabled": "true", "metrics__serviceMonitor__labels__release": "prom"},
        lambda m: one(m, "ServiceMonitor")["metadata"]["labels"]["release"] == "prom",
    ),
    "alerts, with labels by which a Prometheus finds them": (
        {"prometheusRule__enabled": "true", "prometheusRule__labels__release": "prom"},
        lambda m: one(m, "PrometheusRule")["metadata"]["labels"]["release"] == "prom",
    ),
    "a network policy lets nobody in unless told": (
        {"networkPolicy__enabled": "true"},
        lambda m: one(m, "NetworkPolicy")["spec"]["ingress"] == [],
    ),
    "a network policy lets Prometheus in": (
        {
            "networkPolicy__enabled": "true",
            "networkPolicy__metricsFrom[0]__podSelector__matchLabels__app": "prometheus",
        },
        lambda m: (
            one(m, "NetworkPolicy")["spec"]["ingress"][0]["from"]
            == [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
        ),
    ),
}


@pytest.mark.parametrize("case", SWITCHES)
def test_a_switch_does_what_it_says(helm: Helm, case: str) -> None:
    values, holds = SWITCHES[case]

    assert holds(helm.template(**values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"replicaCount": "2"}, "'replicaCount' not allowed", id="a misspelt value"),
        pytest.param({"replicas": "0"}, "'/replicas': minimum: got 0, want 1", id="no replica"),
        pytest.param(
            {"image__repository": ""}, r"image\.repository is needed: .* --set image\.repository=", id="no image named"
        ),
        pytest.param(
            {"serviceAccount__create": "false"}, "serviceAccount.name is needed", id="no account made and none named"
        ),
    ],
)
def test_helm_refuses_a_mistake_by_name(helm: Helm, values: dict[str, str], message: str) -> None:
    with pytest.raises(HelmError, match=message.replace("(", r"\(")):
        helm.template(**values)


def test_the_crds_are_the_projects_but_for_the_word_that_keeps_them(defaults: list[Manifest]) -> None:
    rendered = {manifest["metadata"]["name"]: manifest for manifest in of_kind(defaults, "CustomResourceDefinition")}
    sources = {
        crd["metadata"]["name"]: crd
        for crd in (yaml.safe_load((CHART / "files" / "crds" / name).read_text()) for name in CRDS)
    }

    kept = copy.deepcopy(sources)
    for crd in kept.values():
        crd["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    assert rendered == kept


@pytest.fixture(scope="module")
def estate() -> Iterator[LocalPlane]:
    """A control plane of its own, since the chart brings CRDs, which are everybody's."""
    with LocalPlane() as plane:
        plane.add_gpu_nodes(2)
        yield plane


class Release:
    """The chart on a control plane, in a namespace of its own that enforces the strictest pod security."""

    def __init__(self, plane: LocalPlane, helm: Helm) -> None:
        self.plane = plane
        self.helm = Helm(helm.binary, helm.home, plane.kubeconfig)

    def install(self, chart: Path = CHART, *arguments: str) -> str:
        """Install or upgrade, and wait until its pods are ready."""
        return self.helm(
            *("upgrade", "--install", RELEASE, str(chart), "--namespace", NAMESPACE),
            # All nodes are GPU nodes here, with their taint.
            *("--set", f"tolerations[0].operator=Exists,image.repository={IMAGE}"),
            *("--wait", "--timeout", "90s", *arguments),
        )

    def get(self, *what: str) -> Any:  # noqa: ANN401 # any JSON
        return json.loads(self.plane.kubectl("get", *what, "-o", "json"))

    def fields_of_a_pool(self) -> set[str]:
        (version,) = self.get("crd", "gpupools.entente.dev")["spec"]["versions"]
        return set(version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"])


@pytest.fixture
def release(estate: LocalPlane, helm: Helm) -> Iterator[Release]:
    made = Release(estate, helm)
    estate.kubectl("create", "namespace", NAMESPACE)
    estate.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    yield made
    made.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
    crds.remove(estate)
    estate.kubectl("delete", "namespace", NAMESPACE)


def test_it_installs_under_the_restricted_pod_security_standard_and_becomes_available(release: Release) -> None:
    notes = release.install()

    deployment = release.get("-n", NAMESPACE, "deployment", RELEASE)
    assert deployment["status"]["availableReplicas"] == 2
    assert f"rollout status deployment/{RELEASE}" in notes
    for crd in release.get("crd")["items"]:
        if crd["spec"]["group"] == "entente.dev":
            conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
            assert conditions["Established"] == "True"


def test_an_upgrade_brings_the_crds_of_the_new_version(release: Release, tmp_path: Path) -> None:
    earlier = tmp_path / "entente"
    shutil.copytree(CHART, earlier)
    path = earlier / "files" / "crds" / "gpupools.yaml"
    crd = yaml.safe_load(path.read_text())
    properties = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del properties["handover"]
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].pop("x-kubernetes-validations", None)
    path.write_text(yaml.safe_dump(crd))
    release.install(earlier)
    assert "handover" not in release.fields_of_a_pool()

    release.install()

    assert "handover" in release.fields_of_a_pool()


def test_an_uninstall_leaves_the_crds_and_what_people_made_with_them(release: Release) -> None:
    release.install()
    release.plane.kubectl("apply", "-f", "-", stdin=json.dumps(pool("kept")))

    release.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait")

    assert release.get("gpupool", "kept")["spec"]["nodeSelector"] == pool()["spec"]["nodeSelector"]
    assert not release.get("clusterrole", "-l", "app.kubernetes.io/part-of=entente")["items"]


def test_crds_that_were_there_before_can_be_taken_over(release: Release) -> None:
    release.plane.kubectl("apply", "-f", str(CHART / "files" / "crds"))

    release.install(CHART, "--take-ownership")

    annotations = release.get("crd", "tenants.entente.dev")["metadata"]["annotations"]
    assert annotations["meta.helm.sh/release-name"] == RELEASE
