"""What a decision rests on, and the List of Kubernetes objects by which it can be made again elsewhere.

The List holds what decisions depend on: no pod templates, environment, messages, members or images, and of labels and
annotations only those that are read.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from pydantic import BaseModel

from entente.api.core import NodeRecord, PodRecord
from entente.api.job import TrainingJob
from entente.api.names import (
    ANNOTATION_CHECKPOINT,
    ANNOTATION_DECIDED_AT,
    API_VERSION,
    LABEL_HANDOVER,
    LABEL_LAST_TENANT,
    SUSPECT,
)
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant

Object = dict[str, Any]

_LEFT_OUT = "left-out"
"""Stands for what a model demands and no decision depends on: images and names of containers."""

_META = {"name", "namespace", "creation_timestamp", "deletion_timestamp"}
_NOT_OF_POOL = {"handover", "owner", "simulated"}
_NOT_OF_TENANT = {"members", "isolation"}
_NOT_OF_JOB = {"template", "purpose", "retry", "ttl_seconds_after_finished"}
_TENANT_STATUS: dict[str, Any] = {
    "namespaces": True,
    "pools": {"__all__": {"name", "borrowed_gpu_seconds", "as_of"}},
    "budget": True,
}
_JOB_STATUS: dict[str, Any] = {
    "phase": True,
    "allocation": True,
    "queue": {"since", "entitled_since"},
    "last_checkpoint": True,
    "start_time": True,
    "completion_time": True,
    "hold": True,
    "stopping": {"since", "until"},
    "evictions": True,
    "run_seconds": True,
    "restart_seconds": True,
    "backoff_until": True,
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the engine is told for one decision."""

    moment: datetime
    pools: tuple[GPUPool, ...]
    tenants: tuple[Tenant, ...]
    jobs: tuple[TrainingJob, ...]
    nodes: tuple[NodeRecord, ...]
    pods: tuple[PodRecord, ...]

    def to_json(self) -> str:
        """A List with one object a line, always in the same order; its annotation says for which moment it is."""
        items = ",\n".join(json.dumps(item, separators=(",", ":")) for item in self._items())
        metadata = json.dumps({"annotations": {ANNOTATION_DECIDED_AT: self.moment.isoformat()}})
        return f'{{"apiVersion":"v1","kind":"List","metadata":{metadata},"items":[\n{items}\n]}}\n'

    def _items(self) -> Iterator[Object]:
        pools = sorted(self.pools, key=lambda pool: pool.metadata.name)
        yield from map(_pool, pools)
        yield from map(_tenant, sorted(self.tenants, key=lambda tenant: tenant.metadata.name))
        labels = _labels_that_count(pools)
        resources = {pool.spec.resource for pool in pools}
        nodes = sorted((n for n in self.nodes if _in_a_pool(n, pools)), key=lambda node: node.name)
        for node in nodes:
            yield _node(node, labels, resources)
        yield from map(_job, sorted(self.jobs, key=lambda job: job.key))
        names = {node.name for node in nodes}
        for pod in sorted(self.pods, key=lambda pod: pod.key):
            if pod.node and pod.holds_gpus and (pod.job or (pod.node in names and _asks_for(pod, resources))):
                yield _pod(pod, resources, self.moment)


def kept_tenant(tenant: Tenant) -> Tenant:
    """A tenant that was not looked at yet has no namespaces: its jobs wait until its rights and isolation stand."""
    if tenant.status.namespaces is not None:
        return tenant
    return tenant.model_copy(update={"status": tenant.status.model_copy(update={"namespaces": ()})})


def real_pool(pool: GPUPool) -> GPUPool:
    """A pool without the hosts that it makes up for offline plans: in a cluster nothing runs on them."""
    return pool.model_copy(update={"spec": pool.spec.model_copy(update={"simulated": None})})


