"""A recorded estate in which everything has happened that a decision can rest on, with words that must not get out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from entente.api.inputs import Inputs
from entente.cli.snapshot import taken
from entente.engine.intake import snapshot
from entente.engine.model import Snapshot
from tests.support import manifests, objects
from tests.support.manifests import Manifest
from tests.support.recorded import Recorded

MOMENT = datetime(2026, 11, 23, 12, 0, 0, 654_321, tzinfo=UTC)

PRIVATE = "do-not-tell"
"""Planted wherever people write what they like: environment, annotations, messages, commands, names of members."""


OPERATOR = "entente-system"
"""The operator's namespace."""


def inputs(given: list[Manifest] | None = None) -> Inputs:
    """What the estate's decision rests on."""
    warnings: list[str] = []
    found = taken(Recorded(estate() if given is None else given), OPERATOR, MOMENT, warnings.append)
    assert warnings == []
    return found


def asked(of: Inputs) -> Snapshot:
    return snapshot(of.moment, of.pools, of.tenants, of.jobs, of.nodes, of.pods)


def ago(seconds: float) -> str:
    """A time on the wire before the moment."""
    return (MOMENT - timedelta(seconds=seconds)).isoformat()


def job(
    name: str, namespace: str, *, status: Manifest | None = None, meta: Manifest | None = None, **spec: object
) -> Manifest:
    """A job with private words in its template, annotations and conditions."""
    made = manifests.job(name, namespace, **spec)
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "TOKEN", "value": PRIVATE}]
    made["metadata"].update(
        {
            "uid": f"uid-{name}",
            "creationTimestamp": ago(7200),
            "labels": {"team": PRIVATE},
            "managedFields": [{"manager": PRIVATE}],
            **(meta or {}),
        }
    )
    made["metadata"]["annotations"] = {"note": PRIVATE, **made["metadata"].get("annotations", {})}
    condition = {
        "type": "Readable",
        "status": "True",
        "reason": "Fine",
        "message": PRIVATE,
        "lastTransitionTime": ago(60),
    }
    made["status"] = {"conditions": [condition], **(status or {})}
    return made


def running(nodes: dict[str, int], gpus: int = 8, *, since: float = 1800, **more: object) -> Manifest:
    workers = sum(nodes.values())
    allocation = {
        "pool": "h100",
        "workers": workers,
        "gpus": workers * gpus,
        "class": "Entitled",
        "nodes": nodes,
        "since": ago(since),
        "placed": ago(since),
    }
    return {"phase": "Running", "starts": 1, "allocation": allocation, "startTime": ago(since - 20), **more}


def pending(reason: str, message: str, position: int = 1, *, since: float = 600, **more: object) -> Manifest:
    queue = {"position": position, "reason": reason, "message": message, "since": ago(since), **more}
    return {"phase": "Pending", "queue": queue}


def estate() -> list[Manifest]:
    """All objects of it, as the API server gives them."""
    return [*_promises(), *_nodes(), *_jobs(), *_pods()]


def home(tenant: str = "anthropic") -> list[Manifest]:
    labels = {"entente.dev/tenant": tenant}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{tenant}-research", "labels": labels}}]


def _promises() -> list[Manifest]:
    pool = manifests.pool(
        noticeSeconds=300,
        topology=["topology.entente.dev/rack", "kubernetes.io/hostname"],
        handover={"image": "wipe:1", "command": ["wipe", PRIVATE], "timeoutSeconds": 60},
        usage={"halfLifeSeconds": 86_400},
        owner="xai",
        reservations=[{"tenant": "fresh", "gpus": 8, "start": ago(60), "end": ago(-3600)}],
        simulated={"nodes": 1000, "gpusPerNode": 8},
    )
    pool["status"] = {"nodes": 8, "capacity": 56, "free": 8, "guaranteed": 64, "asOf": ago(3)}
    owner = manifests.tenant(
        "xai",
        pools=[{"name": "h100", "guaranteed": 32, "lendLimit": 24, "weight": 2}],
        priorities=[{"name": "low", "value": 1, "default": True}, {"name": "high", "value": 9}],
        members=[{"kind": "User", "name": PRIVATE, "role": "Admin"}],
    )
    owner["status"] = {
        "namespaces": ["xai-research"],
        "pools": [
            {"name": "h100", "guaranteed": 32, "entitled": 24, "borrowed": 0, "lent": 8, "due": 32}
            | {"borrowedGpuSeconds": 1234.567_890_123, "asOf": ago(1.25)}
        ],
    }
    guest = manifests.tenant(
        "anthropic",
        pools=[{"name": "h100", "guaranteed": 24, "borrowLimit": 16}],
        budget={"gpuHours": 10, "periodDays": 30, "whenSpent": "GuaranteeOnly"},
        order="ShortestFirst",
    )
    guest["status"] = {
        "namespaces": ["anthropic-research"],
        "pools": [
            {"name": "h100", "guaranteed": 24, "entitled": 16, "borrowed": 0, "lent": 0, "due": 24}
            | {"borrowedGpuSeconds": 0.1 + 0.2, "asOf": ago(0.5)}
        ],
        "budget": {"periodStart": ago(86_400), "spentGpuHours": 10.125},
    }
    fresh = manifests.tenant("fresh", pools=[{"name": "h100", "guaranteed": 8}])
    for number, tenant in enumerate((owner, guest, fresh)):
        tenant["metadata"]["creationTimestamp"] = ago(1_000_000 - number)
    return [pool, owner, guest, fresh]


