"""The engine's input: an immutable snapshot of pools, nodes, tenants and jobs.

Quantities of GPUs are integers. Times are seconds since the epoch, as floats, and always passed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from entente.api.job import EvictionCause, Phase
from entente.api.tenant import WhenSpent

DEFAULT_INTERVAL_S = 1800.0
"""A job that declares no checkpoint interval is taken to save this often, so that silence is never rewarded."""

RESTART_S = 300.0
"""Restart cost per GPU where none was measured."""

MIN_GRACE_S = 30.0
"""The least time a worker gets to stop."""

DAY_S = 86_400.0

HOLDING_PHASES = frozenset({Phase.STARTING, Phase.RUNNING, Phase.STOPPING})
"""Phases in which a job's allocation takes GPUs."""

FINAL_PHASES = frozenset({Phase.SUCCEEDED, Phase.FAILED})


@dataclass(frozen=True, slots=True)
class Window:
    """An advance reservation: from `start` on and before `end` the tenant is guaranteed so many GPUs more."""

    tenant: str
    gpus: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Pool:
    name: str
    levels: tuple[str, ...]
    """Topology labels, wide to narrow."""
    notice_s: float
    min_runtime_s: float
    max_at_risk_s: float
    exclusive: bool
    handover_s: float | None
    """Time limit of the handover; none when nodes change hands without one."""
    half_life_s: float
    windows: tuple[Window, ...] = ()
    """Advance reservations, in any order; those of one tenant do not overlap."""


@dataclass(frozen=True, slots=True)
class Node:
    """A host of a pool."""

    name: str
    pool: str
    gpus: int
    """Allocatable GPUs, whatever uses them."""
    domains: tuple[str, ...]
    """Its domain on each level of the pool, as the path of all wider values; empty where a label is missing."""
    usable: bool = True
    """Ready, schedulable and not set aside: its GPUs are capacity."""
    lost: bool = False
    """Not ready or gone: its pods are lost."""
    last_tenant: str | None = None
    handover_failed: bool = False
    """The last handover did not succeed: no other tenant gets the node."""
    foreign: int = 0
    """GPUs of pods outside Entente: they lower the capacity."""

    @property
    def offered(self) -> int:
        """GPUs that pods outside Entente leave: what a tenant that has the whole host is charged for it."""
        return max(0, self.gpus - self.foreign)

    @property
    def capacity(self) -> int:
        """GPUs that Entente may give out here."""
        return self.offered if self.usable else 0

    def with_foreign(self, gpus: int) -> "Node":
        """The same node with so many GPUs taken by pods outside Entente."""
        return replace(self, foreign=gpus)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a tenant may have of one pool."""

    guaranteed: int
    lend_limit: int | None = None
    borrow_limit: int | None = None
    weight: int = 1
    borrowed_gpu_s: float = 0.0
    as_of: float | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant's terms and choices."""

    name: str
    terms: Mapping[str, Terms]
    """By pool, in the tenant's order."""
    priorities: Mapping[str, int] = field(default_factory=dict)
    default_priority: int = 0
    shortest_first: bool = False
    spent: WhenSpent | None = None
    """Set when the budget of the period is spent."""
    leaving: bool = False
    """It is being deleted: what runs goes on, nothing more starts."""


@dataclass(frozen=True, slots=True)
class BarePods:
    """GPUs of a node in use by a tenant's pods that no living TrainingJob accounts for."""

    node: str
    tenant: str
    gpus: int
    going: bool = False
    """Terminating workers of a job that is gone: in use, but no longer charged."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a job's workers are, or will be."""

    pool: str
    nodes: Mapping[str, int]
    """Workers on each node."""

    @property
    def workers(self) -> int:
        return sum(self.nodes.values())


@dataclass(frozen=True, slots=True)
class PastEviction:
    """One earlier eviction of a job."""

    at: float
    cause: EvictionCause


@dataclass(frozen=True, slots=True)
class Job:
    """A gang and what is known of it."""

    key: str
    """`namespace/name`."""
    tenant: str | None
    workers: int
    gpus_per_worker: int
    submitted: float
    min_workers: int
    max_workers: int
    elastic: bool = False
    pools: tuple[str, ...] | None = None
    """Acceptable pools, best first; all of the tenant's when none."""
    priority: str | None = None
    phase: Phase = Phase.PENDING
    suspend: bool = False
    level: str | None = None
    """Topology level asked for."""
    required: bool = False
    interval_s: float | None = None
    grace_s: float | None = None
    expected_s: float | None = None
    learnt_s: float | None = None
    """How long jobs like it ran."""
    max_s: float | None = None
    placement: Placement | None = None
    since: float | None = None
    """When it last left Pending."""
    on_call: bool = False
    started: float | None = None
    last_checkpoint: float | None = None
    run_s: float = 0.0
    restart_s: float | None = None
    evictions: tuple[PastEviction, ...] = ()
    pending_since: float | None = None
    entitled_since: float | None = None
    backoff_until: float | None = None
    stopping_until: float | None = None
    hold: Placement | None = None
    hold_until: float | None = None

    @property
    def gpus(self) -> int:
        """GPUs that it holds now."""
        return self.placement.workers * self.gpus_per_worker if self.placement else 0

    @property
    def is_pending(self) -> bool:
        """Whether it waits for GPUs, for whatever reason."""
        return self.phase is Phase.PENDING

    def placed(self, placement: Placement) -> "Job":
        return replace(self, placement=placement)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a decision rests on."""

    now: float
    pools: Mapping[str, Pool]
    nodes: Mapping[str, Node]
    tenants: Mapping[str, Tenant]
    jobs: Mapping[str, Job]
    bare: tuple[BarePods, ...] = ()
