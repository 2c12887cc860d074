"""Kubeconfig files that are complete in themselves: certificates and tokens are inside."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from localplane.certificates import KeyPair

CONTEXT = "localplane"


def write(
    path: Path, server: str, authority: Path, user: str, credentials: dict[str, str], namespace: str | None = None
) -> Path:
    """Write the kubeconfig of one user, readable by its owner only.

    Args:
        path: The file.
        server: The URL of the API server.
        authority: The certificate that the server's is issued by.
        user: What the user is called in the file.
        credentials: The entry of the user.
        namespace: The one that commands without a namespace are about.
    """
    context = {"cluster": CONTEXT, "user": user} | ({"namespace": namespace} if namespace else {})
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": CONTEXT, "cluster": {"server": server, "certificate-authority-data": _encoded(authority)}}
        ],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": CONTEXT, "context": context}],
        "current-context": CONTEXT,
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def certificate_credentials(files: KeyPair) -> dict[str, str]:
    """Return the kubeconfig entry of a user with a client certificate."""
    return {"client-certificate-data": _encoded(files.certificate), "client-key-data": _encoded(files.key)}


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")
