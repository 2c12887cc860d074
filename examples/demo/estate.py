"""The estate of the demo: hosts, pool, tenants, and the TrainingJob that a job of the trace becomes."""

from pathlib import Path
from typing import Any, Final

import yaml

from demo.objects import Object
from demo.trace import GUEST, OWNER, SPEED, TraceJob, shape
from demo.training import Training
from entente.api.names import API_VERSION
from entente.kube.kinds import GPU_POOL, TENANT, Kind

MANIFESTS = Path(__file__).parent / "estate.yaml"
POOL = "h100"
BLOCKS, RACKS_PER_BLOCK, HOSTS_PER_RACK, GPUS_PER_HOST = 2, 4, 4, 8
HOSTS = BLOCKS * RACKS_PER_BLOCK * HOSTS_PER_RACK
GPUS = HOSTS * GPUS_PER_HOST
GPUS_PER_WORKER = 8
"""At most; larger jobs have several workers."""
NOTICE_S = 60
MIN_RUNTIME_S = 20

NAMESPACES: Final = {OWNER: "xai-training", GUEST: "anthropic-research"}

RACK = "topology.entente.dev/rack"

CHECKPOINT_S = 9
"""A job saves once an hour of the trace."""

GRACE_S = 2
"""What a large job needs to save when it is told to stop; small ones do not save when told."""

_KINDS = {kind.kind: kind for kind in (GPU_POOL, TENANT)}


def manifests(half: int) -> list[tuple[Kind, Object]]:
    """The pool and the tenants, in this order, each tenant with a guarantee of so many GPUs."""
    bodies = list(yaml.safe_load_all(MANIFESTS.read_text(encoding="utf-8")))
    for body in bodies:
        for terms in body["spec"].get("pools", ()):
            terms["guaranteed"] = half
    return [(_KINDS[body["kind"]], body) for body in bodies]


def key(job: TraceJob) -> str:
    """`namespace/name` of the TrainingJob."""
    return f"{NAMESPACES[job.tenant]}/{job.job_id}"


def saves_when_told(job: TraceJob) -> bool:
    """Whether a job saves when it is told to stop: the larger ones do."""
    return job.gpus >= GPUS_PER_WORKER


def training(job: TraceJob) -> Training:
    """What the job has to do, in seconds of the replay."""
    return Training(job.duration_s / SPEED, CHECKPOINT_S, saves_when_told=saves_when_told(job))


def training_job(job: TraceJob, template: Object) -> Object:
    """The TrainingJob of a job of the trace, with a PodTemplateSpec. It does not know how long it will run."""
    workers, gpus = shape(job.gpus, GPUS_PER_WORKER)
    checkpoint = {"intervalSeconds": CHECKPOINT_S} | ({"graceSeconds": GRACE_S} if saves_when_told(job) else {})
    spec: dict[str, Any] = {
        "workers": workers,
        "gpusPerWorker": gpus,
        "checkpoint": checkpoint,
        "template": template,
    }
    if workers > 1:
        spec["topology"] = {"level": RACK, "mode": "Preferred"}
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingJob",
        "metadata": {
            "name": job.job_id,
            "namespace": NAMESPACES[job.tenant],
            "labels": {"demo.entente.dev/cluster": job.cluster},
        },
        "spec": spec,
    }