def _labels_that_count(pools: Iterable[GPUPool]) -> set[str]:
    labels = {LABEL_LAST_TENANT, LABEL_HANDOVER, SUSPECT}
    for pool in pools:
        labels.update(pool.spec.node_selector, pool.spec.topology)
    return labels


def _in_a_pool(node: NodeRecord, pools: Iterable[GPUPool]) -> bool:
    return any(all(node.labels.get(k) == v for k, v in pool.spec.node_selector.items()) for pool in pools)


def _asks_for(pod: PodRecord, resources: Iterable[str]) -> bool:
    return any(pod.gpus.get(name) for name in resources)


def _pool(pool: GPUPool) -> Object:
    spec = _fields(pool.spec, exclude=_NOT_OF_POOL)
    if pool.spec.handover is not None:
        spec["handover"] = {"image": _LEFT_OUT, "timeoutSeconds": pool.spec.handover.timeout_seconds}
    if pool.spec.simulated is not None:
        spec["simulated"] = _fields(pool.spec.simulated)
    return _object(pool, spec, {})


def _tenant(tenant: Tenant) -> Object:
    return _object(tenant, _fields(tenant.spec, exclude=_NOT_OF_TENANT), _fields(tenant.status, _TENANT_STATUS))


def _job(job: TrainingJob) -> Object:
    template = {"spec": {"containers": [{"name": _LEFT_OUT, "image": _LEFT_OUT}]}}
    made = _object(
        job, {**_fields(job.spec, exclude=_NOT_OF_JOB), "template": template}, _fields(job.status, _JOB_STATUS)
    )
    if (saved := job.reported_checkpoint) is not None:
        made["metadata"]["annotations"] = {ANNOTATION_CHECKPOINT: saved.isoformat()}
    return made


def _object(resource: GPUPool | Tenant | TrainingJob, spec: Object, status: Object) -> Object:
    made = {
        "apiVersion": API_VERSION,
        "kind": resource.kind,
        "metadata": _fields(resource.metadata, _META),
        "spec": spec,
    }
    return {**made, "status": status} if status else made


def _fields(
    model: BaseModel, include: dict[str, Any] | set[str] | None = None, exclude: set[str] | None = None
) -> Object:
    """Fields of a model that are not as if they were not given."""
    dumped = model.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True, include=include, exclude=exclude)
    made = _plain(dumped)
    assert isinstance(made, dict)  # noqa: S101 - a model's dump is one
    return made


def _plain(value: object) -> object:
    """As JSON has it. Times keep their parts of a second, which the resources' own wire form cuts off."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case tuple() | list():
            return [_plain(inner) for inner in value]
        case _:
            return value


def _node(node: NodeRecord, labels: Collection[str], resources: Collection[str]) -> Object:
    spec: Object = {}
    if node.unschedulable:
        spec["unschedulable"] = True
    if SUSPECT in node.taints:
        spec["taints"] = [{"key": SUSPECT, "effect": "NoSchedule"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": {k: v for k, v in sorted(node.labels.items()) if k in labels}},
        "spec": spec,
        "status": {
            "allocatable": {k: str(v) for k, v in sorted(node.allocatable.items()) if k in resources},
            "conditions": [{"type": "Ready", "status": "True" if node.ready else "False"}],
        },
    }


def _pod(pod: PodRecord, resources: Collection[str], moment: datetime) -> Object:
    metadata: Object = {"name": pod.name, "namespace": pod.namespace}
    if pod.job is not None:
        metadata["ownerReferences"] = [{"apiVersion": API_VERSION, "kind": "TrainingJob", "name": pod.job}]
    if pod.deleting:
        metadata["deletionTimestamp"] = moment.isoformat()  # that it ends counts, not since when
    requests = {name: str(units) for name, units in sorted(pod.gpus.items()) if name in resources}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "nodeName": pod.node,
            "containers": [{"name": _LEFT_OUT, "resources": {"requests": requests}}],
        },
        "status": {"phase": pod.phase},
    }
