"""Where the demo takes place: a cluster with GPU hosts, and how the pods of its jobs are made and end there."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from demo.cluster import Cluster
from demo.estate import BLOCKS, GPUS_PER_HOST, HOSTS, RACKS_PER_BLOCK
from demo.fake_pods import FakePods
from demo.kind_cluster import GPUS_PER_NODE, LEAST_GPUS, NODES, KindCluster
from demo.objects import Object
from demo.real_pods import RealPods
from demo.trace import TraceJob
from localplane import LocalPlane, binaries


class Pods(Protocol):
    def template(self, job: TraceJob) -> Object:
        """The PodTemplateSpec of a job's workers."""

    def end(self, namespace: str, job: str) -> None:
        """Let all workers of a job succeed now.

        Raises:
            ApiError: the API server refused it several times in a row.
            HTTPError: it could not be reached as often.
        """


@dataclass(frozen=True, slots=True)
class Ground:
    kubeconfig: Path
    directory: Path
    """For logs."""
    hosts: int
    gpus_per_host: int
    least_gpus: int
    """Smaller jobs of the trace are left out."""
    pods: Callable[[Cluster], Pods]
    kubectl: Path | None = None
    """The one that the demo has brought, if the machine has none of its own."""
    plane: LocalPlane | None = None
    """The control plane, if it is of this machine."""

    @property
    def export(self) -> str:
        """The line by which another terminal of the admin finds the cluster and its tools."""
        return self.export_for(self.kubeconfig)

    def export_for(self, kubeconfig: Path) -> str:
        """The line by which another terminal finds the cluster, `entente`, and kubectl where the machine has none."""
        folders = [Path(sys.executable).parent, *([self.kubectl.parent] if self.kubectl else [])]
        return f"export KUBECONFIG={kubeconfig} PATH={':'.join(map(str, folders))}:$PATH"

    @property
    def gpus(self) -> int:
        """GPUs of all hosts."""
        return self.hosts * self.gpus_per_host


@contextmanager
def local(directory: Path | None) -> Iterator[Ground]:
    """A control plane on loopback with fake hosts: 32 of 8 GPUs in 2 blocks of 4 racks.

    Raises:
        PlaneError: it could not be started.
    """
    with LocalPlane(directory) as plane:
        plane.add_gpu_nodes(HOSTS, gpus=GPUS_PER_HOST, blocks=BLOCKS, racks=RACKS_PER_BLOCK)
        yield Ground(
            kubeconfig=plane.kubeconfig,
            directory=plane.directory / "operator",
            hosts=HOSTS,
            gpus_per_host=GPUS_PER_HOST,
            least_gpus=1,
            pods=FakePods,
            kubectl=None if binaries.on_path("kubectl") else binaries.ensure("kubectl"),
            plane=plane,
        )


@contextmanager
def kind(directory: Path | None, image: str) -> Iterator[Ground]:
    """A kind cluster, whose nodes are said to have GPUs and whose pods really run.

    Args:
        directory: for logs; a temporary one by default.
        image: of the workers; anything with a shell.

    Raises:
        KindError: docker or kind is missing, or kind failed.
    """
    with tempfile.TemporaryDirectory(prefix="entente-demo-") as temporary:
        place = directory or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        with KindCluster(place / "kubeconfig") as cluster:
            cluster.add_gpus()
            yield Ground(
                kubeconfig=place / "kubeconfig",
                directory=place / "operator",
                hosts=NODES,
                gpus_per_host=GPUS_PER_NODE,
                least_gpus=LEAST_GPUS,
                pods=lambda connection: RealPods(connection, image),
            )
