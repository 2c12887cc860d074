"""The engine's output: decisions, the standing of every job, and the books of every pool."""

from collections.abc import Mapping
from dataclasses import dataclass

from entente.api.job import AllocationClass, EvictionCause
from entente.api.reasons import Reason
from entente.engine.telling import Message
from entente.engine.windows import Cover


@dataclass(frozen=True, slots=True)
class Start:
    """A pending job gets GPUs that are free now."""

    job: str
    pool: str
    nodes: Mapping[str, int]
    class_: AllocationClass
    on_call: bool = False

    @property
    def workers(self) -> int:
        return sum(self.nodes.values())


@dataclass(frozen=True, slots=True)
class Hold:
    """GPUs are being freed for a job; it starts on them when they are."""

    job: str
    pool: str
    nodes: Mapping[str, int]
    class_: AllocationClass
    until: float
    """When the GPUs are to be free at the latest."""

    @property
    def workers(self) -> int:
        return sum(self.nodes.values())


@dataclass(frozen=True, slots=True)
class Evict:
    """A job is told to save and stop."""

    job: str
    claimant: str
    gpus: int
    at_risk_gpu_s: float
    cause: EvictionCause
    grace_s: float
    """Time that it gets."""


@dataclass(frozen=True, slots=True)
class Shrink:
    """An elastic job is told to restart with fewer workers."""

    job: str
    claimant: str
    pool: str
    nodes: Mapping[str, int]
    """What it keeps."""
    gpus: int
    """What it gives."""
    at_risk_gpu_s: float
    cause: EvictionCause
    grace_s: float

    @property
    def workers(self) -> int:
        return sum(self.nodes.values())


@dataclass(frozen=True, slots=True)
class Grow:
    """An elastic job is told to restart with more workers."""

    job: str
    pool: str
    nodes: Mapping[str, int]
    """What it will have."""
    grace_s: float

    @property
    def workers(self) -> int:
        return sum(self.nodes.values())


@dataclass(frozen=True, slots=True)
class Wait:
    """A pending job stays where it is, for a reason. The message names nothing of any other tenant."""

    job: str
    reason: Reason
    message: Message
    eta: float | None = None
    position: int = 0
    """Place among its tenant's pending jobs, from 1."""


Action = Start | Hold | Evict | Shrink | Grow
"""What is to be done."""

Decision = Action | Wait


@dataclass(frozen=True, slots=True)
class Standing:
    """By what right a job runs, or would run."""

    class_: AllocationClass
    entitled_workers: int
    notice_runs: bool = False
    """Pending, entitled and not `Fragmented`: the pool's notice runs."""
    on_call: bool = False
    """It runs on GPUs that are reserved for another job."""


@dataclass(frozen=True, slots=True)
class TenantBook:
    """A tenant's figures in one pool, in GPUs."""

    guaranteed: int
    entitled: int
    borrowed: int
    lent: int
    fair_surplus: int
    charged: int
    pending: int
    rounded_down: bool = False
    """Whole hosts make less of its guarantee than was promised."""

    @property
    def due(self) -> int:
        """Its guarantee plus its fair surplus."""
        return self.guaranteed + self.fair_surplus


@dataclass(frozen=True, slots=True)
class PoolBook:
    """A pool's figures, in GPUs, after `Start`, `Grow` and `Shrink` and before any `Hold`."""

    capacity: int
    free: int
    tenants: Mapping[str, TenantBook]
    overcommitted: bool = False
    """More is promised than there is: guarantees are shrunken."""
    reservations: tuple[Cover, ...] = ()
    """Those that are not over, in the order in which they are served."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision of the engine about a snapshot."""

    decisions: tuple[Decision, ...]
    """Sorted by action (Start, Hold, Evict, Shrink, Grow, Wait), then job."""
    standings: Mapping[str, Standing]
    """Of every running, starting, held and pending job that is in the walk."""
    books: Mapping[str, PoolBook]

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is to be done: the decisions without those to wait."""
        return tuple(d for d in self.decisions if not isinstance(d, Wait))

    @property
    def waits(self) -> tuple[Wait, ...]:
        return tuple(d for d in self.decisions if isinstance(d, Wait))
