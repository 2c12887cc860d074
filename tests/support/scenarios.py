"""Scenarios: small estates in a short notation, expanded to the Kubernetes objects that `entente plan` reads.

`tests/vectors/README.md` describes the notation.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.support import manifests
from tests.support.manifests import Manifest

VECTORS = Path(__file__).parents[1] / "vectors"
NOW = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
BLOCK, RACK, HOST = "topology.entente.dev/block", "topology.entente.dev/rack", "kubernetes.io/hostname"
_LEVELS = {"block": BLOCK, "rack": RACK, "host": HOST}
_PRIORITIES = {"low": 0, "mid": 100, "high": 1000}
_KEYS = {"says", "rule", "pools", "nodes", "tenants", "jobs", "pods", "plan", "books", "messages"}
_JOB_KEYS = {
    *("gang", "at", "in", "ran", "since", "saved", "asked", "pending", "entitled", "priority", "elastic", "interval"),
    *("grace", "expected", "max", "required", "preferred", "pools", "stopping", "hold", "until", "evicted", "onCall"),
    *("phase", "spec", "status", "meta"),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One estate and what must be decided about it."""

    name: str
    estate: Mapping[str, Any]
    """In the short notation."""
    plan: Mapping[str, Any]
    """Expected decisions by job."""
    books: Mapping[str, Any]
    messages: Mapping[str, Any]

    def objects(self) -> list[Manifest]:
        return [*self._pools(), *self._nodes(), *self._tenants(), *self._jobs(), *self._pods()]

    def _pools(self) -> Iterator[Manifest]:
        for name, short in self.estate.get("pools", {}).items():
            spec = {"nodeSelector": {"pool": name}, "usage": {"halfLifeSeconds": 0}, **short}
            spec["topology"] = [_LEVELS.get(level, level) for level in spec.get("topology", ("host",))]
            if windows := spec.get("reservations"):
                spec["reservations"] = [{**w, "start": _ago(-w["start"]), "end": _ago(-w["end"])} for w in windows]
            if hosts := spec.pop("hosts", None):
                nodes, gpus = map(int, hosts.split("x"))
                spec["simulated"] = {"nodes": nodes, "gpusPerNode": gpus, "domains": spec.pop("domains", [])}
            yield manifests.pool(name, **spec)

    def _nodes(self) -> Iterator[Manifest]:
        for name, short in self.estate.get("nodes", {}).items():
            labels = {"pool": _pool_of(name), HOST: name}
            labels |= {_LEVELS.get(k, k): str(v) for k, v in short.get("labels", {}).items()}
            yield {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": labels},
                "spec": {"unschedulable": short.get("cordoned", False), "taints": short.get("taints", [])},
                "status": {
                    "allocatable": {"cpu": "96", "memory": "1Ti", "nvidia.com/gpu": str(short.get("gpus", 8))},
                    "conditions": [{"type": "Ready", "status": str(short.get("ready", True))}],
                },
            }

    def _tenants(self) -> Iterator[Manifest]:
        for name, short in self.estate.get("tenants", {}).items():
            more = dict(short)
            terms = [
                {"name": pool, **(t if isinstance(t, dict) else {"guaranteed": t})}
                for pool, t in more.pop("pools").items()
            ]
            ranks = [
                {"name": n, "value": v, **({"default": True} if n == "mid" else {})} for n, v in _PRIORITIES.items()
            ]
            status = more.pop("status", {})
            spec = {"namespaces": [name], "pools": terms, "priorities": ranks, **more}
            yield {**manifests.tenant(name, **spec), "status": _moments(status)}

    def _jobs(self) -> Iterator[Manifest]:
        for key, short in self.estate.get("jobs", {}).items():
            if unknown := set(short) - _JOB_KEYS:
                message = f"{self.name}: {key}: unknown words {sorted(unknown)}"
                raise ValueError(message)
            yield _job(key, short)

    def _pods(self) -> Iterator[Manifest]:
        for key, short in self.estate.get("pods", {}).items():
            namespace, name = key.split("/")
            owner = {"apiVersion": "entente.dev/v1alpha1", "kind": "TrainingJob", "name": short.get("of"), "uid": "1"}
            meta = {"name": name, "namespace": namespace, **({"ownerReferences": [owner]} if "of" in short else {})}
            if short.get("deleting"):
                meta["deletionTimestamp"] = _ago(10)
            resources = {"requests": {"nvidia.com/gpu": str(short["gpus"])}}
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": meta,
                "spec": {"nodeName": short.get("at"), "containers": [{"name": "main", "resources": resources}]},
                "status": {"phase": short.get("phase", "Running")},
            }


