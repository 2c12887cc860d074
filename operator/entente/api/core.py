"""Slim records of the Kubernetes objects that decisions rest on: nodes and pods, without what nobody reads."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from entente.api.names import GROUP

_FINAL_PHASES = frozenset({"Succeeded", "Failed"})

_QUANTITY = re.compile(r"([+-]?[0-9]{1,18}(?:\.[0-9]{0,9})?)(?:[eE]([0-9]{1,2})|([numkMGTPE]|[KMGTPE]i))?", re.ASCII)

_SCALES = {
    "": Decimal(1),
    **{
        suffix: Decimal(10) ** power
        for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{f"{prefix}i": Decimal(1024) ** power for power, prefix in enumerate("KMGTPE", start=1)},
}


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What is read of a Node."""

    name: str
    labels: Mapping[str, str]
    ready: bool
    unschedulable: bool
    taints: tuple[str, ...]
    """Keys of its taints."""
    allocatable: Mapping[str, int]
    """Extended resources only (names with a slash), in whole units."""
    resource_version: str = ""

    @classmethod
    def from_object(cls, obj: Mapping[str, Any]) -> "NodeRecord":
        """Read a Node as the API server prints it.

        Raises:
            KeyError: a Node without `metadata.name`.
        """
        meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
        conditions = status.get("conditions") or ()
        return cls(
            name=meta["name"],
            labels=dict(meta.get("labels") or {}),
            ready=any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions),
            unschedulable=bool(spec.get("unschedulable")),
            taints=tuple(t["key"] for t in spec.get("taints") or () if "key" in t),
            allocatable=_extended(status.get("allocatable") or {}),
            resource_version=meta.get("resourceVersion", ""),
        )


@dataclass(frozen=True, slots=True)
class PodRecord:
    """What is read of a Pod."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str]
    """Entente's own only."""
    job: str | None
    """Name of the TrainingJob that owns it."""
    job_uid: str | None
    node: str | None
    """Where it is bound; before that, the only node that its affinity lets it go to."""
    phase: str
    ready: bool
    deleting: bool
    gpus: Mapping[str, int]
    """Extended resources requested by its containers together."""
    exit_reason: str = ""
    """Of a pod that ended: `status.reason` or its first failed container's reason."""
    exit_code: int | None = None
    resource_version: str = ""

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def holds_gpus(self) -> bool:
        """Whether its GPUs are in use: until it has ended or is gone, terminating included."""
        return self.phase not in _FINAL_PHASES

    @classmethod
    def from_object(cls, obj: Mapping[str, Any]) -> "PodRecord":
        """Read a Pod as the API server prints it.

        Raises:
            KeyError: a Pod without `metadata.name`.
        """
        meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
        owner = next((o for o in meta.get("ownerReferences") or () if _is_job(o)), None)
        reason, code = _exit(status)
        return cls(
            namespace=meta.get("namespace", "default"),
            name=meta["name"],
            uid=meta.get("uid", ""),
            labels={k: v for k, v in (meta.get("labels") or {}).items() if k.startswith(GROUP)},
            job=owner["name"] if owner else None,
            job_uid=owner.get("uid") if owner else None,
            node=spec.get("nodeName") or _pinned_to(spec),
            phase=status.get("phase", "Pending"),
            ready=any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ()),
            deleting=bool(meta.get("deletionTimestamp")),
            gpus=_requested(spec),
            exit_reason=reason,
            exit_code=code,
            resource_version=meta.get("resourceVersion", ""),
        )


def _is_job(owner: Mapping[str, Any]) -> bool:
    return owner.get("kind") == "TrainingJob" and str(owner.get("apiVersion", GROUP)).startswith(GROUP)


def _pinned_to(spec: Mapping[str, Any]) -> str | None:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = [_named_node(term) for term in required.get("nodeSelectorTerms") or ()]
    return terms[0] if terms and len(set(terms)) == 1 else None


def _named_node(term: Mapping[str, Any]) -> str | None:
    for field in term.get("matchFields") or ():
        if field.get("key") == "metadata.name" and field.get("operator") == "In" and len(field["values"]) == 1:
            return str(field["values"][0])
    return None


def _extended(resources: Mapping[str, Any]) -> dict[str, int]:
    return {name: whole_units(value) for name, value in resources.items() if "/" in name}


def whole_units(quantity: object) -> int:
    """Whole units of a Kubernetes quantity: `8`, `1k` (as the API server prints 1000) or `4Ki`; parts are cut off.

    Raises:
        ValueError: it is none.
    """
    found = _QUANTITY.fullmatch(str(quantity))
    if found is None or isinstance(quantity, bool):
        message = f"{quantity!r} is no quantity such as 8 or 1k"
        raise ValueError(message)
    number, exponent, suffix = found.groups()
    return int(Decimal(number) * 10 ** int(exponent or 0) * _SCALES[suffix or ""])


def _requested(spec: Mapping[str, Any]) -> dict[str, int]:
    """Extended resources of a pod: the sum of its containers, or its largest plain init container if that is more."""
    total: dict[str, int] = {}
    for container in spec.get("containers") or ():
        for name, value in _container_requests(container).items():
            total[name] = total.get(name, 0) + value
    for container in spec.get("initContainers") or ():
        for name, value in _container_requests(container).items():
            sidecar = container.get("restartPolicy") == "Always"
            total[name] = total.get(name, 0) + value if sidecar else max(total.get(name, 0), value)
    return total


def _container_requests(container: Mapping[str, Any]) -> dict[str, int]:
    resources = container.get("resources") or {}
    return _extended({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _exit(status: Mapping[str, Any]) -> tuple[str, int | None]:
    states: Iterable[Mapping[str, Any]] = (
        (c.get("state") or {}).get("terminated") or {} for c in status.get("containerStatuses") or ()
    )
    failed = next((s for s in states if s.get("exitCode")), None)
    reason = status.get("reason") or (failed or {}).get("reason") or ""
    return reason, failed["exitCode"] if failed else None
