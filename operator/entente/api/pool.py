"""`GPUPool`: a set of nodes with the same kind of GPU, and the promises that hold in it."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from entente.api.base import (
    LABEL_KEY,
    MAX_GPUS,
    MAX_SECONDS,
    PLAIN_NAME,
    Condition,
    DNSLabel,
    ExtendedResource,
    LabelValue,
    Model,
    Moment,
    ObjectMeta,
    QualifiedName,
    StatusModel,
    Timestamp,
    Whole,
)
from entente.api.names import API_VERSION, GPU_RESOURCE
from entente.api.rules import ListOf, Rule, Value

DEFAULT_NOTICE_SECONDS = 300
DEFAULT_MIN_RUNTIME_SECONDS = 600
DEFAULT_MAX_AT_RISK_SECONDS = 3600
DEFAULT_HALF_LIFE_SECONDS = 604_800

MAX_RESERVATIONS = 64

_OVERLAP = "b.tenant == a.tenant && b.start < a.end && a.start < b.end"
"""Of two reservations; each overlaps itself."""


class NodeSharing(StrEnum):
    """Whether two tenants may have pods on one node at once."""

    EXCLUSIVE = "Exclusive"
    SHARED = "Shared"


class Handover(Model):
    """What must succeed on a node before another tenant gets it."""

    image: Annotated[str, Field(min_length=1, max_length=1024)]
    """The image of the pod that runs on the node, with all of its GPUs."""
    command: Annotated[tuple[str, ...], Field(max_length=64)] = ()
    """What that pod runs; the image's own command when not set. Exit code 0 means success."""
    timeout_seconds: Annotated[Whole, Field(ge=1, le=86_400)] = 120
    """How long the pod may run, in seconds. It must be less than `noticeSeconds`."""


class Usage(Model):
    """Memory of past borrowing in the fair share."""

    half_life_seconds: Annotated[Whole, Field(ge=0, le=MAX_SECONDS)] = DEFAULT_HALF_LIFE_SECONDS
    """After this many seconds, past borrowing counts half. 0 turns the memory off."""


class Simulated(Model):
    """Hosts made up for offline plans and simulations; never in a cluster."""

    nodes: Annotated[Whole, Field(ge=1, le=1_000_000)]
    """How many hosts there are."""
    gpus_per_node: Annotated[Whole, Field(ge=1, le=1024)]
    """GPUs of each host."""
    domains: Annotated[tuple[Annotated[Whole, Field(ge=1, le=1_000_000)], ...], Field(max_length=8)] = ()
    """Parts that each topology level is cut into, wide to narrow: [2, 4] = 2 blocks of 4 racks."""


class PoolReservation(Model):
    """GPUs that are guaranteed to a tenant in a window of time, beside its guarantee."""

    RULES: ClassVar = (
        Rule(
            cel="self.start < self.end",
            holds=lambda it: it.start < it.end,
            message="end: {end} must be after start, {start}",
            at="end",
        ),
    )

    tenant: DNSLabel
    """Name of the Tenant. It must have this pool in its `spec.pools`."""
    gpus: Annotated[Whole, Field(ge=1, le=MAX_GPUS)]
    """GPUs beside the tenant's guarantee. They come from what no tenant is guaranteed; if that is too little, the pool
    has the condition `ReservationShort`."""
    start: Moment
    """The first moment of the window, RFC 3339 with its zone."""
    end: Moment
    """The first moment after the window, RFC 3339 with its zone."""


