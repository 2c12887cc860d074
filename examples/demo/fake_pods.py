"""Pods on fake nodes: the template of a worker, and how the trainer of a job makes its pods end."""

import time

from urllib3.exceptions import HTTPError

from demo.cluster import ApiError, Cluster, Object
from demo.estate import GRACE_S, saves_when_told
from demo.trace import TraceJob
from entente.api.names import LABEL_JOB
from entente.kube.kinds import POD

RUN_SECONDS = "entente.dev/sim-run-seconds"
STOP_SECONDS = "entente.dev/sim-stop-seconds"

ATTEMPTS = 5
RETRY_S = 1.0


def template(job: TraceJob) -> Object:
    """The worker's PodTemplateSpec: what a tenant with restricted pods would submit."""
    annotations = {STOP_SECONDS: str(GRACE_S)} if saves_when_told(job) else {}
    return {
        "metadata": {"annotations": annotations},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "trainer",
                    "image": "example.invalid/trainer:1",
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


class FakePods:
    """Ends the pods of jobs, as their processes would by themselves."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def end(self, namespace: str, job: str) -> None:
        """Let all pods of a job succeed now.

        Raises:
            ApiError: the API server refused it several times in a row.
            HTTPError: it could not be reached as often.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._end(namespace, job)
            except (ApiError, HTTPError):
                if attempt == ATTEMPTS:
                    raise
                time.sleep(RETRY_S)
            else:
                return

    def _end(self, namespace: str, job: str) -> None:
        pods, _ = self._cluster.list(POD, namespace=namespace, label_selector=f"{LABEL_JOB}={job}")
        body = {"metadata": {"annotations": {RUN_SECONDS: "0"}}}
        for pod in pods:
            if pod["status"].get("phase") == "Running":
                self._cluster.patch(POD, pod["metadata"]["name"], body, namespace=namespace)
