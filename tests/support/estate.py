"""Pools, tenants and jobs of one test: builders, and what is looked up of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localplane.nodes import PRODUCT_LABEL
from tests.support.plane import SIM, Corner, Json, eventually

API = "/apis/entente.dev/v1alpha1"
LEVELS = ["topology.entente.dev/block", "topology.entente.dev/rack", "kubernetes.io/hostname"]


def worker_template(**sim: float) -> Json:
    """A pod template that passes the restricted pod security standard; `run_seconds=2` tells the simulated kubelet."""
    return {
        "metadata": {"annotations": {SIM + key.replace("_", "-"): str(value) for key, value in sim.items()}},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "worker",
                    "image": "registry.example/trainer:1",
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


def job_manifest(
    name: str, namespace: str, workers: int, gpus: int, sim: Mapping[str, float] | None = None, **spec: object
) -> Json:
    return {
        "apiVersion": "entente.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"workers": workers, "gpusPerWorker": gpus, "template": worker_template(**(sim or {})), **spec},
    }


class Estate:
    """One pool of a corner's own nodes, its tenants and their jobs. Leaving it deletes them all."""

    def __init__(self, corner: Corner) -> None:
        self.corner = corner
        self.plane = corner.plane
        self.pool = corner.unique("pool")
        self._tenants: list[str] = []
        self._namespaces: list[str] = []

    def make_pool(self, nodes: int, *, gpus: int = 8, blocks: int = 1, racks: int = 1, **spec: object) -> list[str]:
        """Add nodes and a pool of them; returns the nodes' names."""
        names = self.corner.nodes(nodes, gpus=gpus, blocks=blocks, racks=racks)
        body = {
            "apiVersion": "entente.dev/v1alpha1",
            "kind": "GPUPool",
            "metadata": {"name": self.pool},
            "spec": {"nodeSelector": {PRODUCT_LABEL: self.corner.product}, "topology": LEVELS, **spec},
        }
        self.plane.api.create(f"{API}/gpupools", body)
        return names

    def tenant(
        self,
        name: str,
        guaranteed: int,
        *,
        priorities: Sequence[Json] = (),
        members: Sequence[Json] = (),
        **terms: object,
    ) -> str:
        """Make a tenant with one namespace, and return the namespace once it is ready."""
        unique = self.corner.unique(name)
        namespace = f"{unique}-research"
        body = {
            "apiVersion": "entente.dev/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": unique},
            "spec": {
                "namespaces": [namespace],
                "pools": [{"name": self.pool, "guaranteed": guaranteed, **terms}],
                "priorities": list(priorities),
                "members": list(members),
            },
        }
        self.plane.api.create(f"{API}/tenants", body)
        self._tenants.append(unique)
        self._namespaces.append(namespace)
        account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        eventually(lambda: self.corner.get_or_none(account), what=f"the namespace {namespace}")
        return namespace

    def job(
        self, namespace: str, name: str, workers: int, gpus: int, sim: Mapping[str, float] | None = None, **spec: object
    ) -> str:
        """Create a job, and return its path."""
        body = job_manifest(name, namespace, workers, gpus, sim, **spec)
        self.plane.api.create(f"{API}/namespaces/{namespace}/trainingjobs", body)
        return f"{API}/namespaces/{namespace}/trainingjobs/{name}"

    def patch(self, path: str, body: Json) -> None:
        self.plane.api.patch(path, body)

    def status(self, path: str) -> Json:
        """The status of a job; empty when there is none."""
        found = self.corner.get_or_none(path)
        return (found or {}).get("status") or {}

    def await_phase(self, path: str, phase: str, *, within: float = 60.0) -> Json:
        """Return a job's status as soon as it has this phase."""

        def look() -> Json | None:
            status = self.status(path)
            return status if status.get("phase") == phase else None

        try:
            return eventually(look, within=within, what=f"{path} in phase {phase}")
        except AssertionError as error:
            error.add_note(f"its status: {self.status(path)}")
            raise

    def await_reason(self, path: str, reason: str, *, within: float = 60.0) -> Json:
        """Return a waiting job's queue as soon as it waits for this reason."""

        def look() -> Json | None:
            queue = self.status(path).get("queue") or {}
            return queue if queue.get("reason") == reason else None

        try:
            return eventually(look, within=within, what=f"{path} waiting for {reason}")
        except AssertionError as error:
            error.add_note(f"its status: {self.status(path)}")
            raise

    def pods(self, namespace: str, job: str | None = None) -> list[Json]:
        """Pods of a namespace, or of one of its jobs."""
        selector = f"?labelSelector=entente.dev%2Fjob%3D{job}" if job else ""
        items: list[Json] = self.plane.api.get(f"/api/v1/namespaces/{namespace}/pods{selector}")["items"]
        return items

    def events(self, namespace: str, job: str) -> list[str]:
        """Reasons of the events of a job, in the order in which they were made."""
        selector = f"involvedObject.kind%3DTrainingJob%2CinvolvedObject.name%3D{job}"
        items = self.plane.api.get(f"/api/v1/namespaces/{namespace}/events?fieldSelector={selector}")["items"]
        return [item["reason"] for item in sorted(items, key=lambda item: item["metadata"]["name"])]

    def gpus_in_use(self) -> dict[str, int]:
        """GPUs that pods on each node of the corner ask for, ending ones included."""
        used: dict[str, int] = {}
        for namespace in self._namespaces:
            for pod in self.pods(namespace):
                node = pod["spec"].get("nodeName")
                if node and pod["status"]["phase"] not in ("Succeeded", "Failed"):
                    for container in pod["spec"]["containers"]:
                        asked = container.get("resources", {}).get("limits", {}).get("nvidia.com/gpu", "0")
                        used[node] = used.get(node, 0) + int(asked)
        return used

    def leave(self) -> None:
        """Delete the jobs, then the tenants and the pool."""
        for namespace in self._namespaces:
            self.corner.delete(f"{API}/namespaces/{namespace}/trainingjobs")
            self.corner.delete(f"/api/v1/namespaces/{namespace}/pods?gracePeriodSeconds=1")
        for tenant in self._tenants:
            self.corner.delete(f"{API}/tenants/{tenant}")
        self.corner.delete(f"{API}/gpupools/{self.pool}")
