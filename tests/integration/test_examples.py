"""`kubectl apply -f examples/` on a cluster with Entente."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from localplane import LocalPlane
from tests.support.operators import OperatorProcess, running
from tests.support.plane import Json, eventually

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ROOT = "/apis/entente.dev/v1alpha1"


@pytest.fixture(scope="module")
def operator(plane: LocalPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """An operator, and the hosts that the pool of the examples selects."""
    nodes = plane.add_gpu_nodes(32, product="H100", blocks=2, racks=4, prefix="examples")
    with running(plane, tmp_path_factory.mktemp("operator")) as process:
        yield process
        plane.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", str(EXAMPLES))
        eventually(lambda: _gone(plane), what="the end of the examples' tenants")
    for node in nodes:
        plane.remove_node(node)


def _gone(plane: LocalPlane) -> bool:
    names = {tenant["metadata"]["name"] for tenant in plane.api.get(f"{ROOT}/tenants")["items"]}
    return not names & {"xai", "anthropic"}


def _job(plane: LocalPlane, namespace: str, name: str) -> Json:
    status: Json = plane.api.get(f"{ROOT}/namespaces/{namespace}/trainingjobs/{name}").get("status") or {}
    return status


def _has_started(plane: LocalPlane, namespace: str, name: str) -> bool:
    return _job(plane, namespace, name).get("phase") in ("Starting", "Running", "Succeeded")


def test_the_examples_can_be_applied_twice_and_run(operator: OperatorProcess) -> None:
    plane = operator.plane
    plane.kubectl("apply", "-f", str(EXAMPLES))
    for job in (
        "xai-training/small",
        "anthropic-research/gang",
        "anthropic-research/elastic",
        "anthropic-evals/evaluation",
    ):
        eventually(partial(_has_started, plane, *job.split("/")), what=f"a start of {job}")
    eventually(
        lambda: _job(plane, "xai-training", "suspended").get("phase") == "Suspended", what="a job that is suspended"
    )
    plane.kubectl("apply", "-f", str(EXAMPLES))
    for tenant in ("xai", "anthropic"):
        conditions = plane.api.get(f"{ROOT}/tenants/{tenant}")["status"]["conditions"]
        assert {each["type"]: each["status"] for each in conditions}["Ready"] == "True"


def test_the_tables_read_well(operator: OperatorProcess) -> None:
    plane = operator.plane
    eventually(lambda: "total" in plane.api.get(f"{ROOT}/tenants/xai")["status"], what="the books of xai")
    eventually(lambda: plane.api.get(f"{ROOT}/gpupools/h100")["status"]["capacity"], what="the books of h100")
    rows = [line.split() for line in plane.kubectl("get", "gpools,tenants,trainingjobs", "-A").splitlines() if line]
    named = {row[1] if row[0] in ("xai-training", "anthropic-research") else row[0]: row for row in rows}
    assert named["gpupool.entente.dev/h100"][1:3] == ["32", "256"]
    assert named["tenant.entente.dev/xai"][1] == "128"
    assert named["tenant.entente.dev/xai"][5] == "True"
    assert named["trainingjob.entente.dev/suspended"][2:4] == ["Suspended", "16"]
