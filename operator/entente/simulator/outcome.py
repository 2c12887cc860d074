"""What became of each job, and of a whole replay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from entente.simulator.meter import PoolTally, Series, Tally
from entente.simulator.policy import SimJob


class Setback(StrEnum):
    """Why a run of a job was cut short."""

    EVICTION = "Eviction"
    OWN = "Own"
    """To its own benefit, such as to grow."""
    FAILURE = "Failure"


@dataclass(slots=True)
class JobOutcome:
    """One job. GPU-seconds add up: held is useful, lost, restarting and stopping together."""

    job: SimJob
    duration_s: float
    """What it runs for when nothing disturbs it."""
    first_start: float | None = None
    end: float | None = None
    """None: it was not done when nothing could happen any more."""
    useful_gpu_s: float = 0.0
    stopping_gpu_s: float = 0.0
    lost_gpu_s: dict[Setback, float] = field(default_factory=dict)
    """Work that was done again, by cause."""
    restart_gpu_s: dict[Setback, float] = field(default_factory=dict)
    """Until work went on after a restart, by cause."""
    evictions: int = 0
    failures: int = 0

    @property
    def completion_s(self) -> float | None:
        """From submission to end."""
        return None if self.end is None else self.end - self.job.submitted

    @property
    def delay_s(self) -> float | None:
        """Completion time beyond the duration: queueing, and work done again."""
        return None if self.end is None else max(0.0, self.end - self.job.submitted - self.duration_s)

    def wasted_gpu_s(self, cause: Setback) -> float:
        """GPU-seconds lost and spent on restarts."""
        return self.lost_gpu_s.get(cause, 0.0) + self.restart_gpu_s.get(cause, 0.0)

    @property
    def held_gpu_s(self) -> float:
        """GPU-seconds that its pods held."""
        lost = sum(self.lost_gpu_s.values()) + sum(self.restart_gpu_s.values())
        return self.useful_gpu_s + self.stopping_gpu_s + lost


@dataclass(frozen=True, slots=True)
class Reclaim:
    """An entitled job for which running ones were stopped."""

    key: str
    tenant: str
    pool: str
    seconds: float
    """From its being both pending and entitled to its start."""


@dataclass(frozen=True, slots=True)
class Outcome:
    policy: str
    jobs: Mapping[str, JobOutcome]
    """By key, in the order of submission."""
    reclaims: Sequence[Reclaim]
    """In the order of their starts."""
    tallies: Mapping[tuple[str, str], Tally]
    """By tenant and pool."""
    pools: Mapping[str, PoolTally]
    series: Mapping[str, Series]
    window_s: float
    """End of the submissions."""
    ended: float
    """When the last pod was gone."""
    decisions: int
    """How often the policy was asked."""
