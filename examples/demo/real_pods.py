"""Pods that really run: a shell that waits until the trainer of its job is done, and takes its time to save."""

from demo.cluster import Cluster
from demo.estate import GRACE_S, saves_when_told
from demo.fake_pods import restricted
from demo.objects import Object
from demo.patience import patiently
from demo.trace import TraceJob
from entente.api.names import LABEL_JOB
from entente.kube.kinds import POD

DONE = "/tmp/done"  # noqa: S108 - inside the pod's own container
SCRIPT = 'trap "sleep $SAVING; exit 143" TERM; until [ -e "$DONE" ]; do sleep 0.2; done'


class RealPods:
    """The workers of jobs on a cluster with kubelets.

    Args:
        cluster: a connection.
        image: of the workers; anything with `sh`, `sleep` and `touch`.
    """

    def __init__(self, cluster: Cluster, image: str) -> None:
        self._cluster = cluster
        self._image = image

    def template(self, job: TraceJob) -> Object:
        """The worker's PodTemplateSpec."""
        saving = GRACE_S if saves_when_told(job) else 0
        container = {
            "name": "trainer",
            "image": self._image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", SCRIPT],
            "env": [{"name": "SAVING", "value": str(saving)}, {"name": "DONE", "value": DONE}],
        }
        return {"spec": restricted(container)}

    def end(self, namespace: str, job: str) -> None:
        patiently(lambda: self._end(namespace, job))

    def _end(self, namespace: str, job: str) -> None:
        pods, _ = self._cluster.list(POD, namespace=namespace, label_selector=f"{LABEL_JOB}={job}")
        for pod in pods:
            if pod["status"].get("phase") == "Running":
                self._cluster.execute(namespace, pod["metadata"]["name"], ["touch", DONE])
