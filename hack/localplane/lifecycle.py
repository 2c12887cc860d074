"""How a control plane comes up, loses and regains components, and ends."""

from __future__ import annotations

import fcntl
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

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
from localplane.ports import free_ports
from localplane.processes import Processes

START_SECONDS = 90.0
POLL_SECONDS = 0.05
PORT_ATTEMPTS = 5
MARKER = ".localplane"
ADMIN = "admin"
_HEALTH = {ETCD: "/health", API_SERVER: "/readyz"}


class ControlPlane:
    """The running components of one plane, as a context manager.

    Args:
        directory: Where its files go; they are kept. Without it they go to a temporary directory that is removed with
            the plane, also when this process is killed.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._requested_directory = directory
        self._layout: Layout | None = None
        self._processes: Processes | None = None
        self._claimed: TextIO | None = None

    def __enter__(self) -> Self:
        """Start everything. Raises PlaneError with the end of a component's log when that fails."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        if self._claimed is not None:
            self._claimed.close()
        self._processes = self._layout = self._claimed = None

    @property
    def server(self) -> str:
        return self.layout.url(API_SERVER)

    @property
    def directory(self) -> Path:
        """Where logs (`<component>.log`), data and keys lie."""
        return self.layout.directory

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator (group system:masters)."""
        return self.layout.kubeconfig(ADMIN)

    @property
    def api(self) -> ApiClient:
        """A client of the API server with the rights of the administrator."""
        return self._client(API_SERVER)

    @property
    def layout(self) -> Layout:
        """Where everything lies and listens. Raises PlaneError when nothing runs."""
        if self._layout is None:
            message = "the plane is not running"
            raise PlaneError(message)
        return self._layout

    @property
    def processes(self) -> Processes:
        """What runs. Raises PlaneError when nothing does."""
        if self._processes is None:
            message = "the plane is not running"
            raise PlaneError(message)
        return self._processes

    def restart(self, component: str) -> None:
        """Kill a component, such as kube-apiserver, start it again, and return when it works. What it stored stays."""
        self.kill(component)
        self.resume(component)

    def kill(self, component: str) -> None:
        """Kill a component and leave it dead until `resume`."""
        self._check_name(component)
        self.processes.kill(component)
        self.wait(lambda: self.processes.has_ended(component), START_SECONDS, f"{component} did not end")

    def resume(self, component: str) -> None:
        """Start a component that was killed, and return when it works."""
        self._check_name(component)
        self._launch(component)

    def wait(self, condition: Callable[[], bool], seconds: float, complaint: str) -> None:
        """Return as soon as a condition holds. Raises PlaneError with the complaint when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                message = f"{complaint} within {seconds:.0f} s"
                raise PlaneError(message)
            time.sleep(POLL_SECONDS)

    def write_kubeconfig(self, name: str, user: str, credentials: KeyPair) -> Path:
        """Write the kubeconfig of a user with a client certificate."""
        authority = self.layout.credentials.authority.files.certificate
        entry = kubeconfig.certificate_credentials(credentials)
        return kubeconfig.write(self.layout.kubeconfig(name), self.server, authority, user, entry)

    def _boot(self, files: Mapping[str, Path]) -> None:
        directory = self._make_directory()
        self._processes = Processes(directory, remove_directory=self._requested_directory is None)
        ports = dict(zip(COMPONENTS, free_ports(len(COMPONENTS)), strict=True))
        keys = directory / "keys"
        keys.mkdir(mode=0o700)
        self._layout = Layout(directory, ports, files, Credentials.create(keys))
        self._layout.write_configuration()
        self._write_kubeconfigs(self._layout.credentials)
        self._launch(ETCD, API_SERVER)
        self._launch(CONTROLLER_MANAGER, SCHEDULER, KWOK)
        self.wait(self._pods_can_be_created, START_SECONDS, "the default service account was not made")

    def _make_directory(self) -> Path:
        if self._requested_directory is None:
            return Path(tempfile.mkdtemp(prefix="localplane-"))
        directory = self._requested_directory.resolve()
        marker = directory / MARKER
        if directory.exists() and any(directory.iterdir()) and not marker.exists():
            message = f"directory {directory} must be new, empty or an earlier plane's, but has other files"
            raise PlaneError(message)
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        self._claim(marker)
        for old in directory.iterdir():  # data of an earlier plane would not fit the new keys
            if old.is_dir():
                shutil.rmtree(old)
            elif old != marker:
                old.unlink()
        return directory

    def _claim(self, marker: Path) -> None:
        """Keep others out of the directory until `stop`; the kernel lets them in when this process dies."""
        self._claimed = marker.open("a", encoding="utf-8")
        try:
            fcntl.flock(self._claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"directory {marker.parent} is that of a plane that runs: end that one first, or name another"
            raise PlaneError(message) from error

    def _write_kubeconfigs(self, keys: Credentials) -> None:
        self.kubeconfig.parent.mkdir(mode=0o700)
        self.write_kubeconfig(ADMIN, "localplane-admin", keys.admin)
        self.write_kubeconfig(CONTROLLER_MANAGER, CONTROLLER_MANAGER, keys.controller_manager)
        self.write_kubeconfig(SCHEDULER, SCHEDULER, keys.scheduler)
        self.write_kubeconfig(KWOK, KWOK, keys.kwok)

    def _launch(self, *components: str) -> None:
        for component in components:
            self.processes.start(component, self.layout.argv(component))
        for component in components:
            self._await_health(component)

    def _await_health(self, component: str) -> None:
        client = self._client(component)

        def healthy() -> bool:
            if client.is_ready(_HEALTH.get(component, "/healthz")):
                return True
            self.processes.check(component)
            return False

        try:
            self.wait(healthy, START_SECONDS, f"{component} did not become healthy")
        except PortTakenError:
            raise
        except PlaneError as error:
            if self.processes.has_ended(component):
                raise  # the error has the end of its log
            message = f"{error}. The end of its log:\n{self.processes.log_tail(component)}"
            raise PlaneError(message) from error

    def _client(self, component: str) -> ApiClient:
        keys = self.layout.credentials
        if component == ETCD:
            return ApiClient(self.layout.url(ETCD), keys.etcd_authority.files.certificate, keys.etcd_client)
        return ApiClient(self.layout.url(component), keys.authority.files.certificate, keys.admin)

    def _pods_can_be_created(self) -> bool:
        try:
            self.api.get("/api/v1/namespaces/default/serviceaccounts/default")
        except ApiFailure:
            return False
        return True

    def _check_name(self, component: str) -> None:
        if component not in COMPONENTS:
            message = f"component must be one of {', '.join(COMPONENTS)}, but is {component!r}"
            raise PlaneError(message)
