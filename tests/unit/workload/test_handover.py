"""Hosts on their way from one tenant to another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from entente.api.core import NodeRecord, PodRecord
from entente.api.names import GPU_RESOURCE, LABEL_HANDOVER
from entente.api.pool import GPUPool
from entente.workload.handover import Passing, Stage, handover_pod, is_handover, node_labels, passings
from tests.support import manifests
from tests.support.workloads import job, status, worker

POOL = GPUPool.model_validate(
    manifests.pool(handover={"image": "registry.example/scrub:1", "command": ["scrub"], "timeoutSeconds": 60})
)


def node(**labels: str) -> NodeRecord:
    named = {f"entente.dev/{key.replace('_', '-')}": value for key, value in labels.items()}
    return NodeRecord(name="a", labels=named, ready=True, unschedulable=False, taints=(), allocatable={GPU_RESOURCE: 8})


def found(of: NodeRecord, pool: GPUPool = POOL, tenant: str = "xai") -> list[Passing]:
    return passings({"h100": pool}, [(tenant, "h100", {"a": 1})], {"a": of})


HOSTS = {
    "used last by another": (node(last_tenant="anthropic"), True),
    "used last by itself": (node(last_tenant="xai"), False),
    "never used": (node(), False),
    "whose last handover failed": (node(last_tenant="anthropic", handover="Failed"), False),
    "whose handover is under way": (node(last_tenant="anthropic", handover="Running"), True),
}


@pytest.mark.parametrize(("host", "passes"), HOSTS.values(), ids=HOSTS)
def test_which_hosts_are_handed_over(host: NodeRecord, passes: bool) -> None:  # noqa: FBT001 - a table's column
    assert bool(found(host)) is passes


def test_shared_pools_and_those_without_a_handover_hand_nothing_over() -> None:
    host = node(last_tenant="anthropic")
    assert found(host, GPUPool.model_validate(manifests.pool())) == []
    shared = manifests.pool(nodeSharing="Shared", handover={"image": "x", "timeoutSeconds": 60})
    spec = POOL.spec.model_copy(update={"node_sharing": "Shared"})
    assert found(host, POOL.model_copy(update={"spec": spec})) == []
    assert shared["spec"]["nodeSharing"] == "Shared"


def pod(passing: Passing, phase: str, *, deleting: bool = False) -> PodRecord:
    record = PodRecord.from_object(handover_pod(passing, "entente-system"))
    return replace(record, node="a", phase=phase, deleting=deleting)


OTHER = worker(job(status("Running")), 0)
STAGES = {
    "the host is idle": ((), Stage.BEGIN),
    "a worker is left": ((OTHER,), Stage.WAIT),
    "an ended worker is left": ((replace(OTHER, phase="Failed"),), Stage.BEGIN),
    "it runs": (("Running",), Stage.WAIT),
    "it has succeeded": (("Succeeded",), Stage.DONE),
    "it has failed": (("Failed",), Stage.FAILED),
}


@pytest.mark.parametrize(("pods", "stage"), STAGES.values(), ids=STAGES)
def test_what_is_next(pods: tuple[PodRecord | str, ...], stage: Stage) -> None:
    passing = found(node(last_tenant="anthropic"))[0]
    there = [pod(passing, each) if isinstance(each, str) else each for each in pods]
    assert passing.stage(there) is stage


def test_the_pod_takes_all_gpus_of_the_host_and_has_no_rights() -> None:
    body = handover_pod(found(node(last_tenant="anthropic"))[0], "entente-system")
    spec = body["spec"]
    assert spec["containers"][0]["resources"]["limits"] == {GPU_RESOURCE: "8"}
    assert spec["containers"][0]["command"] == ["scrub"]
    assert spec["activeDeadlineSeconds"] == 60
    assert spec["automountServiceAccountToken"] is False
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms[0]["matchFields"][0]["values"] == ["a"]


def test_only_the_operators_own_pods_count_as_handovers() -> None:
    passing = found(node(last_tenant="anthropic"))[0]
    assert is_handover(pod(passing, "Running"), "entente-system")
    posing = replace(OTHER, labels={**OTHER.labels, LABEL_HANDOVER: "Running"})
    assert not is_handover(posing, "entente-system")


def test_another_handover_of_the_same_host_has_another_name() -> None:
    there = found(node(last_tenant="anthropic"))[0]
    back = found(node(last_tenant="xai"), tenant="anthropic")[0]
    assert there.pod_name != back.pod_name


def test_the_node_tells_how_it_went() -> None:
    assert node_labels(Stage.BEGIN, "xai") == {LABEL_HANDOVER: "Running"}
    assert node_labels(Stage.FAILED, "xai") == {LABEL_HANDOVER: "Failed"}
    assert node_labels(Stage.DONE, "xai") == {"entente.dev/last-tenant": "xai", LABEL_HANDOVER: None}
