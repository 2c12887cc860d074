"""An object that a tenant is to have, and how what is there is compared with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entente.api.names import LABEL_MANAGED_BY, LABEL_TENANT, MANAGED_BY
from entente.kube.kinds import Kind

Key = tuple[str, str, str]
"""Plural of the kind, namespace (empty where there is none), name."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object in full: whatever else is in its parts was put there by somebody else and goes."""

    kind: Kind
    body: Mapping[str, Any]

    @property
    def key(self) -> Key:
        return key_of(self.kind, self.body)

    def is_met_by(self, present: Mapping[str, Any]) -> bool:
        """Whether an object is as wanted; further labels, annotations and what the API server adds do not matter."""
        meta, there = self.body["metadata"], present["metadata"]
        labelled = all((there.get("labels") or {}).get(name) == value for name, value in meta["labels"].items())
        return labelled and all(
            present.get(part) == value for part, value in self.body.items() if part not in ("metadata", "kind")
        )


def key_of(kind: Kind, obj: Mapping[str, Any]) -> Key:
    return (kind.plural, obj["metadata"].get("namespace") or "", obj["metadata"]["name"])


def wanted(kind: Kind, tenant: str, name: str, namespace: str | None = None, **parts: object) -> Wanted:
    meta: dict[str, Any] = {"name": name, "labels": labels(tenant)}
    if namespace is not None:
        meta["namespace"] = namespace
    return Wanted(kind, {"metadata": meta, **parts})


def labels(tenant: str) -> dict[str, str]:
    """By which the objects of a tenant are found again."""
    return {LABEL_TENANT: tenant, LABEL_MANAGED_BY: MANAGED_BY}


def selector(tenant: str) -> str:
    return ",".join(f"{name}={value}" for name, value in labels(tenant).items())
