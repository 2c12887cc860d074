"""People of tenants: kubeconfigs with the rights that a Tenant's members have, and no others."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.operators import REPOSITORY
from tests.support.plane import Corner


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a service account in a namespace of no tenant."""

    account: str
    namespace: str

    def member(self, role: str) -> dict[str, Any]:
        """As an entry of `Tenant.spec.members`."""
        return {"kind": "ServiceAccount", "name": self.account, "namespace": self.namespace, "role": role}

    def kubeconfig(self, corner: Corner, folder: Path, namespace: str) -> Path:
        """A file with a token of this account; its context is in that namespace."""
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.account}/token"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        token = corner.plane.api.create(path, asked)["status"]["token"]
        config = yaml.safe_load(corner.plane.kubeconfig.read_text(encoding="utf-8"))
        config["users"] = [{"name": self.account, "user": {"token": token}}]
        config["contexts"][0]["context"] = {
            "cluster": config["clusters"][0]["name"],
            "user": self.account,
            "namespace": namespace,
        }
        file = folder / f"{self.account}-{namespace}.yaml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        return file


def hire(corner: Corner, name: str) -> Person:
    namespace = corner.namespace(f"people-{name}")
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    corner.plane.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    return Person(name, namespace)


def entente(*arguments: str, stdin: str = "", kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line as people call it: a process of its own, 80 columns wide."""
    environment = {"PYTHONPATH": str(REPOSITORY / "operator"), "PATH": "", "HOME": "/nowhere", "COLUMNS": "80"}
    if kubeconfig is not None:
        environment["KUBECONFIG"] = str(kubeconfig)
    return subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-m", "entente.cli.main", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=REPOSITORY,
        env=environment,
    )
