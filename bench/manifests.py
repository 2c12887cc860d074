"""A made-up estate as Kubernetes objects, with about what `kubectl get -o yaml` prints of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench.estates import BLOCK_HOSTS, RACK_HOSTS
from bench.shapes import BLOCK, HOSTNAME, RACK
from entente.api.base import rfc3339
from entente.engine.model import Job, Node, Placement, Pool, Snapshot, Tenant

Manifest = dict[str, Any]

_PRODUCT = {"nvidia.com/gpu.product": "H100"}
_API = "entente.dev/v1alpha1"


def manifests(snapshot: Snapshot, jobs: int) -> Iterator[Manifest]:
    """All nodes, pools and tenants, and so many of the jobs: those that run first."""
    yield from (_pool(pool) for pool in snapshot.pools.values())
    yield from (_tenant(tenant) for tenant in snapshot.tenants.values())
    yield from (_node(index, node) for index, node in enumerate(snapshot.nodes.values()))
    running_first = sorted(snapshot.jobs.values(), key=lambda job: job.placement is None)
    yield from (_job(job) for job in running_first[:jobs])


def _pool(pool: Pool) -> Manifest:
    return {
        "apiVersion": _API,
        "kind": "GPUPool",
        "metadata": {"name": pool.name},
        "spec": {
            "nodeSelector": _PRODUCT,
            "topology": list(pool.levels),
            "noticeSeconds": round(pool.notice_s),
            "minRuntimeSeconds": round(pool.min_runtime_s),
            "maxAtRiskSeconds": round(pool.max_at_risk_s),
            "nodeSharing": "Exclusive" if pool.exclusive else "Shared",
        },
    }


def _tenant(tenant: Tenant) -> Manifest:
    pools = [
        _given(
            name=name,
            guaranteed=terms.guaranteed,
            lendLimit=terms.lend_limit,
            borrowLimit=terms.borrow_limit,
            weight=terms.weight,
        )
        for name, terms in tenant.terms.items()
    ]
    priorities = [
        _given(name=name, value=value, default=True if name == "default" else None)
        for name, value in tenant.priorities.items()
    ]
    return {
        "apiVersion": _API,
        "kind": "Tenant",
        "metadata": {"name": tenant.name},
        "spec": {
            "namespaces": [f"{tenant.name}-research"],
            "pools": pools,
            "priorities": priorities,
            "order": "ShortestFirst" if tenant.shortest_first else "FirstCome",
        },
    }


def _node(index: int, node: Node) -> Manifest:
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        **_PRODUCT,
        BLOCK: f"b{index // BLOCK_HOSTS:02d}",
        RACK: f"r{index // RACK_HOSTS:04d}",
        HOSTNAME: node.name,
    }
    amounts = {"cpu": "192", "ephemeral-storage": "7Ti", "memory": "2063Gi", "nvidia.com/gpu": str(node.gpus)}
    pressures = ("MemoryPressure", "DiskPressure", "PIDPressure")
    conditions = [{"type": kind, "status": "False"} for kind in pressures] + [{"type": "Ready", "status": "True"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels},
        "spec": {"podCIDR": f"10.{index // 256}.{index % 256}.0/24"},
        "status": {"allocatable": amounts, "capacity": amounts, "conditions": conditions},
    }


def _job(job: Job) -> Manifest:
    namespace, name = job.key.split("/")
    elastic = {"minWorkers": job.min_workers, "maxWorkers": job.max_workers} if job.elastic else None
    topology = {"level": job.level, "mode": "Required" if job.required else "Preferred"} if job.level else None
    checkpoint = _given(intervalSeconds=_whole(job.interval_s), graceSeconds=_whole(job.grace_s))
    spec = _given(
        workers=job.workers,
        gpusPerWorker=job.gpus_per_worker,
        elastic=elastic,
        priority=job.priority,
        topology=topology,
        checkpoint=checkpoint or None,
        expectedSeconds=_whole(job.expected_s),
        maxSeconds=_whole(job.max_s),
        template=_template(),
    )
    created = _moment(job.submitted)
    return {
        "apiVersion": _API,
        "kind": "TrainingJob",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": created, "uid": f"uid-of-{name}"},
        "spec": spec,
        "status": _running(job, job.placement) if job.placement else {"phase": "Pending", "queue": {"since": created}},
    }


def _running(job: Job, placement: Placement) -> Manifest:
    allocation = {
        "pool": placement.pool,
        "workers": placement.workers,
        "gpus": job.gpus,
        "class": "Entitled",
        "nodes": dict(placement.nodes),
        "since": _moment(job.since or 0.0),
    }
    return {"phase": "Running", "allocation": allocation, "startTime": _moment(job.started or 0.0)}


def _template() -> Manifest:
    container = {
        "name": "trainer",
        "image": "registry.example/trainer:1",
        "args": ["--config", "/etc/run/config.yaml"],
        "env": [{"name": "NCCL_DEBUG", "value": "WARN"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"spec": {"containers": [container], "securityContext": security}}


def _given(**fields: object) -> Manifest:
    return {name: value for name, value in fields.items() if value is not None}


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def _moment(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))
