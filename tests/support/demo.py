"""Objects of a small cluster, as the API server gives them to the demo: two labs, two hosts a rack."""

from typing import Any

from demo.objects import Object
from demo.picture import Picture, take
from demo.trace import GUEST, OWNER
from entente.api.names import API_VERSION

NAMESPACES = {OWNER: "xai-training", GUEST: "anthropic-research"}
BLOCK, RACK = "topology.entente.dev/block", "topology.entente.dev/rack"
TEMPLATE = {"spec": {"containers": [{"name": "trainer", "image": "trainer:1"}]}}
BEGAN = "2026-03-01T10:00:00Z"


def job(
    name: str,
    tenant: str = GUEST,
    *,
    phase: str = "Pending",
    workers: int = 1,
    gpus: int = 8,
    nodes: dict[str, int] | None = None,
    created: str = BEGAN,
    **status: Any,  # noqa: ANN401 - fields of a status
) -> Object:
    if nodes:
        status["allocation"] = {
            "pool": "h100",
            "workers": workers,
            "gpus": workers * gpus,
            "class": "Entitled",
            "nodes": nodes,
            "placed": created,
        } | status.get("allocation", {})
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingJob",
        "metadata": {
            "name": name,
            "namespace": NAMESPACES[tenant],
            "creationTimestamp": created,
            "resourceVersion": "1",
        },
        "spec": {
            "workers": workers,
            "gpusPerWorker": gpus,
            "template": {"spec": {"containers": [{"name": "t", "image": "t"}]}},
        },
        "status": {"phase": phase, **status},
    }


def tenant(name: str, *, guaranteed: int = 16, **figures: int) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": {"namespaces": [NAMESPACES[name]], "pools": [{"name": "h100", "guaranteed": guaranteed}]},
        "status": {"pools": [{"name": "h100", "guaranteed": guaranteed, **figures}]},
    }


def pool(capacity: int = 32) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "GPUPool",
        "metadata": {"name": "h100"},
        "spec": {"nodeSelector": {"a": "b"}},
        "status": {"capacity": capacity},
    }


def node(name: str, rack: str, *, gpus: int = 8) -> Object:
    return {
        "metadata": {"name": name, "labels": {BLOCK: "b0", RACK: rack}},
        "status": {"allocatable": {"nvidia.com/gpu": str(gpus)}},
    }


def event(name: str, reason: str, note: str, **times: Any) -> Object:  # noqa: ANN401 - fields of an Event
    about = {"kind": "TrainingJob", "namespace": NAMESPACES[GUEST], "name": name}
    return {"metadata": {"name": f"{name}.1"}, "involvedObject": about, "reason": reason, "message": note, **times}


def picture(
    *jobs: Object,
    events: tuple[Object, ...] = (),
    owner: dict[str, int] | None = None,
    guest: dict[str, int] | None = None,
) -> Picture:
    return take(
        pool=pool(),
        tenants=[tenant(OWNER, **owner or {}), tenant(GUEST, **guest or {})],
        jobs=jobs,
        nodes=[node("n0", "r0"), node("n1", "r0"), node("n2", "r1"), node("n3", "r1")],
        events=events,
        topology=(BLOCK, RACK),
    )
