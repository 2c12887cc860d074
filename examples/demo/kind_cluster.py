"""A kind cluster of the demo's own: made, given GPUs that do not exist, and deleted."""

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.cluster import Cluster
from entente.api.names import GPU_RESOURCE, HOSTNAME
from entente.kube.kinds import NODE

NAME = "entente-demo"
CONFIG = Path(__file__).parent / "kind.yaml"
NODES = 4
GPUS_PER_NODE = 40
LEAST_GPUS = 4
"""Pods really run here: the small jobs of the trace (6 % of its GPU-hours) would only load the machine."""

WAIT_S = 180
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


class KindError(RuntimeError):
    """kind could not do what was asked of it."""


class KindCluster:
    """A context manager; a cluster of the same name that an earlier demo left is deleted first.

    Args:
        kubeconfig: written when the cluster is made; the user's own is left alone.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    def __enter__(self) -> Self:
        """Make it.

        Raises:
            KindError: docker or kind is missing, or kind failed.
        """
        for tool in ("docker", "kind"):
            if shutil.which(tool) is None:
                msg = f"KIND=1: {tool} is not on PATH; without KIND the demo needs neither docker nor kind"
                raise KindError(msg)
        self._kind("delete", "cluster", "--name", NAME)
        config = os.environ.get("KIND_CONFIG") or str(CONFIG)
        image = os.environ.get("KIND_NODE_IMAGE")
        options = ["--config", config, "--wait", f"{WAIT_S}s", *(("--image", image) if image else ())]
        try:
            self._kind("create", "cluster", "--name", NAME, *options)
        except BaseException:
            self._kind("delete", "cluster", "--name", NAME)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kind("delete", "cluster", "--name", NAME)

    def add_gpus(self) -> None:
        """Say of each worker that it has GPUs, in its status, its labels and a taint: half of them in each block.

        Raises:
            KindError: the cluster has another number of workers.
        """
        cluster = Cluster(self._kubeconfig)
        nodes, _ = cluster.list(NODE)
        workers = sorted(node["metadata"]["name"] for node in nodes if CONTROL_PLANE not in node["metadata"]["labels"])
        if len(workers) != NODES:
            msg = f"the kind configuration has {len(workers)} workers, {NODES} are needed"
            raise KindError(msg)
        for number, name in enumerate(workers):
            labels = {
                "nvidia.com/gpu.product": "H100",
                "topology.entente.dev/block": f"b{number * 2 // NODES}",
                "topology.entente.dev/rack": f"b{number * 2 // NODES}-r{number}",
                HOSTNAME: name,
            }
            taint = {"key": GPU_RESOURCE, "value": "present", "effect": "NoSchedule"}
            cluster.patch(NODE, name, {"metadata": {"labels": labels}, "spec": {"taints": [taint]}})
            gpus = {GPU_RESOURCE: str(GPUS_PER_NODE)}
            cluster.patch(NODE, name, {"status": {"capacity": gpus, "allocatable": gpus}}, subresource="status")

    def _kind(self, *arguments: str) -> None:
        command = ["kind", *arguments, "--kubeconfig", str(self._kubeconfig)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
        if done.returncode != 0:
            msg = f"{' '.join(command)} failed:\n{done.stderr.strip()}"
            raise KindError(msg)
