"""One control plane: started, used, stopped."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from localplane import binaries, kubeconfig
from localplane.api import ApiClient, ApiFailure
from localplane.certificates import KeyPair
from localplane.components import (
    API_SERVER,
    COMPONENTS,
    CONTROLLER_MANAGER,
    ETCD,
    KWOK,
    SCHEDULER,
    Credentials,
    Layout,
)
from localplane.errors import PlaneError, PortTakenError
from localplane.nodes import READY_ANNOTATION, NodeShape, is_ready
from localplane.ports import free_ports
from localplane.processes import Processes

START_SECONDS = 90.0
NODE_SECONDS = 60.0
KUBECTL_SECONDS = 120.0
POLL_SECONDS = 0.05
PORT_ATTEMPTS = 5
MARKER = ".localplane"
TOKEN_SECONDS = 24 * 3600
_HEALTH = {ETCD: "/health", API_SERVER: "/readyz", CONTROLLER_MANAGER: "/healthz", SCHEDULER: "/healthz", KWOK: "/healthz"}


class LocalPlane:
    """A control plane on loopback, as a context manager.

    Args:
        directory: Where its files go; they are kept. Without it they go to a temporary directory that is removed with
            the plane, also when this process is killed.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._keep = directory is not None
        self._requested_directory = directory
        self._layout: Layout | None = None
        self._processes: Processes | None = None
        self._api: ApiClient | None = None
        self._users = itertools.count()
        self._next_index: defaultdict[str, int] = defaultdict(int)

    def __enter__(self) -> Self:
        """Start everything. Raises PlaneError with the end of a component's log when that fails."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self.stop()

    def start(self) -> None:
        """Start everything, and return when pods can be created. Raises PlaneError."""
        files = binaries.ensure_all(binaries.PLANE)
        for attempt in itertools.count(1):
            try:
                self._boot(files)
            except PortTakenError:
                self.stop()
                if attempt == PORT_ATTEMPTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                return

    def stop(self) -> None:
        """End everything; nothing happens when it has ended already."""
        if self._processes is not None:
            self._processes.end()
        self._processes = self._api = self._layout = None

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self._running.url(API_SERVER)

    @property
    def directory(self) -> Path:
        """Where logs (`<component>.log`), data and keys lie."""
        return self._running.directory

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator (group system:masters)."""
        return self._running.kubeconfig("admin")

    @property
    def api(self) -> ApiClient:
        """A client of the API server with the rights of the administrator."""
        if self._api is None:
            message = "the plane is not running"
            raise PlaneError(message)
        return self._api

    @property
    def supervisor_pid(self) -> int:
        """The process that all components are children of."""
        if self._processes is None:
            message = "the plane is not running"
            raise PlaneError(message)
        return self._processes.supervisor_pid

    def kubectl(self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run kubectl, as the administrator unless another kubeconfig is given, and return what it prints.

        Raises PlaneError with what it printed to standard error when it fails.
        """
        command = [str(binaries.ensure("kubectl")), "--kubeconfig", str(kubeconfig or self.kubeconfig), *arguments]
        # kubectl keeps a cache of what the server serves, by host and port: another plane may have had this port.
        environment = {**os.environ, "KUBECACHEDIR": str(self.directory / "kubectl-cache")}
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, timeout=KUBECTL_SECONDS, env=environment
        )
        if done.returncode != 0:
            message = f"kubectl {' '.join(arguments)} failed:\n{done.stderr.strip()}"
            raise PlaneError(message)
        return done.stdout

    def user_kubeconfig(self, user: str, groups: Iterable[str] = ()) -> Path:
        """Return the kubeconfig of a person, who is known by a client certificate and has no rights yet."""
        layout = self._running
        number = next(self._users)
        pair = layout.credentials.authority.issue(f"user-{number}", user, groups)
        return self._write_kubeconfig(f"user-{number}", user, pair)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Return the kubeconfig of a service account that exists, with a token for a day."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        token = self.api.create(path, request)["status"]["token"]
        authority = self._running.credentials.authority.files.certificate
        target = self._running.kubeconfig(f"service-account-{next(self._users)}")
        return kubeconfig.write(target, self.server, authority, f"{namespace}:{name}", {"token": token})

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
        self._wait(
            lambda: names <= {node["metadata"]["name"] for node in self.api.get("/api/v1/nodes")["items"] if is_ready(node)},
            NODE_SECONDS,
            "the new nodes are not ready",
        )
        return sorted(names)

    def remove_node(self, name: str) -> None:
        """Delete a node, as when a machine is lost for good; its pods go when the pod collector sees it (a minute)."""
        self.api.delete(f"/api/v1/nodes/{name}")

    def set_node_ready(self, name: str, ready: bool) -> None:  # noqa: FBT001 - the value of a condition
        """Make a node Ready or not, and return when it is. It stays so: kwok is told by an annotation."""
        path = f"/api/v1/nodes/{name}"
        self.api.patch(path, {"metadata": {"annotations": {READY_ANNOTATION: None if ready else "false"}}})
        self._wait(
            lambda: is_ready(self.api.get(path)) == ready,
            NODE_SECONDS,
            f"node {name} did not become {'ready' if ready else 'not ready'}",
        )

    def restart(self, component: str) -> None:
        """Kill a component, such as kube-apiserver, start it again, and return when it works. What it stored stays."""
        self.kill(component)
        self.resume(component)

    def kill(self, component: str) -> None:
        """Kill a component and leave it dead until `resume`."""
        processes = self._alive(component)
        processes.kill(component)
        self._wait(lambda: processes.has_ended(component), START_SECONDS, f"{component} did not end")

    def resume(self, component: str) -> None:
        """Start a component that was killed, and return when it works."""
        self._alive(component).start(component, self._running.argv(component))
        self._await_component(component)

    @property
    def _running(self) -> Layout:
        if self._layout is None:
            message = "the plane is not running"
            raise PlaneError(message)
        return self._layout

    def _alive(self, component: str) -> Processes:
        if component not in COMPONENTS:
            message = f"component must be one of {', '.join(COMPONENTS)}, but is {component!r}"
            raise PlaneError(message)
        if self._processes is None:
            message = "the plane is not running"
            raise PlaneError(message)
        return self._processes

    def _boot(self, files: Mapping[str, Path]) -> None:
        directory = self._make_directory()
        self._processes = Processes(directory, remove_directory=not self._keep)
        ports = dict(zip(COMPONENTS, free_ports(len(COMPONENTS)), strict=True))
        keys = directory / "keys"
        keys.mkdir(mode=0o700)
        self._layout = layout = Layout(directory, ports, files, Credentials.create(keys))
        self._write_kubeconfigs(layout)
        layout.write_configuration()
        self._api = ApiClient(self.server, layout.credentials.authority.files.certificate, layout.credentials.admin)
        self._launch(ETCD, API_SERVER)
        self._launch(CONTROLLER_MANAGER, SCHEDULER, KWOK)
        self._wait(self._pods_can_be_created, START_SECONDS, "the default service account was not made")

    def _make_directory(self) -> Path:
        if self._requested_directory is None:
            return Path(tempfile.mkdtemp(prefix="localplane-"))
        directory = self._requested_directory.resolve()
        if directory.exists():
            # Data of an earlier plane would not fit the new keys; anything else is somebody's.
            if any(directory.iterdir()) and not (directory / MARKER).exists():
                message = f"directory {directory} must be new, empty or an earlier plane's, but has other files"
                raise PlaneError(message)
            shutil.rmtree(directory)
        directory.mkdir(parents=True, mode=0o700)
        (directory / MARKER).touch()
        return directory

    def _write_kubeconfigs(self, layout: Layout) -> None:
        layout.kubeconfig("admin").parent.mkdir(mode=0o700)
        keys = layout.credentials
        self._write_kubeconfig("admin", "localplane-admin", keys.admin)
        self._write_kubeconfig(CONTROLLER_MANAGER, CONTROLLER_MANAGER, keys.controller_manager)
        self._write_kubeconfig(SCHEDULER, SCHEDULER, keys.scheduler)
        self._write_kubeconfig(KWOK, KWOK, keys.kwok)

    def _write_kubeconfig(self, name: str, user: str, pair: KeyPair) -> Path:
        layout = self._running
        credentials = kubeconfig.certificate_credentials(pair)
        authority = layout.credentials.authority.files.certificate
        return kubeconfig.write(layout.kubeconfig(name), self.server, authority, user, credentials)

    def _launch(self, *components: str) -> None:
        for component in components:
            self._alive(component).start(component, self._running.argv(component))
        for component in components:
            self._await_component(component)

    def _await_component(self, component: str) -> None:
        layout = self._running
        keys = layout.credentials
        if component == ETCD:
            client = ApiClient(layout.url(ETCD), keys.etcd_authority.files.certificate, keys.etcd_client)
        else:
            client = ApiClient(layout.url(component), keys.authority.files.certificate, keys.admin)
        self._wait(lambda: client.is_ready(_HEALTH[component]), START_SECONDS, f"{component} is not healthy", component)

    def _pods_can_be_created(self) -> bool:
        try:
            self.api.get("/api/v1/namespaces/default/serviceaccounts/default")
        except ApiFailure:
            return False
        return True

    def _wait(self, condition: Callable[[], bool], seconds: float, complaint: str, component: str | None = None) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if component is not None:
                self._alive(component).check(component)
            if time.monotonic() > deadline:
                tail = "" if component is None else f". The end of its log:\n{self._alive(component).log_tail(component)}"
                message = f"{complaint} after {seconds:.0f} s{tail}"
                raise PlaneError(message)
            time.sleep(POLL_SECONDS)
