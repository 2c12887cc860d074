"""`GPUPool`: a set of nodes with the same kind of GPU, and the promises that hold in it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from entente.api.base import Condition, Model, ObjectMeta, StatusModel, Timestamp
from entente.api.names import API_VERSION, GPU_RESOURCE

DEFAULT_NOTICE_SECONDS = 300
DEFAULT_MIN_RUNTIME_SECONDS = 600
DEFAULT_MAX_AT_RISK_SECONDS = 3600
DEFAULT_HALF_LIFE_SECONDS = 604_800


class NodeSharing(StrEnum):
    """Whether two tenants may have pods on one node at once."""

    EXCLUSIVE = "Exclusive"
    SHARED = "Shared"


class Handover(Model):
    """What must succeed on a node before another tenant gets it."""

    image: Annotated[str, Field(min_length=1)]
    command: tuple[str, ...] = ()
    timeout_seconds: Annotated[int, Field(ge=1)] = 120
    """Shorter than the pool's notice."""


class Usage(Model):
    """Memory of past borrowing in the fair share."""

    half_life_seconds: Annotated[int, Field(ge=0)] = DEFAULT_HALF_LIFE_SECONDS
    """0 turns the memory off."""


class Simulated(Model):
    """Hosts made up for offline plans and simulations; never in a cluster."""

    nodes: Annotated[int, Field(ge=1, le=1_000_000)]
    gpus_per_node: Annotated[int, Field(ge=1, le=1024)]
    domains: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Parts that each topology level is cut into, wide to narrow: [2, 4] = 2 blocks of 4 racks."""


class GPUPoolSpec(Model):
    """What a pool's nodes are and what is promised about them."""

    node_selector: Annotated[dict[str, str], Field(min_length=1)]
    """Labels that all nodes of the pool have."""
    resource: Annotated[str, Field(min_length=1)] = GPU_RESOURCE
    topology: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Labels of the topology levels, wide to narrow."""
    owner: str | None = None
    """The tenant whose machines these are; it gives no privilege."""
    notice_seconds: Annotated[int, Field(ge=30, le=86_400)] = DEFAULT_NOTICE_SECONDS
    """The promise: an entitled job waits at most this long for its GPUs."""
    min_runtime_seconds: Annotated[int, Field(ge=0)] = DEFAULT_MIN_RUNTIME_SECONDS
    """A job started is not evicted for another borrower before it ran this long."""
    max_at_risk_seconds: Annotated[int, Field(ge=0)] = DEFAULT_MAX_AT_RISK_SECONDS
    """Nobody's unsaved work counts for more."""
    node_sharing: NodeSharing = NodeSharing.EXCLUSIVE
    handover: Handover | None = None
    usage: Usage = Usage()
    simulated: Simulated | None = None


class GPUPoolStatus(StatusModel):
    """What the operator sees of a pool."""

    nodes: int = 0
    capacity: int = 0
    """GPUs on ready, schedulable nodes."""
    free: int = 0
    guaranteed: int = 0
    """Sum of all guarantees as promised, before any shrinking."""
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    as_of: Timestamp | None = None


class GPUPool(StatusModel):
    """A pool of GPUs (cluster-scoped)."""

    api_version: Literal["entente.dev/v1alpha1"] = API_VERSION
    kind: Literal["GPUPool"] = "GPUPool"
    metadata: ObjectMeta
    spec: GPUPoolSpec
    status: GPUPoolStatus = GPUPoolStatus()