def _job(key: str, short: Mapping[str, Any]) -> Manifest:
    namespace, name = key.split("/")
    workers, gpus = map(int, short.get("gang", "1x8").split("x"))
    spec: dict[str, Any] = {"workers": workers, "gpusPerWorker": gpus}
    for word, field in (("priority", "priority"), ("expected", "expectedSeconds"), ("max", "maxSeconds")):
        if word in short:
            spec[field] = short[word]
    if "pools" in short:
        spec["pools"] = short["pools"]
    if "elastic" in short:
        spec["elastic"] = dict(zip(("minWorkers", "maxWorkers"), short["elastic"], strict=True))
    for mode in ("required", "preferred"):
        if mode in short:
            spec["topology"] = {"level": _LEVELS.get(short[mode], short[mode]), "mode": mode.capitalize()}
    saves = {"intervalSeconds": short.get("interval"), "graceSeconds": short.get("grace")}
    if any(v is not None for v in saves.values()):
        spec["checkpoint"] = {k: v for k, v in saves.items() if v is not None}
    status = _job_status(short, workers, gpus)
    asked = short.get("asked", short.get("ran", 7200) + 60 if status.get("allocation") else 60)
    made = manifests.job(name, namespace, **spec, **short.get("spec", {}))
    made["metadata"] |= {"creationTimestamp": _ago(asked), **_moments(short.get("meta", {}))}
    return {**made, "status": {**status, **_moments(short.get("status", {}))}}


def _job_status(short: Mapping[str, Any], workers: int, gpus: int) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": short.get("phase", "Pending"), "queue": {}}
    if "at" in short or "in" in short:
        nodes = short.get("at", {})
        count = sum(nodes.values()) or workers
        pool = short.get("in") or _pool_of(next(iter(nodes)))
        ran = short.get("ran", 7200)
        allocation = {"pool": pool, "workers": count, "gpus": count * gpus, "class": "Entitled"}
        allocation |= {"since": _ago(short.get("since", ran)), "onCall": short.get("onCall", False)}
        status |= {"phase": short.get("phase", "Running"), "startTime": _ago(ran)}
        status["allocation"] = allocation | ({"nodes": nodes} if nodes else {})
    if "stopping" in short:
        left = short["stopping"]
        status |= {"phase": "Stopping", "stopping": {"since": _ago(10), "until": _ago(-left)} if left else None}
    if "saved" in short:
        status["lastCheckpoint"] = _ago(short["saved"])
    for word, field in (("pending", "since"), ("entitled", "entitledSince")):
        if word in short:
            status["queue"][field] = _ago(short[word])
    if "hold" in short:
        pool = _pool_of(next(iter(short["hold"])))
        status["hold"] = {"pool": pool, "nodes": short["hold"], "since": _ago(60), "until": _ago(-short["until"])}
    past = short.get("evicted", [])
    status["evictions"] = [{"at": _ago(ago), "pool": "h", "cause": cause} for ago, cause in past]
    return status


def _pool_of(node: str) -> str:
    return node.rsplit("-", 1)[0]


def _ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moments(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a manifest in which `{ago: seconds}` stands for a time."""
    made: Any = deepcopy(dict(part))
    for key, value in made.items():
        if isinstance(value, dict):
            made[key] = _ago(value["ago"]) if set(value) == {"ago"} else _moments(value)
        elif isinstance(value, list):
            made[key] = [_moments(v) if isinstance(v, dict) else v for v in value]
    return dict(made)


def scenarios() -> list[Scenario]:
    """All scenarios, by the files they are in."""
    found = []
    for path in sorted(VECTORS.glob("*.yaml")):
        for body in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if unknown := set(body) - _KEYS:
                message = f"{path.name}: {body.get('says')}: unknown words {sorted(unknown)}"
                raise ValueError(message)
            name = f"{path.stem}: {body['says']}"
            found.append(Scenario(name, body, body.get("plan", {}), body.get("books", {}), body.get("messages", {})))
    return found
