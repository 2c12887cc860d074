"""Builders of manifests as users write them: right as they are, and wrong in what a test changes."""

from copy import deepcopy
from typing import Any

Manifest = dict[str, Any]

REMOVED = object()
"""Given as a value of a path: the field is taken out."""


def pool(name: str = "h100", **spec: object) -> Manifest:
    fields = {"nodeSelector": {"nvidia.com/gpu.product": "H100"}, **spec}
    return _object("GPUPool", {"name": name}, fields)


def tenant(name: str = "anthropic", **spec: object) -> Manifest:
    """A Tenant with one namespace and a guarantee in the pool h100."""
    fields = {"namespaces": [f"{name}-research"], "pools": [{"name": "h100", "guaranteed": 64}], **spec}
    return _object("Tenant", {"name": name}, fields)


def job(name: str = "train", namespace: str = "anthropic-research", **spec: object) -> Manifest:
    """A TrainingJob of one worker that meets the restricted Pod Security Standard."""
    fields = {"workers": 1, "gpusPerWorker": 8, "template": template(), **spec}
    return _object("TrainingJob", {"name": name, "namespace": namespace}, fields)


def template() -> Manifest:
    """A PodTemplateSpec that the restricted Pod Security Standard allows."""
    container = {
        "name": "trainer",
        "image": "registry.example/trainer:1",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"spec": {"containers": [container], "securityContext": security}}


def changed(manifest: Manifest, **paths: object) -> Manifest:
    """A copy with fields set by path: `spec__elastic__minWorkers=4`; numbers are places in a list."""
    made = deepcopy(manifest)
    for path, value in paths.items():
        *steps, last = path.split("__")
        holder: Any = made
        for step in steps:
            holder = holder[int(step)] if step.isdecimal() else holder.setdefault(step, {})
        if value is REMOVED:
            del holder[last]
        else:
            holder[int(last) if last.isdecimal() else last] = value
    return made


def _object(kind: str, metadata: Manifest, spec: Manifest) -> Manifest:
    return {"apiVersion": "entente.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
