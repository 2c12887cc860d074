"""The local plane behaves as a cluster does where the other tests rely on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from localplane import ApiFailure, LocalPlane, PlaneError
from localplane.components import COMPONENTS
from localplane.nodes import GPU_RESOURCE
from tests.support.plane import SIM, Corner, eventually, gpu_pod

HACK = Path(__file__).parents[2] / "hack"
LISTENING = "0A"
LOOPBACK_ADDRESSES = {"0100007F", "00000000000000000000000001000000"}


def test_pods_are_scheduled_onto_gpu_nodes_up_to_their_capacity(corner: Corner) -> None:
    nodes = corner.nodes(2, gpus=8)
    namespace = corner.namespace()
    running = [corner.await_phase(corner.create_pod(namespace, f"w{rank}", gpus=8), "Running") for rank in range(2)]
    surplus = corner.create_pod(namespace, "surplus", gpus=1)

    assert {pod["spec"]["nodeName"] for pod in running} == set(nodes)
    assert all(_condition(pod, "Ready") == "True" for pod in running)
    unscheduled = eventually(lambda: _unschedulable(corner.get_or_none(surplus)))
    assert GPU_RESOURCE in unscheduled


def test_nodes_say_where_they_are_and_keep_other_pods_away(corner: Corner) -> None:
    names = corner.nodes(5, gpus=4, blocks=2, racks=2)

    nodes = [corner.plane.api.get(f"/api/v1/nodes/{name}") for name in names]
    racks = [node["metadata"]["labels"]["topology.entente.dev/rack"].removeprefix(corner.name) for node in nodes]
    assert racks == ["-node-b0-r0", "-node-b0-r0", "-node-b0-r1", "-node-b1-r0", "-node-b1-r1"]
    assert [node["status"]["allocatable"][GPU_RESOURCE] for node in nodes] == ["4"] * 5
    assert {"key": GPU_RESOURCE, "value": "present", "effect": "NoSchedule"} in nodes[0]["spec"]["taints"]


def test_more_nodes_go_on_with_the_numbering(corner: Corner) -> None:
    assert [*corner.nodes(1), *corner.nodes(1)] == [f"{corner.name}-node-0000", f"{corner.name}-node-0001"]


def test_a_pod_completes_after_the_seconds_it_was_given(corner: Corner) -> None:
    corner.nodes(1)
    path = corner.create_pod(corner.namespace(), "w", sim={"run-seconds": 2})

    pod = corner.await_phase(path, "Succeeded")

    ended = _terminated(pod)
    assert _seconds(ended["startedAt"], ended["finishedAt"]) >= 2
    assert ended["exitCode"] == 0
    assert _condition(pod, "Ready") == "False"


@pytest.mark.parametrize(
    ("told", "phase", "exit_code"),
    [
        pytest.param({"fail-after-seconds": 0.2}, "Failed", 1, id="fails"),
        pytest.param({"fail-after-seconds": 0.2, "exit-code": 77}, "Failed", 77, id="fails with an exit code"),
        pytest.param({"fail-after-seconds": 0.2, "run-seconds": 60}, "Failed", 1, id="fails before it would be done"),
        pytest.param({"fail-after-seconds": 60, "run-seconds": 0.2}, "Succeeded", 0, id="is done before it would fail"),
        pytest.param({"run-seconds": 0.2, "exit-code": 3}, "Failed", 3, id="is done with an exit code"),
        pytest.param({"exit-code": 0}, "Succeeded", 0, id="ends at once, well"),
        pytest.param({"exit-code": 137}, "Failed", 137, id="ends at once, killed"),
    ],
)
def test_a_pod_ends_as_it_was_told(corner: Corner, told: dict[str, float], phase: str, exit_code: int) -> None:
    corner.nodes(1)
    path = corner.create_pod(corner.namespace(), "w", sim=told)

    pod = corner.await_phase(path, phase)

    assert _terminated(pod)["exitCode"] == exit_code


def test_a_running_pod_fails_on_request(corner: Corner) -> None:
    corner.nodes(1)
    namespace = corner.namespace()
    path = corner.create_pod(namespace, "w")
    corner.await_phase(path, "Running")

    corner.plane.kubectl("annotate", "pod", "w", "-n", namespace, f"{SIM}exit-code=9")

    assert _terminated(corner.await_phase(path, "Failed"))["exitCode"] == 9


def test_a_pod_that_is_changed_meanwhile_still_ends_in_time(corner: Corner) -> None:
    corner.nodes(1)
    path = corner.create_pod(corner.namespace(), "w", sim={"run-seconds": 2})

    def change_it_once_more() -> bool:
        changed = corner.plane.api.patch(path, {"metadata": {"labels": {"at": str(time.monotonic_ns())}}})
        return bool(changed["status"]["phase"] == "Succeeded")

    eventually(change_it_once_more, what="the end of a pod that never stays the same for long")


def test_a_pod_starts_as_late_as_it_was_told(corner: Corner) -> None:
    corner.nodes(1)
    path = corner.create_pod(corner.namespace(), "w", sim={"start-seconds": 2})

    pod = corner.await_phase(path, "Running")

    since = {each["type"]: each["lastTransitionTime"] for each in pod["status"]["conditions"]}
    assert _seconds(since["PodScheduled"], since["Ready"]) >= 2


def test_a_deleted_pod_ends_at_once_unless_told_otherwise(corner: Corner) -> None:
    corner.nodes(1)
    path = corner.create_pod(corner.namespace(), "w", grace=60)
    corner.await_phase(path, "Running")

    corner.plane.api.delete(path)

    corner.await_gone(path, within=30)


@pytest.mark.parametrize(
    ("told", "grace", "phase", "exit_code"),
    [
        pytest.param({"stop-seconds": 2}, 30, "Failed", 143, id="terminated"),
        pytest.param({"stop-seconds": 2, "stop-exit-code": 0}, 30, "Succeeded", 0, id="saved and done"),
        pytest.param({"stop-seconds": 60}, 2, "Failed", 137, id="killed at its grace"),
    ],
)
def test_a_deleted_pod_takes_its_time_to_stop_and_says_how_it_ended(
    corner: Corner, told: dict[str, float], grace: int, phase: str, exit_code: int
) -> None:
    corner.nodes(1)
    namespace = corner.namespace()
    path = corner.create_pod(namespace, "w", grace=grace, sim=told)
    # Without a finalizer its last status would be gone with it before it can be read.
    corner.plane.api.patch(path, {"metadata": {"finalizers": ["entente.dev/test"]}})
    corner.await_phase(path, "Running")

    deleted = time.monotonic()
    corner.plane.api.delete(path)
    pod = corner.await_phase(path, phase)

    assert 2.0 < time.monotonic() - deleted < 30.0
    assert _terminated(pod)["exitCode"] == exit_code
    corner.plane.api.patch(path, {"metadata": {"finalizers": None}})
    corner.await_gone(path)


def test_a_node_stays_not_ready_until_it_is_made_ready(corner: Corner) -> None:
    (node,) = corner.nodes(1)
    corner.plane.set_node_ready(node, ready=False)
    path = corner.create_pod(corner.namespace(), "w")

    unscheduled = eventually(lambda: _unschedulable(corner.get_or_none(path)))
    assert "untolerated taint" in unscheduled
    assert _condition(corner.plane.api.get(f"/api/v1/nodes/{node}"), "Ready") == "False"
    corner.plane.set_node_ready(node, ready=True)

    corner.await_phase(path, "Running")


def test_a_removed_node_is_gone(corner: Corner) -> None:
    (node,) = corner.nodes(1)

    corner.plane.remove_node(node)

    assert corner.get_or_none(f"/api/v1/nodes/{node}") is None


def test_an_unknown_person_may_do_nothing(corner: Corner) -> None:
    namespace = corner.namespace()
    eve = corner.plane.user_kubeconfig("eve", ["strangers"])

    with pytest.raises(PlaneError, match="Forbidden"):
        corner.plane.kubectl("get", "pods", "-n", namespace, kubeconfig=eve)


def test_a_person_may_do_what_the_group_is_granted(corner: Corner) -> None:
    namespace = corner.namespace()
    ada = corner.plane.user_kubeconfig("ada", ["researchers"])
    corner.plane.kubectl("create", "rolebinding", "view", "--clusterrole=view", "--group=researchers", "-n", namespace)

    can = corner.plane.kubectl("auth", "can-i", "list", "pods", "-n", namespace, kubeconfig=ada)

    assert can.strip() == "yes"


def test_a_service_account_is_known_by_its_token(corner: Corner) -> None:
    namespace = corner.namespace()
    account = corner.plane.service_account_kubeconfig(namespace, "default")

    me = corner.plane.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}", kubeconfig=account)

    assert me == f"system:serviceaccount:{namespace}:default"


def test_pod_security_refuses_a_privileged_pod(corner: Corner) -> None:
    namespace = corner.namespace(labels={"pod-security.kubernetes.io/enforce": "restricted"})
    pod = gpu_pod("w", corner.product)
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}

    with pytest.raises(ApiFailure, match="violates PodSecurity") as refusal:
        corner.plane.api.create(f"/api/v1/namespaces/{namespace}/pods", pod)

    assert refusal.value.status == 403


def test_a_quota_bounds_gpus(corner: Corner) -> None:
    namespace = corner.namespace()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "gpus"},
        "spec": {"hard": {f"requests.{GPU_RESOURCE}": "1"}},
    }
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    corner.plane.api.create(path, quota)
    eventually(lambda: corner.plane.api.get(f"{path}/gpus").get("status"))

    with pytest.raises(ApiFailure, match="exceeded quota"):
        corner.create_pod(namespace, "w", gpus=2)


def test_children_are_collected_with_their_owner(corner: Corner) -> None:
    namespace = corner.namespace()
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    owner = corner.plane.api.create(path, {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    corner.plane.api.create(path, {"metadata": {"name": "child", "ownerReferences": [reference]}})

    corner.plane.api.delete(f"{path}/owner")

    corner.await_gone(f"{path}/child")


def test_nothing_listens_beyond_loopback(plane: LocalPlane) -> None:
    inodes = {inode for pid in _processes_of(plane.directory) for inode in _sockets(pid)}
    listeners = [address for address, inode in _listeners() if inode in inodes]

    assert len(listeners) >= len(COMPONENTS)
    assert set(listeners) <= LOOPBACK_ADDRESSES


def test_a_plane_that_loses_its_api_server_keeps_what_was_stored() -> None:
    with LocalPlane() as own:
        own.kubectl("create", "namespace", "kept")
        own.restart("kube-apiserver")

        assert own.kubectl("get", "namespace", "kept", "-o", "name").strip() == "namespace/kept"


def test_two_planes_start_at_once_and_do_not_see_each_other() -> None:
    planes = [LocalPlane(), LocalPlane()]
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(LocalPlane.start, planes))
        first, second = planes
        first.kubectl("create", "namespace", "only-here")

        assert "only-here" in first.kubectl("get", "namespaces")
        assert "only-here" not in second.kubectl("get", "namespaces")
    finally:
        for plane in planes:
            plane.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_no_process_and_no_file_survives_the_end_of_its_python(number: signal.Signals) -> None:
    script = (
        "import signal, time\n"
        "from localplane import LocalPlane\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background it is ignored
        "with LocalPlane() as plane:\n"
        "    print(plane.directory, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(  # noqa: S603 - the test's own script
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(HACK)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        directory = Path(parent.stdout.readline().strip())
        assert len(_processes_of(directory)) == len(COMPONENTS) + 1  # and their supervisor

        parent.send_signal(number)

    eventually(lambda: not _processes_of(directory), what="the end of all processes")
    eventually(lambda: not directory.exists(), what="the end of the directory")


def test_the_command_runs_a_plane_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "localplane", "up", "--nodes", "2", "--product", "B200"]
    with subprocess.Popen(  # noqa: S603 - this project's own command
        command, env={**os.environ, "PYTHONPATH": str(HACK)}, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        comment, kubeconfig, path = (running.stdout.readline().strip() for _ in range(3))
        assert comment.startswith("# https://127.0.0.1:")
        shell = f"{kubeconfig}; {path}; kubectl get nodes -o name"
        nodes = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)  # noqa: S603 - lines that the command says to run
        running.send_signal(signal.SIGINT)

        assert nodes.stdout.split() == ["node/b200-0000", "node/b200-0001"]
        assert running.wait(60) == 0
    assert not Path(kubeconfig.removeprefix("export KUBECONFIG=")).exists()


def _condition(thing: dict[str, object], kind: str) -> str:
    status = thing["status"]
    assert isinstance(status, dict)
    return next(str(condition["status"]) for condition in status["conditions"] if condition["type"] == kind)


def _unschedulable(pod: dict[str, object] | None) -> str:
    status = (pod or {}).get("status")
    assert isinstance(status, dict)
    found = [entry for entry in status.get("conditions", []) if entry.get("reason") == "Unschedulable"]
    return str(found[0]["message"]) if found else ""


def _terminated(pod: dict[str, object]) -> dict[str, object]:
    status = pod["status"]
    assert isinstance(status, dict)
    terminated = status["containerStatuses"][0]["state"]["terminated"]
    assert isinstance(terminated, dict)
    return terminated


def _seconds(earlier: object, later: object) -> float:
    """Between two times of the API server, which knows whole seconds."""
    return (datetime.fromisoformat(str(later)) - datetime.fromisoformat(str(earlier))).total_seconds()


def _processes_of(directory: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if str(directory).encode() in command:
            found.append(int(entry.name))
    return found


def _sockets(pid: int) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has just been closed
            link = str(descriptor.readlink())
            if link.startswith("socket:["):
                found.add(link.removeprefix("socket:[").removesuffix("]"))
    return found


def _listeners() -> list[tuple[str, str]]:
    rows = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]
    ]
    return [(row[1].split(":")[0], row[9]) for row in rows if row[3] == LISTENING]
