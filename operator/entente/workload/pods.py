"""The pods of a gang: the user's template with the GPUs, the node, the priority and the rendezvous of each worker."""

import hashlib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import orjson

from entente.api.job import TrainingJob
from entente.api.names import (
    LABEL_ATTEMPT,
    LABEL_CLASS,
    LABEL_JOB,
    LABEL_JOB_UID,
    LABEL_MANAGED_BY,
    LABEL_POOL,
    LABEL_RANK,
    LABEL_SPEC,
    LABEL_TENANT,
    MANAGED_BY,
)
from entente.workload import rendezvous
from entente.workload.naming import label_value, pod_name, service_name

_NODE_AFFINITY = "requiredDuringSchedulingIgnoredDuringExecution"

_OURS_ALONE = ("nodeName", "schedulerName", "priority", "preemptionPolicy")
"""Fields of a pod by which a template would get around the placement or the tenant's priority."""


@dataclass(frozen=True, slots=True)
class Gang:
    """One start of a job: everything that its pods are made from."""

    job: TrainingJob
    start: int
    pool: str
    resource: str
    """Extended resource of the pool's GPUs; the key of their taint, too."""
    gpus_per_worker: int
    class_: str
    tenant: str
    priority_class: str
    nodes: Mapping[str, int]
    """Workers on each node."""

    @property
    def workers(self) -> int:
        return sum(self.nodes.values())

    def placed(self) -> Iterator[tuple[int, str]]:
        """Rank and node of each worker: neighbours in rank share a node, in the order of the nodes' names."""
        rank = 0
        for node in sorted(self.nodes):
            for _ in range(self.nodes[node]):
                yield rank, node
                rank += 1

    def names(self) -> dict[str, tuple[int, str]]:
        """Rank and node of each worker, by the name of its pod."""
        return {pod_name(self.job.metadata.name, self.start, rank): (rank, node) for rank, node in self.placed()}


def spec_digest(job: TrainingJob) -> str:
    """What of the spec a running gang cannot follow: it changes when an edit needs a new start."""
    shape = {
        "template": job.spec.template,
        "gpusPerWorker": job.spec.gpus_per_worker,
        "priority": job.spec.priority,
        "workers": None if job.spec.elastic else job.spec.workers,
    }
    return hashlib.sha256(orjson.dumps(shape, option=orjson.OPT_SORT_KEYS)).hexdigest()[:10]


def pod(gang: Gang, rank: int, node: str) -> dict[str, Any]:
    name = pod_name(gang.job.metadata.name, gang.start, rank)
    template = gang.job.spec.template
    meta = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": gang.job.metadata.namespace,
            "labels": {**(meta.get("labels") or {}), **_labels(gang, rank)},
            "annotations": dict(meta.get("annotations") or {}),
            "ownerReferences": [rendezvous.owner(gang.job)],
        },
        "spec": _spec(gang, name, rank, node),
    }


def _labels(gang: Gang, rank: int) -> dict[str, str]:
    return {
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_TENANT: gang.tenant,
        LABEL_JOB: label_value(gang.job.metadata.name),
        LABEL_JOB_UID: gang.job.metadata.uid,
        LABEL_ATTEMPT: str(gang.start),
        LABEL_RANK: str(rank),
        LABEL_POOL: label_value(gang.pool),
        LABEL_CLASS: gang.class_,
        LABEL_SPEC: spec_digest(gang.job),
    }


def _spec(gang: Gang, name: str, rank: int, node: str) -> dict[str, Any]:
    spec: dict[str, Any] = deepcopy(gang.job.spec.template.get("spec") or {})
    for field in _OURS_ALONE:
        spec.pop(field, None)
    spec["restartPolicy"] = "Never"
    spec["hostname"] = name
    spec["subdomain"] = service_name(gang.job)
    spec["priorityClassName"] = gang.priority_class
    spec["affinity"] = _pinned(spec.get("affinity") or {}, node)
    spec["tolerations"] = [*(spec.get("tolerations") or ()), {"key": gang.resource, "operator": "Exists"}]
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        _take_gpus(container, gang.resource)
    if spec.get("containers"):
        _equip(spec["containers"][0], gang, rank)
    return spec


def _pinned(affinity: dict[str, Any], node: str) -> dict[str, Any]:
    """The template's affinity, and the chosen node in each of its alternatives (terms are alternatives)."""
    here = {"key": "metadata.name", "operator": "In", "values": [node]}
    node_affinity = dict(affinity.get("nodeAffinity") or {})
    terms = (node_affinity.get(_NODE_AFFINITY) or {}).get("nodeSelectorTerms") or [{}]
    node_affinity[_NODE_AFFINITY] = {
        "nodeSelectorTerms": [{**term, "matchFields": [*(term.get("matchFields") or ()), here]} for term in terms]
    }
    return {**affinity, "nodeAffinity": node_affinity}


def _take_gpus(container: dict[str, Any], resource: str) -> None:
    """A template cannot ask for more GPUs than the job is charged for."""
    resources = container.get("resources") or {}
    for kind in ("requests", "limits"):
        (resources.get(kind) or {}).pop(resource, None)


def _equip(container: dict[str, Any], gang: Gang, rank: int) -> None:
    """Give the first container its GPUs and what it must know of its gang."""
    resources = container.setdefault("resources", {})
    for kind in ("requests", "limits"):
        resources[kind] = {**(resources.get(kind) or {}), gang.resource: str(gang.gpus_per_worker)}
    own = rendezvous.environment(gang.job, start=gang.start, rank=rank, workers=gang.workers, gpus=gang.gpus_per_worker)
    kept = [entry for entry in container.get("env") or () if entry.get("name") not in own]
    given = {entry.get("name"): entry.get("value") for entry in kept}
    port = given.get("MASTER_PORT") or str(rendezvous.MASTER_PORT)
    fallback = rendezvous.defaults(own, port=port, gpus=gang.gpus_per_worker)
    container["env"] = [
        *({"name": key, "value": value} for key, value in own.items()),
        *({"name": key, "value": value} for key, value in fallback.items() if key not in given),
        *kept,
    ]
