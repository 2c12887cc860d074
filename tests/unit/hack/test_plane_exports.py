"""What `make plane` prints for another terminal."""

import sys
from pathlib import Path

from localplane.__main__ import exports


def test_another_terminal_finds_the_cluster_entente_and_kubectl() -> None:
    assert exports(Path("/plane/admin.yaml"), Path("/cache/kubernetes/kubectl")) == (
        "export KUBECONFIG=/plane/admin.yaml",
        f"export PATH={Path(sys.executable).parent}:/cache/kubernetes:$PATH",
    )
