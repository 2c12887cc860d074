"""A job as the scheduler keeps it: its least gang, and the workers beyond it, one by one (rule N21)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from entente.simulator.baselines.kai.ordering import JobRank
from entente.simulator.baselines.kai.queues import Queue, preemptible
from entente.simulator.hosts import Gang
from entente.simulator.policy import SimJob


class State(Enum):
    """Where a job is in its life; a job that is over is kept no longer."""

    PENDING = auto()
    """It has no place."""
    KEPT = auto()
    """It has a place, where others are still stopping."""
    RUNNING = auto()
    STOPPING = auto()
    """It was told to stop; it may have a place to go to."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Workers that start and go together: the least gang of a job, or one worker beyond it."""

    id: str
    """Unique among all units."""
    work: "Work"
    gang: Gang
    rank: JobRank

    @property
    def queue(self) -> Queue:
        """The leaf it belongs to."""
        return self.work.queue

    def part(self, workers: int) -> "Unit":
        """The same with so many of its workers: what a search tries first."""
        return Unit(self.id, self.work, Gang(workers, self.gang.gpus), self.rank)


@dataclass(slots=True, eq=False)
class Work:
    """A job, and what became of it."""

    job: SimJob
    queue: Queue
    state: State = State.PENDING
    started: float = 0.0
    """When it last started; of use while it runs."""
    core: Unit = field(init=False)
    """Its least gang."""
    surplus: list[Unit] = field(init=False)
    """Its workers beyond that, the last to be had last."""
    places: dict[str, Mapping[str, int]] = field(default_factory=dict)
    """Workers on each host, of each unit that has a place now or is kept one."""
    held: dict[str, int] = field(default_factory=dict)
    """GPUs on each host that its pods take, running or stopping."""

    def __post_init__(self) -> None:
        """Cut the job into units."""
        job = self.job
        least = job.workers if job.min_workers is None else min(job.min_workers, job.workers)
        rank = JobRank(-job.priority, surplus=False, submitted=job.submitted, key=job.key)
        self.core = Unit(job.key, self, Gang(least, job.gpus_per_worker), rank)
        self.surplus = [
            Unit(f"{job.key}+{i}", self, Gang(1, job.gpus_per_worker), rank._replace(surplus=True, number=i))
            for i in range(1, job.workers - least + 1)
        ]

    @property
    def preemptible(self) -> bool:
        """Whether it may be evicted (N9)."""
        return preemptible(self.job.priority)

    def core_stays(self, moved: Mapping[str, Mapping[str, int]]) -> bool:
        """Whether its least gang keeps its place, or is among these that get another."""
        return self.core.id in self.places or self.core.id in moved

    def placed(self) -> Iterator[Unit]:
        """Its units that have a place or are kept one."""
        return (unit for unit in (self.core, *self.surplus) if unit.id in self.places)

    def workers_on(self) -> dict[str, int]:
        """Workers on each host of all its places."""
        workers_on: dict[str, int] = {}
        for place in self.places.values():
            for host, workers in place.items():
                workers_on[host] = workers_on.get(host, 0) + workers
        return workers_on
