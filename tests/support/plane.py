"""One test's own part of the control plane that all integration tests share."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from localplane import ApiFailure, LocalPlane
from localplane.nodes import GPU_RESOURCE, PRODUCT_LABEL

Json = dict[str, Any]
Found = TypeVar("Found")

SIM = "entente.dev/sim-"
POLL_SECONDS = 0.05
_numbers = itertools.count(1)


def eventually(look: Callable[[], Found | None], *, within: float = 60.0, what: str = "") -> Found:
    """Look until there is something true to see, and return it; fail the test when there is nothing in time."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what or 'nothing'} was not seen within {within} s; last: {found!r}"
        time.sleep(POLL_SECONDS)


class Corner:
    """Names, namespaces and nodes that no other test uses.

    All tests share one API server, so whatever is cluster-wide takes its name from `unique`, and pods select nodes by
    `product`. Leaving it deletes its namespaces and nodes.
    """

    def __init__(self, plane: LocalPlane) -> None:
        self.plane = plane
        self.name = f"t{next(_numbers):03d}"
        self.product = f"GPU-{self.name}"
        self._namespaces: list[str] = []
        self._nodes: list[str] = []

    def unique(self, name: str) -> str:
        """Return a name that no other test has."""
        return f"{self.name}-{name}"

    def namespace(self, name: str = "ns", labels: Mapping[str, str] | None = None) -> str:
        """Create a namespace, ready for pods, and return its name."""
        unique = self.unique(name)
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique, "labels": dict(labels or {})}}
        self.plane.api.create("/api/v1/namespaces", body)
        self._namespaces.append(unique)
        account = f"/api/v1/namespaces/{unique}/serviceaccounts/default"
        eventually(lambda: self.get_or_none(account), what="the default service account")
        return unique

    def nodes(self, count: int, *, gpus: int = 8, blocks: int = 1, racks: int = 1) -> list[str]:
        """Add GPU nodes with this corner's own product, and return their names."""
        names = self.plane.add_gpu_nodes(
            count, gpus, self.product, blocks=blocks, racks=racks, prefix=f"{self.name}-node"
        )
        self._nodes.extend(names)
        return names

    def create_pod(
        self, namespace: str, name: str, *, gpus: int = 1, grace: int = 10, sim: Mapping[str, float] | None = None
    ) -> str:
        """Create a pod for this corner's nodes and return its path.

        `sim` is what it is told to do: `{"run-seconds": 2}` becomes the annotation `entente.dev/sim-run-seconds`.
        """
        path = f"/api/v1/namespaces/{namespace}/pods"
        self.plane.api.create(path, gpu_pod(name, self.product, gpus=gpus, grace=grace, sim=sim))
        return f"{path}/{name}"

    def get_or_none(self, path: str) -> Json | None:
        """Read an object; None when there is none."""
        try:
            return self.plane.api.get(path)
        except ApiFailure as failure:
            if failure.status == 404:
                return None
            raise

    def await_phase(self, path: str, phase: str, *, within: float = 60.0) -> Json:
        """Return a pod as soon as it has a phase."""

        def look() -> Json | None:
            pod = self.get_or_none(path)
            return pod if pod is not None and pod["status"]["phase"] == phase else None

        return eventually(look, within=within, what=f"{path} in phase {phase}")

    def await_gone(self, path: str, *, within: float = 60.0) -> None:
        eventually(lambda: self.get_or_none(path) is None, within=within, what=f"the end of {path}")

    def leave(self) -> None:
        """Delete what was made here; the namespaces' content goes in the background."""
        for namespace in self._namespaces:
            self.delete(f"/api/v1/namespaces/{namespace}")
            # At once, since nobody would end them without their nodes; no new ones are let into a dying namespace.
            self.delete(f"/api/v1/namespaces/{namespace}/pods?gracePeriodSeconds=0")
        for node in self._nodes:
            self.delete(f"/api/v1/nodes/{node}")

    def delete(self, path: str) -> None:
        """Delete an object, or all of a collection, if there is any."""
        try:
            self.plane.api.delete(path)
        except ApiFailure as failure:
            if failure.status != 404:  # the test may have deleted it
                raise


def gpu_pod(name: str, product: str, *, gpus: int = 1, grace: int = 10, sim: Mapping[str, float] | None = None) -> Json:
    """Return a pod that takes GPUs of a product's nodes and passes the restricted pod security standard."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "annotations": {SIM + key: str(value) for key, value in (sim or {}).items()},
        },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": grace,
            "nodeSelector": {PRODUCT_LABEL: product},
            "tolerations": [{"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "worker",
                    "image": "registry.example/trainer:1",
                    "resources": {"limits": {GPU_RESOURCE: str(gpus)}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