class GPUPoolSpec(Model):
    """What a pool's nodes are and what is promised about them."""

    RULES: ClassVar = (
        Rule(
            cel=f"self.nodeSelector.all(k, k.size() <= 317 && k.matches('{LABEL_KEY}'))",
            holds=lambda it: all(len(k) <= 317 and re.search(LABEL_KEY, k) for k in it.node_selector),  # noqa: PLR2004
            message="nodeSelector: {wrong} cannot be keys of labels",
            at="nodeSelector",
            values={
                "wrong": Value(
                    cel=f"self.nodeSelector.filter(k, !k.matches('{LABEL_KEY}'))",
                    of=lambda it: (k for k in it.node_selector if not re.search(LABEL_KEY, k)),
                ),
            },
        ),
        Rule(
            cel="!has(self.topology) || self.topology.all(a, self.topology.exists_one(b, a == b))",
            holds=lambda it: len(set(it.topology)) == len(it.topology),
            message="topology: a level is given twice; each may be given once, wide to narrow",
            at="topology",
        ),
        Rule(
            cel="!has(self.handover) || self.handover.timeoutSeconds < self.noticeSeconds",
            holds=lambda it: it.handover is None or it.handover.timeout_seconds < it.notice_seconds,
            message="handover.timeoutSeconds: {handover.timeoutSeconds} must be less than noticeSeconds, "
            "{noticeSeconds}, since the notice includes the handover",
            at="handover.timeoutSeconds",
        ),
        Rule(
            cel="!has(self.simulated) || !has(self.simulated.domains) || "
            "self.simulated.domains.size() <= (has(self.topology) ? self.topology.size() : 0)",
            holds=lambda it: it.simulated is None or len(it.simulated.domains) <= len(it.topology),
            message="simulated.domains: has more entries than topology has levels",
            at="simulated.domains",
        ),
        Rule(
            cel="!has(self.reservations) || "
            f"self.reservations.all(a, self.reservations.filter(b, {_OVERLAP}).size() <= 1)",
            holds=lambda it: not _overlapping(it.reservations),
            message="reservations: two windows of {overlapping} overlap; each may begin when the one before it ends",
            at="reservations",
            values={
                "overlapping": Value(
                    cel=f"self.reservations.filter(a, self.reservations.filter(b, {_OVERLAP}).size() > 1)"
                    ".map(a, a.tenant)",
                    of=lambda it: _overlapping(it.reservations),
                ),
            },
        ),
    )

    node_selector: Annotated[dict[str, LabelValue], Field(min_length=1, max_length=32)]
    """The pool has the nodes with all of these labels. No node should be in two pools."""
    resource: ExtendedResource = GPU_RESOURCE
    """The extended resource by which its nodes offer GPUs."""
    topology: Annotated[tuple[QualifiedName, ...], Field(max_length=8)] = ()
    """Keys of the node labels that say where a host stands, wide to narrow: block, rack, host."""
    owner: DNSLabel | None = None
    """The tenant whose machines these are. It is for people to read and gives no privilege."""
    notice_seconds: Annotated[Whole, Field(ge=30, le=86_400)] = DEFAULT_NOTICE_SECONDS
    """The promise, in seconds: an entitled job waits at most this long for its GPUs, beside the time that pods take to
    end."""
    min_runtime_seconds: Annotated[Whole, Field(ge=0, le=MAX_SECONDS)] = DEFAULT_MIN_RUNTIME_SECONDS
    """A job is not evicted for another borrower before it ran this many seconds."""
    max_at_risk_seconds: Annotated[Whole, Field(ge=0, le=MAX_SECONDS)] = DEFAULT_MAX_AT_RISK_SECONDS
    """Unsaved work counts for at most this many seconds when the engine compares whom to evict."""
    node_sharing: NodeSharing = NodeSharing.EXCLUSIVE
    """`Exclusive`: a host never has pods of two tenants at once, and counts as a whole. `Shared`: it may have."""
    handover: Handover | None = None
    """A pod that must succeed on a host before another tenant gets it; only with `nodeSharing: Exclusive`."""
    usage: Usage = Usage()
    """How long past borrowing counts against a tenant when the surplus is shared."""
    reservations: Annotated[tuple[PoolReservation, ...], Field(max_length=MAX_RESERVATIONS)] = ()
    """Windows of time in which tenants are guaranteed more GPUs. Windows of one tenant may not overlap."""
    simulated: Simulated | None = None
    """Hosts that `entente plan` and `entente simulate` make up. A cluster ignores them."""


def _overlapping(reservations: Sequence[PoolReservation]) -> list[str]:
    """The tenant of each reservation that overlaps another one of the same tenant."""

    def clash(a: PoolReservation, b: PoolReservation) -> bool:
        return a.tenant == b.tenant and b.start < a.end and a.start < b.end

    return [a.tenant for a in reservations if sum(clash(a, b) for b in reservations) > 1]


class GPUPoolStatus(StatusModel):
    """What the operator sees of a pool."""

    nodes: int = 0
    """Nodes with the labels of `nodeSelector`, whatever their state."""
    capacity: int = 0
    """GPUs on the nodes that are ready and schedulable."""
    free: int = 0
    """GPUs of the capacity that no pod has."""
    guaranteed: int = 0
    """Sum of all tenants' guarantees in GPUs, as their `spec` promises them."""
    observed_generation: int = 0
    """The `metadata.generation` that this status is about."""
    conditions: Annotated[tuple[Condition, ...], ListOf(("type",))] = ()
    """`Overcommitted`: more is guaranteed than there is. `ReservationShort`: a reservation is not covered."""
    as_of: Timestamp | None = None
    """When these figures were true."""


class GPUPool(StatusModel):
    """A set of nodes with the same kind of GPU, and the promises that hold in it."""

    RULES: ClassVar = (PLAIN_NAME,)

    api_version: Literal["entente.dev/v1alpha1"] = API_VERSION
    kind: Literal["GPUPool"] = "GPUPool"
    metadata: ObjectMeta
    spec: GPUPoolSpec
    status: GPUPoolStatus = GPUPoolStatus()
