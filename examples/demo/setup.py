"""From an empty control plane to an estate that two tenants can use: resources installed, operator at work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from demo import estate
from demo.cluster import Cluster
from demo.mirror import wait_until
from demo.objects import Object
from entente.kube.kinds import CRD, GPU_POOL, LEASE, NAMESPACE, TENANT

CRDS = Path(__file__).parents[2] / "crds"
READY_S = 60
OPERATOR_NAMESPACE = "entente-system"
LEASE_META = {"namespace": OPERATOR_NAMESPACE, "name": "entente-operator"}


def install_resources(cluster: Cluster) -> None:
    """Apply the CRDs, wait until the API server serves them, and make room for the operator.

    Raises:
        TimeoutError: they were not established in time.
    """
    bodies: list[Any] = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CRDS.glob("*.yaml"))]
    for body in bodies:
        cluster.apply(CRD, body)
    cluster.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OPERATOR_NAMESPACE}})
    # with an empty Lease there, the operator leads at once
    cluster.create(LEASE, {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": LEASE_META, "spec": {}})
    names = [body["metadata"]["name"] for body in bodies]
    wait_until(
        lambda: all(_holds(cluster.get(CRD, name), "Established") for name in names),
        seconds=READY_S,
        what="the CRDs to be established",
    )


def open_estate(cluster: Cluster, capacity: int, watch: Callable[[], None]) -> None:
    """Apply pool and tenants, and wait until the operator has made room for them.

    Args:
        cluster: with the operator at work.
        capacity: GPUs that the pool is to have.
        watch: called while waiting; raises when the operator cannot be kept running.

    Raises:
        TimeoutError: the operator did not get there.
    """
    for kind, body in estate.manifests(capacity // 2):
        cluster.apply(kind, body)

    def ready() -> bool:
        watch()
        pool = cluster.get(GPU_POOL, estate.POOL) or {}
        tenants = [cluster.get(TENANT, name) for name in estate.NAMESPACES]
        return (
            pool.get("status", {}).get("capacity") == capacity
            and all(tenant and tenant.get("status", {}).get("pools") for tenant in tenants)
            and all(cluster.get(NAMESPACE, namespace) for namespace in estate.NAMESPACES.values())
        )

    wait_until(ready, seconds=READY_S, what="the operator to open the estate", every_s=0.3)


def _holds(obj: Object | None, condition: str) -> bool:
    conditions = (obj or {}).get("status", {}).get("conditions") or ()
    return any(entry["type"] == condition and entry["status"] == "True" for entry in conditions)
