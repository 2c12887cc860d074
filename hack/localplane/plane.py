"""What is done with a control plane once it runs: kubectl, users, fake nodes."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from localplane import kubeconfig as kubeconfigs
from localplane.errors import PlaneError
from localplane.lifecycle import ControlPlane
from localplane.nodes import READY_ANNOTATION, NodeShape, is_ready

NODE_SECONDS = 60.0
KUBECTL_SECONDS = 120.0
TOKEN_SECONDS = 24 * 3600


class LocalPlane(ControlPlane):
    """A control plane on loopback, as a context manager.

    Args:
        directory: Where its files go; they are kept. Without it they go to a temporary directory that is removed with
            the plane, also when this process is killed.
    """

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__(directory)
        self._users = itertools.count()
        self._next_index: defaultdict[str, int] = defaultdict(int)

    def kubectl(self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run kubectl, as the administrator unless another kubeconfig is given, and return what it prints.

        Raises PlaneError with what it printed to standard error when it fails.
        """
        binary = str(self.layout.binaries["kubectl"])
        command = [binary, "--kubeconfig", str(kubeconfig or self.kubeconfig), *arguments]
        # kubectl keeps a cache of what the server serves, by host and port: another plane may have had this port.
        environment = {**os.environ, "KUBECACHEDIR": str(self.directory / "kubectl-cache")}
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, timeout=KUBECTL_SECONDS, env=environment
        )
        if done.returncode != 0:
            message = f"kubectl {' '.join(arguments)} failed:\n{done.stderr.strip()}"
            raise PlaneError(message)
        return done.stdout

    def user_kubeconfig(
        self, user: str, groups: Iterable[str] = (), *, path: Path | None = None, namespace: str | None = None
    ) -> Path:
        """Return the kubeconfig of a person, who is known by a client certificate and has no rights yet.

        Args:
            user: The name in the certificate.
            groups: Those that the person is in.
            path: Where the kubeconfig goes; by default to those of the plane.
            namespace: The one that commands without a namespace are about.
        """
        name = f"user-{next(self._users)}"
        keys = self.layout.credentials.authority
        entry = kubeconfigs.certificate_credentials(keys.issue(name, user, groups))
        target = path or self.layout.kubeconfig(name)
        return kubeconfigs.write(target, self.server, keys.files.certificate, user, entry, namespace)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Return the kubeconfig of a service account that exists, with a token for a day. Raises ApiFailure."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        token = self.api.create(path, request)["status"]["token"]
        authority = self.layout.credentials.authority.files.certificate
        target = self.layout.kubeconfig(f"service-account-{next(self._users)}")
        return kubeconfigs.write(target, self.server, authority, f"{namespace}:{name}", {"token": token})

    def add_gpu_nodes(
        self,
        count: int,
        gpus: int = 8,
        product: str = "H100",
        *,
        blocks: int = 1,
        racks: int = 1,
        prefix: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Add fake nodes and return their names, `<prefix>-0000` and so on, when pods can be scheduled onto them.

        Args:
            count: How many.
            gpus: GPUs of each.
            product: The value of the label nvidia.com/gpu.product.
            blocks: Into how many blocks they are cut.
            racks: Into how many racks each block is cut.
            prefix: Of names and domains; default: the product in lower case. Numbering goes on from earlier calls.
            labels: Further labels.
        """
        shape = NodeShape(gpus=gpus, product=product, blocks=blocks, racks=racks, labels=labels or {})
        prefix = prefix or product.lower()
        nodes = shape.nodes(prefix, self._next_index[prefix], count)
        self._next_index[prefix] += count
        self.api.create_many("/api/v1/nodes", nodes)
        names = {node["metadata"]["name"] for node in nodes}
        self.wait(lambda: names <= self._ready_nodes(), NODE_SECONDS, "the new nodes did not become ready")
        return sorted(names)

    def remove_node(self, name: str) -> None:
        """Delete a node, as when a machine is lost for good; its pods go when the pod collector sees it (a minute)."""
        self.api.delete(f"/api/v1/nodes/{name}")

    def set_node_ready(self, name: str, ready: bool) -> None:  # noqa: FBT001 - the value of a condition
        """Make a node Ready or not, and return when it is. It stays so: kwok is told by an annotation."""
        path = f"/api/v1/nodes/{name}"
        self.api.patch(path, {"metadata": {"annotations": {READY_ANNOTATION: None if ready else "false"}}})
        wanted = "ready" if ready else "not ready"
        self.wait(lambda: is_ready(self.api.get(path)) == ready, NODE_SECONDS, f"node {name} did not become {wanted}")

    def _ready_nodes(self) -> set[str]:
        return {node["metadata"]["name"] for node in self.api.get("/api/v1/nodes")["items"] if is_ready(node)}
