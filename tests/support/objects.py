"""Builders of Nodes and Pods as the API server prints them."""

from typing import Any

from tests.support.manifests import Manifest

GPU = "nvidia.com/gpu"
PRODUCT = {"nvidia.com/gpu.product": "H100"}


def node(name: str, gpus: int = 8, *, ready: bool = True, taints: tuple[str, ...] = (), **more: Any) -> Manifest:  # noqa: ANN401 - any field of the spec
    """A Node of the pool that `manifests.pool()` selects; `labels` adds to its labels."""
    labels = {**PRODUCT, "kubernetes.io/hostname": name, **more.pop("labels", {})}
    spec = {**more, **({"taints": [{"key": t, "effect": "NoSchedule"} for t in taints]} if taints else {})}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "96", "memory": "2063Gi", GPU: str(gpus)},
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": "True" if ready else "Unknown"},
            ],
        },
    }


def pod(name: str, namespace: str, on: str, gpus: int, *, job: str | None = None, phase: str = "Running") -> Manifest:
    """A Pod bound to a node; a worker of a job if it says so."""
    owner = {
        "apiVersion": "entente.dev/v1alpha1",
        "kind": "TrainingJob",
        "name": job,
        "uid": f"uid-{job}",
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, **({"ownerReferences": [owner]} if job else {})},
        "spec": {"nodeName": on, "containers": [{"name": "c", "resources": {"limits": {GPU: str(gpus)}}}]},
        "status": {"phase": phase},
    }