def _nodes() -> list[Manifest]:
    rack = {"topology.entente.dev/rack": "r1", "secret.example/serial": PRIVATE}
    return [
        objects.node("a", labels={**rack, "entente.dev/last-tenant": "xai"}),
        objects.node("b", labels={**rack, "entente.dev/last-tenant": "anthropic"}),
        objects.node("c", labels={**rack, "entente.dev/handover": "Failed", "entente.dev/last-tenant": "xai"}),
        objects.node("d", labels={**rack, "entente.dev/last-tenant": "anthropic"}),
        objects.node("e", labels=rack, unschedulable=True),
        objects.node("f", labels=rack, taints=("entente.dev/suspect", "nvidia.com/gpu")),
        objects.node("g", labels=rack, ready=False),
        objects.node("h"),
        objects.node("i", labels={**rack, "entente.dev/last-tenant": "xai"}),
        {**objects.node("other"), "metadata": {"name": "other", "labels": {"nvidia.com/gpu.product": "A100"}}},
    ]


def _jobs() -> list[Manifest]:
    saved = {"annotations": {"entente.dev/last-checkpoint": ago(100.5)}}
    eviction = {"at": ago(5000), "pool": "h100", "cause": "Guarantee"}
    stopping = running(
        {"b": 1}, stopping={"since": ago(20), "until": ago(-40), "message": PRIVATE, "cause": "Evicted"}
    ) | {"phase": "Stopping"}
    message = "The operator frees 8 GPUs of pool h100 for it. It can start when these GPUs are free."
    held = pending("Held", message, entitledSince=ago(20))
    hold = {"pool": "h100", "nodes": {"b": 1}, "since": ago(20), "until": ago(-280)}
    return [
        job("saver", "xai-research", status=running({"a": 1}, evictions=[eviction], runSeconds=99.5), meta=saved),
        job("borrower", "anthropic-research", status=stopping, checkpoint={"graceSeconds": 60}),
        job("claimant", "xai-research", priority="high", status={**held, "hold": hold}),
        job("elastic", "anthropic-research", status=running({"d": 2}, 4), workers=2, gpusPerWorker=4),
        job("big", "anthropic-research", workers=9, status=pending("NeverFits", f"It asks for 72 GPUs. {PRIVATE}")),
        job("later", "anthropic-research", expectedSeconds=600, maxSeconds=1200, status=pending("BudgetSpent", "...")),
        job("again", "xai-research", status={**pending("Backoff", "..."), "backoffUntil": ago(-30), "failures": 1}),
        job("quiet", "xai-research", suspend=True, status={"phase": "Suspended"}),
        job(
            "done-1",
            "anthropic-research",
            expectedSeconds=60,
            status={"phase": "Succeeded", "startTime": ago(5000), "completionTime": ago(4000.25)},
        ),
        job("done-2", "anthropic-research", status=pending("NoFreeGPUs", "...", 2)),
        job("gone", "xai-research", status=running({"i": 1}), meta={"deletionTimestamp": ago(2)}),
        job("unplaced", "xai-research", status=running({"h": 1}) | {"phase": "Starting"}),
        job("early", "fresh-research", status={}),
    ]


def _pods() -> list[Manifest]:
    ending = objects.pod("gone-0-0", "xai-research", "i", 8, job="gone")
    ending["metadata"]["deletionTimestamp"] = ago(1)
    handover = objects.pod("handover-c", "entente-system", "c", 8)
    handover["metadata"]["labels"] = {"entente.dev/handover": "h100"}
    waiting = objects.pod("unplaced-0-0", "xai-research", "h", 8, job="unplaced", phase="Pending")
    del waiting["spec"]["nodeName"]
    field = {"key": "metadata.name", "operator": "In", "values": ["h"]}
    term = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    waiting["spec"]["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}}
    private = objects.pod("saver-0-0", "xai-research", "a", 8, job="saver")
    private["spec"]["containers"][0]["env"] = [{"name": "TOKEN", "value": PRIVATE}]
    return [
        private,
        objects.pod("borrower-0-0", "anthropic-research", "b", 8, job="borrower"),
        objects.pod("rest-0-0", "anthropic-research", "e", 4, job="rest"),
        objects.pod("squatter", "kube-system", "h", 2),
        objects.pod("ended", "kube-system", "h", 4, phase="Succeeded"),
        objects.pod("own", "anthropic-research", "d", 0),
        ending,
        handover,
        waiting,
    ]
