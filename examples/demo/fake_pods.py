"""Pods on fake nodes: the template of a worker, and how the trainer of a job makes its pods end."""

from typing import Any

from demo.cluster import Cluster
from demo.estate import GRACE_S, saves_when_told
from demo.objects import Object
from demo.patience import patiently
from demo.trace import TraceJob
from entente.api.names import LABEL_JOB
from entente.kube.kinds import POD

IMAGE = "example.invalid/trainer:1"
RUN_SECONDS = "entente.dev/sim-run-seconds"
STOP_SECONDS = "entente.dev/sim-stop-seconds"


def restricted(container: dict[str, Any]) -> Object:
    """The PodSpec of a container, as a tenant with the Pod Security Standard `restricted` would submit it."""
    return {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                **container,
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }


class FakePods:
    """The workers of jobs on fake nodes, which do what their annotations say.

    Args:
        cluster: a connection.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def template(self, job: TraceJob) -> Object:
        """The worker's PodTemplateSpec."""
        annotations = {STOP_SECONDS: str(GRACE_S)} if saves_when_told(job) else {}
        return {
            "metadata": {"annotations": annotations},
            "spec": restricted({"name": "trainer", "image": IMAGE}),
        }

    def end(self, namespace: str, job: str) -> None:
        patiently(lambda: self._end(namespace, job))

    def _end(self, namespace: str, job: str) -> None:
        pods, _ = self._cluster.list(POD, namespace=namespace, label_selector=f"{LABEL_JOB}={job}")
        body = {"metadata": {"annotations": {RUN_SECONDS: "0"}}}
        for pod in pods:
            if pod["status"].get("phase") == "Running":
                self._cluster.patch(POD, pod["metadata"]["name"], body, namespace=namespace)
