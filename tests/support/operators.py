"""The operator as a process of its own, as it runs in production, against the tests' control plane."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from localplane import LocalPlane
from localplane.ports import free_ports
from tests.support import crds
from tests.support.plane import eventually

REPOSITORY = Path(__file__).parents[2]
NAMESPACE = "entente-system"
LEASE_SECONDS = 15
"""As in production: a shorter one is lost on a machine that is busy with the tests."""

_numbers = itertools.count(1)


class OperatorProcess:
    """`entente operator`, started again after it was killed or stopped, with the same Lease."""

    def __init__(self, plane: LocalPlane, directory: Path, *options: str, debug: bool = False) -> None:
        self.plane = plane
        self.lease = f"operator-{next(_numbers)}"
        self.port, self.debug_port = free_ports(2)
        self._debug = debug
        self.log = directory / f"{self.lease}.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        _prepare(plane, self.lease)

    def start(self, *, leads: bool = True, again: bool = False) -> None:
        """Start it, and wait until it decides, or stands by."""
        command = [sys.executable, "-m", "entente.cli.main", "operator"]
        command += ["--kubeconfig", str(self.plane.kubeconfig), "--health-port", str(self.port)]
        command += ["--debug-port", str(self.debug_port)] if self._debug else []
        command += [
            "--check-invariants",
            "--namespace",
            NAMESPACE,
            "--lease-name",
            self.lease,
            "--lease-seconds",
            str(LEASE_SECONDS),
        ]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "operator"), "PYTHONWARNINGS": "default"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                [*command, *self._options], stdout=log, stderr=log, env=environment
            )
        try:
            eventually(self.leads if leads else self.is_ready, what=f"a ready operator; its log is {self.log}")
        except AssertionError:
            if self.alive() or again or "address already in use" not in self.text():
                raise
            self.port, self.debug_port = free_ports(2)  # somebody else has taken one that was free
            self.start(leads=leads, again=True)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def is_ready(self) -> bool:
        """Whether `/readyz` says so; fails the test when the process has ended."""
        assert self._process is not None
        assert self._process.poll() is None, f"the operator has ended:\n{self.text()[-4000:]}"
        return self.get("/readyz")[0] == 200

    def leads(self) -> bool:
        """Whether it decides; fails the test when the process has ended."""
        return self.is_ready() and self.get("/readyz")[1] == "leading\n"

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of its health server; 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def holder(self) -> str:
        """Who holds the Lease; empty when another may take it at once."""
        return str(self.plane.api.get(self._lease_path)["spec"].get("holderIdentity") or "")

    def let_lease_expire(self) -> None:
        """Give the Lease of a killed operator free, as if its seconds had gone by."""
        assert not self.alive()
        self.plane.api.patch(self._lease_path, {"spec": {"holderIdentity": ""}})

    @property
    def _lease_path(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{self.lease}"

    def kill(self) -> None:
        """End it by SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(60)
        self._process = None

    def pause(self) -> None:
        """Stop it from running, as a suspended machine would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """End it by SIGTERM; returns its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9
        finally:
            self._process = None

    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@contextlib.contextmanager
def running(plane: LocalPlane, directory: Path, *options: str, debug: bool = False) -> Iterator[OperatorProcess]:
    """An operator for one test; what it logged is printed, so that a failing test shows it."""
    process = OperatorProcess(plane, directory, *options, debug=debug)
    process.start()
    try:
        yield process
    finally:
        process.stop()
        print(process.text()[-8000:])  # noqa: T201 - shown by pytest with a failure
        broken = [line for line in process.text().splitlines() if "invariant broken" in line or "no decision" in line]
        assert not broken, "\n".join(broken)


def _prepare(plane: LocalPlane, lease: str) -> None:
    """The resources, and an empty Lease, which may be taken at once."""
    crds.install(plane)
    if not plane.api.get("/api/v1/namespaces?fieldSelector=metadata.name%3D" + NAMESPACE)["items"]:
        plane.kubectl("create", "namespace", NAMESPACE)
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": lease, "namespace": NAMESPACE},
        "spec": {},
    }
    plane.api.create(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases", body)
