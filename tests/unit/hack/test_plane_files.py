"""Certificates, kubeconfigs, command lines and nodes of the local plane."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localplane import LocalPlane, PlaneError, kubeconfig
from localplane.certificates import Authority, signing_keys
from localplane.components import COMPONENTS, KWOK, STAGES, Credentials, Layout
from localplane.lifecycle import MARKER
from localplane.nodes import GPU_RESOURCE, NodeShape, equal_parts, is_ready


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    keys = tmp_path / "keys"
    keys.mkdir()
    ports = {component: 20000 + number for number, component in enumerate(COMPONENTS)}
    files = {component: Path("/binaries") / component for component in COMPONENTS}
    return Layout(tmp_path, ports, files, Credentials.create(keys))


def test_a_certificate_names_a_user_and_groups_and_is_signed(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    issuer = x509.load_pem_x509_certificate(authority.files.certificate.read_bytes())

    issued = authority.issue("ada", "ada", ["admins", "readers"])

    certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    certificate.verify_directly_issued_by(issuer)
    assert [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["ada"]
    groups = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [group.value for group in groups] == ["admins", "readers"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_only_a_server_may_serve(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")

    def usages(*hosts: str) -> list[x509.ObjectIdentifier]:
        issued = authority.issue("x", "x", hosts=hosts)
        certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)

    assert usages() == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert ExtendedKeyUsageOID.SERVER_AUTH in usages("127.0.0.1", "localhost")


def test_private_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    keys = [authority.files.key, authority.issue("ada", "ada").key, signing_keys(tmp_path, "tokens").private]

    assert [stat.S_IMODE(key.stat().st_mode) for key in keys] == [0o600] * 3


def test_a_kubeconfig_is_complete_in_itself(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    issued = authority.issue("ada", "ada")

    path = kubeconfig.write(
        tmp_path / "ada.yaml",
        "https://127.0.0.1:1",
        authority.files.certificate,
        "ada",
        kubeconfig.certificate_credentials(issued),
    )

    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    user = document["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]) == issued.key.read_bytes()
    assert base64.b64decode(user["client-certificate-data"]) == issued.certificate.read_bytes()
    assert document["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_runs_its_own_binary_and_is_told_nothing_of_other_addresses(layout: Layout, component: str) -> None:
    layout.write_configuration()
    argv = layout.argv(component)

    assert argv[0] == f"/binaries/{component}"
    assert "0.0.0.0" not in " ".join(argv)  # noqa: S104 - it must not be there
    listens = [argument for argument in argv if argument.startswith(("--bind-address", "--listen-"))]
    assert all("127.0.0.1" in argument for argument in listens)
    assert bool(listens) == (component != KWOK)


def test_the_configuration_of_kwok_has_options_and_all_stages(layout: Layout) -> None:
    layout.write_configuration()

    documents = list(yaml.safe_load_all((layout.directory / "kwok.yaml").read_text(encoding="utf-8")))

    assert documents[0]["kind"] == "KwokConfiguration"
    assert documents[0]["options"]["serverAddress"] == f"127.0.0.1:{layout.ports[KWOK]}"
    assert {document["kind"] for document in documents[1:]} == {"Stage"}
    assert len(documents) > len(list(STAGES.glob("*.yaml")))


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(PlaneError, match="must be new, empty or an earlier plane's"):
        LocalPlane(tmp_path)._make_directory()

    assert (tmp_path / "thesis.tex").exists()


def test_the_directory_of_an_earlier_plane_is_taken_over(tmp_path: Path) -> None:
    plane = LocalPlane(tmp_path / "plane")
    (plane._make_directory() / "etcd").mkdir()
    plane.stop()

    directory = plane._make_directory()
    plane.stop()

    assert [path.name for path in directory.iterdir()] == [MARKER]


def test_the_directory_of_a_plane_that_runs_is_left_alone(tmp_path: Path) -> None:
    plane, other = LocalPlane(tmp_path), LocalPlane(tmp_path)
    (plane._make_directory() / "etcd").mkdir()

    with pytest.raises(PlaneError, match="is that of a plane that runs: end that one first, or name another"):
        other._make_directory()
    other.stop()
    plane.stop()

    assert (tmp_path / "etcd").exists()


def test_a_plane_that_does_not_run_says_so() -> None:
    with pytest.raises(PlaneError, match="the plane is not running"):
        LocalPlane().kubectl("get", "nodes")


def test_an_unknown_component_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(PlaneError, match=r"component must be one of etcd, kube-apiserver.*, but is 'kubelet'"):
        LocalPlane().restart("kubelet")


@pytest.mark.parametrize(
    ("total", "parts", "expected"),
    [
        pytest.param(8, 4, [2, 2, 2, 2], id="even"),
        pytest.param(7, 3, [3, 2, 2], id="the first are larger"),
        pytest.param(1, 3, [1, 0, 0], id="fewer than parts"),
        pytest.param(0, 2, [0, 0], id="none"),
    ],
)
def test_nodes_are_cut_into_nearly_equal_parts(total: int, parts: int, expected: list[int]) -> None:
    assert equal_parts(total, parts) == expected


def test_racks_are_numbered_within_their_block() -> None:
    nodes = NodeShape(blocks=2, racks=2).nodes("a", 10, 4)

    assert [node["metadata"]["name"] for node in nodes] == ["a-0010", "a-0011", "a-0012", "a-0013"]
    assert [node["metadata"]["labels"]["topology.entente.dev/rack"] for node in nodes] == [
        "a-b0-r0",
        "a-b0-r1",
        "a-b1-r0",
        "a-b1-r1",
    ]


def test_a_node_without_gpus_has_none_of_the_resource() -> None:
    (node,) = NodeShape(gpus=0).nodes("cpu", 0, 1)

    assert GPU_RESOURCE not in node["status"]["capacity"]


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        pytest.param({"gpus": -1}, "gpus must be at least 0, but is -1", id="gpus"),
        pytest.param({"blocks": 0}, "blocks must be at least 1, but is 0", id="blocks"),
        pytest.param({"racks": 0}, "racks must be at least 1, but is 0", id="racks"),
    ],
)
def test_an_impossible_shape_is_refused(shape: dict[str, int], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        NodeShape(**shape)  # type: ignore[arg-type]  # the names are checked by the call itself


@pytest.mark.parametrize(
    ("status", "taints", "ready"),
    [
        pytest.param("True", [], True, id="ready"),
        pytest.param("False", [], False, id="not ready"),
        pytest.param("True", ["node.kubernetes.io/not-ready"], False, id="ready, but the taint is still there"),
        pytest.param("True", [GPU_RESOURCE], True, id="with the usual taint"),
    ],
)
def test_a_node_is_ready_when_pods_can_go_there(status: str, taints: list[str], ready: bool) -> None:  # noqa: FBT001 - a column of the table
    node = {
        "spec": {"taints": [{"key": key, "effect": "NoSchedule"} for key in taints]},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    }

    assert is_ready(node) is ready
