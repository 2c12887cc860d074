"""What passes between a replay and a policy: the replay tells what happened, the policy says what is to be done.

The replay owns time, progress and losses, and refuses what cannot be: a host overfilled, an `Exclusive` host with two
tenants, a gang that is not whole. A policy owns its queue and its books. It never sees how long a job will run.

At each instant the replay first tells everything that happened: `finished` and `stopped`, then hosts, then `arrived`.
Then it calls `decide` and carries out the actions in their order. It calls `decide` again as long as the actions ended
something at this very instant (a stop that takes no time).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from entente.api.job import EvictionCause
from entente.engine.model import DEFAULT_INTERVAL_S, Node, Pool, Tenant


@dataclass(frozen=True, slots=True)
class Site:
    """The estate and its rules: the engine's own pools, hosts and tenants (`Tenant.terms[pool]` is the quota)."""

    pools: Mapping[str, Pool]
    """`notice_s`, `min_runtime_s`, `exclusive`, ..."""
    nodes: Mapping[str, Node]
    """Hosts by name, in the order of the estate; names are unique over all pools."""
    tenants: Mapping[str, Tenant]
    largest: Mapping[str, int] = field(default_factory=dict)
    """GPUs of the largest gang that each tenant will submit, as far as known: who buys a cluster of its own buys one
    that is large enough."""

    def capacity(self, pool: str) -> int:
        """GPUs of a pool's hosts."""
        return sum(node.capacity for node in self.nodes.values() if node.pool == pool)


@dataclass(frozen=True, slots=True)
class SimJob:
    """A job as its tenant submitted it: what a scheduler may know of it."""

    key: str
    """`namespace/name`; unique in a replay."""
    tenant: str
    workers: int
    gpus_per_worker: int
    submitted: float
    pools: tuple[str, ...]
    """Pools that it may run in, best first; never empty."""
    expected_s: float | None = None
    """The user's estimate, where there is one."""
    max_s: float | None = None
    """Hard limit on its running time, where there is one."""
    priority: int = 0
    """Within its tenant; higher goes first."""
    min_workers: int | None = None
    """Fewer workers with which it still runs; none: it is rigid."""
    max_workers: int | None = None
    interval_s: float = DEFAULT_INTERVAL_S
    """It saves after each so many seconds of a run."""
    grace_s: float | None = None
    """It saves when told to stop, and needs so long for it; none: it does not."""

    @property
    def gpus(self) -> int:
        """GPUs of the whole gang."""
        return self.workers * self.gpus_per_worker


@dataclass(frozen=True, slots=True)
class Place:
    """A pending job starts now, all of its gang at once (an elastic one with what it gets), on GPUs free now."""

    key: str
    workers_on: Mapping[str, int]
    """Workers on each host, all of one pool."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A running job is told to stop. Its GPUs stay in use until the replay says `stopped`; then it is pending again."""

    key: str
    cause: EvictionCause | None = EvictionCause.GUARANTEE
    """None: to its own benefit, such as to grow; it is no eviction then."""
    grace_s: float | None = None
    """Most seconds that its pods get; none: as long as pods take to end."""
    for_key: str | None = None
    """The job that gets its GPUs, where one is known: the time to reclaim is measured by it."""
    asked: float | None = None
    """Since when that job is both pending and entitled by the policy's books; none: by those of the replay."""


Action = Place | Stop


class Policy(Protocol):
    """A scheduler under replay. Made by `Class(site)` and used for one replay.

    It must be deterministic: the same calls give the same actions. No scans over all jobs per call: a replay has
    100,000 of them.
    """

    def arrived(self, job: SimJob, now: float) -> None: ...

    def finished(self, key: str, now: float) -> None:
        """A job is done, also one that was told to stop and ended by itself before: its GPUs are free."""

    def stopped(self, key: str, now: float) -> None:
        """A job's stop is over, or its host was lost: all its GPUs are free, it is pending again in its old place."""

    def restarted(self, key: str, now: float) -> None:
        """A worker failed: the gang lost its unsaved work and starts again in its place, from now."""

    def host_lost(self, host: str, now: float) -> None:
        """A host is gone. Jobs on it were reported by `stopped` before this call."""

    def host_back(self, host: str, now: float) -> None: ...

    def decide(self, now: float) -> Sequence[Action]:
        """What is to be done now. A stop comes before the placement that it makes room for, an instant or more."""

    def next_wake(self) -> float | None:
        """A time after the last `decide` at which to be asked again though nothing happened; none: no need."""
