"""Builders of jobs in the middle of their lives, and of the pods that they have."""

from __future__ import annotations

from collections.abc import Mapping

from entente.api.base import rfc3339
from entente.api.core import PodRecord
from entente.api.job import TrainingJob
from entente.api.names import (
    GPU_RESOURCE,
    LABEL_ATTEMPT,
    LABEL_CLASS,
    LABEL_JOB_UID,
    LABEL_POOL,
    LABEL_RANK,
    LABEL_SPEC,
)
from entente.workload.moments import moment
from entente.workload.pods import Gang, pod, spec_digest
from tests.support import manifests

NOW = 1_800_000_000.0
UID = "11111111-2222-3333-4444-555555555555"
NAMESPACE = "anthropic-research"


def at(seconds_from_now: float) -> str:
    """A time on the wire, relative to `NOW`."""
    return rfc3339(moment(NOW + seconds_from_now))


def job(
    status: Mapping[str, object] | None = None,
    *,
    name: str = "train",
    meta: Mapping[str, object] | None = None,
    **spec: object,
) -> TrainingJob:
    """A job with a status as it is on the wire; fields of the spec by their names there."""
    body = manifests.job(name, NAMESPACE, **spec)
    body["metadata"].update(
        {"uid": UID, "resourceVersion": "7", "generation": 1, "creationTimestamp": at(-3600), **(meta or {})}
    )
    body["status"] = {"observedGeneration": 1, **(status or {})}
    return TrainingJob.model_validate(body)


def allocation(
    nodes: Mapping[str, int] | None = None, *, gpus: int = 8, placed: float = -100, **fields: object
) -> dict[str, object]:
    """An allocation as it is on the wire."""
    nodes = nodes or {"a": 1}
    workers = sum(nodes.values())
    return {
        "pool": "h100",
        "workers": workers,
        "gpus": workers * gpus,
        "class": "Entitled",
        "nodes": dict(nodes),
        "since": at(placed),
        "placed": at(placed),
        **fields,
    }


def status(phase: str, nodes: Mapping[str, int] | None = None, *, gpus: int = 8, **fields: object) -> dict[str, object]:
    """The status of a job that holds GPUs in its first start."""
    return {"phase": phase, "starts": 1, "allocation": allocation(nodes, gpus=gpus), "startTime": at(-90), **fields}


def worker(
    of: TrainingJob,
    rank: int,
    node: str | None = "a",
    *,
    phase: str = "Running",
    ready: bool | None = None,
    start: int | None = None,
    deleting: bool = False,
    exit_code: int | None = None,
    exit_reason: str = "",
    spec: str | None = None,
) -> PodRecord:
    """A worker's pod, of the job's present start unless another is given."""
    number = of.status.starts - 1 if start is None else start
    return PodRecord(
        namespace=NAMESPACE,
        name=f"{of.metadata.name}-{number}-{rank}",
        uid=f"pod-{number}-{rank}",
        labels={
            LABEL_JOB_UID: of.metadata.uid,
            LABEL_ATTEMPT: str(number),
            LABEL_RANK: str(rank),
            LABEL_POOL: "h100",
            LABEL_CLASS: "Entitled",
            LABEL_SPEC: spec_digest(of) if spec is None else spec,
        },
        job=of.metadata.name,
        job_uid=of.metadata.uid,
        node=node,
        phase=phase,
        ready=phase == "Running" if ready is None else ready,
        deleting=deleting,
        gpus={GPU_RESOURCE: of.spec.gpus_per_worker},
        exit_code=exit_code,
        exit_reason=exit_reason,
    )


def gang(of: TrainingJob, nodes: Mapping[str, int] | None = None, *, start: int = 0) -> Gang:
    return Gang(
        job=of,
        start=start,
        pool="h100",
        resource=GPU_RESOURCE,
        gpus_per_worker=of.spec.gpus_per_worker,
        class_="Entitled",
        tenant="anthropic",
        priority_class="entente.anthropic.frontier",
        nodes=nodes or {"a": 1},
    )


def made_pod(
    of: TrainingJob, rank: int = 0, node: str = "a", nodes: Mapping[str, int] | None = None
) -> manifests.Manifest:
    return pod(gang(of, nodes), rank, node)


def with_template(template: manifests.Manifest) -> TrainingJob:
    """A job with a template that nobody has checked: an older version of the resource may have let it in."""
    plain = job()
    return plain.model_copy(update={"spec": plain.spec.model_copy(update={"template": template})})
