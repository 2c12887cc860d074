"""Handing a host of an exclusive pool over to another tenant: what must succeed there first. Pure.

A node's label `entente.dev/last-tenant` says who used it last. Where a pool has a `handover`, a pod of the operator's
own takes all GPUs of the idle host; when it has succeeded the label names the new tenant, and only then the engine
starts that tenant's job. What has happened so far is told by that pod and by the node's labels alone.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from entente.api.core import NodeRecord, PodRecord
from entente.api.names import (
    LABEL_HANDOVER,
    LABEL_LAST_TENANT,
    LABEL_MANAGED_BY,
    LABEL_POOL,
    LABEL_TENANT,
    MANAGED_BY,
)
from entente.api.pool import GPUPool as Pool
from entente.api.pool import Handover, NodeSharing
from entente.workload.naming import fit, label_value

RUNNING, FAILED = "Running", "Failed"
"""Values of the label `entente.dev/handover` of a node."""


class Stage(Enum):
    """What is to be done next about one host."""

    WAIT = auto()
    """For the host to become idle, or for the pod to end."""
    BEGIN = auto()
    DONE = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Passing:
    """One host on its way to another tenant."""

    pool: Pool
    handover: Handover
    node: NodeRecord
    tenant: str
    """Who gets it."""

    @property
    def pod_name(self) -> str:
        """Of the pod that does it: another one for another tenant."""
        digest = hashlib.sha256(f"{self.node.labels.get(LABEL_LAST_TENANT)}/{self.tenant}".encode()).hexdigest()[:6]
        return fit(f"handover-{self.node.name}", f"-{digest}")

    def stage(self, pods: Iterable[PodRecord]) -> Stage:
        """What is next.

        Args:
            pods: those on the node, handover pods included.
        """
        own = None
        for pod in pods:
            if pod.name == self.pod_name and is_handover(pod, pod.namespace):
                own = pod
            elif pod.holds_gpus:
                return Stage.WAIT
        if own is None:
            return Stage.BEGIN
        if own.deleting or own.holds_gpus:
            return Stage.WAIT
        return Stage.DONE if own.phase == "Succeeded" else Stage.FAILED


def passings(
    pools: Mapping[str, Pool], holds: Iterable[tuple[str, str, Iterable[str]]], nodes: Mapping[str, NodeRecord]
) -> list[Passing]:
    """The hosts that are to be handed over now.

    Args:
        pools: by name.
        holds: tenant, pool and nodes of each hold.
        nodes: by name.
    """
    found = {}
    for tenant, pool_name, held in holds:
        pool = pools.get(pool_name)
        if pool is None or pool.spec.handover is None or pool.spec.node_sharing is not NodeSharing.EXCLUSIVE:
            continue
        for name in held:
            node = nodes.get(name)
            if node is not None and _must_be_handed_over(node, tenant):
                found[name] = Passing(pool, pool.spec.handover, node, tenant)
    return [found[name] for name in sorted(found)]


def _must_be_handed_over(node: NodeRecord, tenant: str) -> bool:
    last = node.labels.get(LABEL_LAST_TENANT)
    return last not in (None, tenant) and node.labels.get(LABEL_HANDOVER) != FAILED


def is_handover(pod: PodRecord, namespace: str) -> bool:
    """Whether a pod does a handover: it is the operator's, so it takes no GPUs from anybody."""
    return LABEL_HANDOVER in pod.labels and pod.namespace == namespace


def handover_pod(passing: Passing, namespace: str) -> dict[str, Any]:
    """The pod that does it: alone on the host's GPUs, without rights, ended when its time is over."""
    gpus = str(passing.node.allocatable.get(passing.pool.spec.resource, 0))
    container: dict[str, Any] = {
        "name": "handover",
        "image": passing.handover.image,
        "resources": {kind: {passing.pool.spec.resource: gpus} for kind in ("requests", "limits")},
    }
    if passing.handover.command:
        container["command"] = list(passing.handover.command)
    here = {"key": "metadata.name", "operator": "In", "values": [passing.node.name]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": passing.pod_name,
            "namespace": namespace,
            "labels": {
                LABEL_MANAGED_BY: MANAGED_BY,
                LABEL_HANDOVER: RUNNING,
                LABEL_POOL: label_value(passing.pool.metadata.name),
                LABEL_TENANT: passing.tenant,
            },
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": passing.handover.timeout_seconds,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "tolerations": [{"operator": "Exists"}],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [here]}]}
                }
            },
            "containers": [container],
        },
    }


def node_labels(stage: Stage, tenant: str) -> dict[str, str | None]:
    if stage is Stage.DONE:
        return {LABEL_LAST_TENANT: tenant, LABEL_HANDOVER: None}
    return {LABEL_HANDOVER: FAILED if stage is Stage.FAILED else RUNNING}
