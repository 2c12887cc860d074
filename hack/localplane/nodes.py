"""What a fake GPU node is to the API server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GPU_RESOURCE = "nvidia.com/gpu"
PRODUCT_LABEL = "nvidia.com/gpu.product"
BLOCK_LABEL = "topology.entente.dev/block"
RACK_LABEL = "topology.entente.dev/rack"
HOSTNAME_LABEL = "kubernetes.io/hostname"

READY_ANNOTATION = "entente.dev/sim-ready"
"""Set to "false" on a node, its Ready condition becomes False and stays so until the annotation goes."""

FAKE_NODE_LABEL = "type"
FAKE_NODE_LABEL_VALUE = "kwok"
"""How kwok's own documentation marks nodes that no kubelet runs on."""


@dataclass(frozen=True)
class NodeShape:
    """What one fake node has, and how a set of them is cut into blocks and racks.

    Nodes are numbered in order and cut into equal contiguous parts: first into `blocks`, each of these into `racks`.
    When they do not divide evenly, the first parts are larger by one node.
    """

    gpus: int = 8
    product: str = "H100"
    blocks: int = 1
    racks: int = 1
    cpu: str = "192"
    memory: str = "2Ti"
    pods: int = 110
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value, least in (("gpus", self.gpus, 0), ("blocks", self.blocks, 1), ("racks", self.racks, 1)):
            if value < least:
                message = f"{name} must be at least {least}, but is {value}"
                raise ValueError(message)

    def node(self, prefix: str, index: int, domain: tuple[int, int]) -> dict[str, Any]:
        """Return the Node to create, named after its prefix and index, in the given block and rack."""
        name = f"{prefix}-{index:04d}"
        block, rack = domain
        capacity = {"cpu": self.cpu, "memory": self.memory, "pods": str(self.pods)}
        if self.gpus:
            capacity[GPU_RESOURCE] = str(self.gpus)
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": {
                    HOSTNAME_LABEL: name,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    FAKE_NODE_LABEL: FAKE_NODE_LABEL_VALUE,
                    PRODUCT_LABEL: self.product,
                    BLOCK_LABEL: f"{prefix}-b{block}",
                    RACK_LABEL: f"{prefix}-b{block}-r{rack}",
                    **self.labels,
                },
            },
            "spec": {"taints": [{"key": GPU_RESOURCE, "value": "present", "effect": "NoSchedule"}]},
            "status": {"capacity": capacity, "allocatable": dict(capacity)},
        }

    def nodes(self, prefix: str, first: int, count: int) -> list[dict[str, Any]]:
        """Return `count` Nodes, numbered from `first`."""
        domains = [
            (block, rack)
            for block, in_block in enumerate(equal_parts(count, self.blocks))
            for rack, in_rack in enumerate(equal_parts(in_block, self.racks))
            for _ in range(in_rack)
        ]
        return [self.node(prefix, first + offset, domain) for offset, domain in enumerate(domains)]


def equal_parts(total: int, parts: int) -> list[int]:
    """Cut a number into parts that differ by at most one, the larger ones first."""
    return [total // parts + (1 if part < total % parts else 0) for part in range(parts)]


def is_ready(node: Mapping[str, Any]) -> bool:
    """Say whether pods that tolerate the GPU taint can be scheduled onto a node."""
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node.get("status", {}).get("conditions", [])
    )
    awaited = any(taint["key"] == "node.kubernetes.io/not-ready" for taint in node["spec"].get("taints", []))
    return ready and not awaited
