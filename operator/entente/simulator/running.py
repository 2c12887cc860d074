"""One job while it is replayed: its phases, its work, and what its setbacks cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from entente.simulator.asked import Place
from entente.simulator.outcome import JobOutcome, Setback
from entente.simulator.policy import SimJob
from entente.simulator.progress import Cut, Pace


class State(StrEnum):
    PENDING = "Pending"
    RUNNING = "Running"
    STOPPING = "Stopping"
    DONE = "Done"


@dataclass(slots=True)
class Running:
    job: SimJob
    work_s: float
    """Left to do, in seconds with all its workers."""
    place: Place
    """In the order of submission."""
    outcome: JobOutcome
    state: State = State.PENDING
    changes: int = 0
    """Counts its starts and stops: an event of an earlier one is void."""
    pool: str = ""
    workers_on: Mapping[str, int] = field(default_factory=dict)
    gpus: int = 0
    pace: Pace | None = None
    stop_began: float = 0.0
    restart_s: float = 0.0
    """What its next start costs."""
    setback: Setback | None = None
    """Why it was cut short last."""

    def begin(self, now: float, workers_on: Mapping[str, int], pool: str) -> float:
        """It runs on these hosts; returns when it will be done."""
        workers = sum(workers_on.values())
        self.workers_on, self.pool, self.gpus = dict(workers_on), pool, workers * self.job.gpus_per_worker
        if self.outcome.first_start is None:
            self.outcome.first_start = now
        return self._run(now, workers / self.job.workers)

    def begin_again(self, now: float) -> float:
        """Its gang starts anew in its place; returns when it will be done."""
        return self._run(now, sum(self.workers_on.values()) / self.job.workers)

    def _run(self, now: float, speed: float) -> float:
        self.state = State.RUNNING
        self.changes += 1
        self.pace = Pace(now, self.restart_s, self.job.interval_s, speed)
        return self.pace.ends(self.work_s)

    def finish(self, now: float) -> None:
        self._account(self._cut(now, saves=True))
        self.state, self.work_s, self.outcome.end = State.DONE, 0.0, now

    def cut_short(self, now: float, cause: Setback, restart_s: float, *, saves: bool) -> float:
        """Its run is over before its work is; returns the GPU-seconds of work lost."""
        cut = self._cut(now, saves=saves)
        self._account(cut)
        self.work_s = max(0.0, self.work_s - cut.work_s)
        self.setback, self.restart_s = cause, restart_s
        lost = cut.lost_s * self.gpus
        if lost:
            self.outcome.lost_gpu_s[cause] = self.outcome.lost_gpu_s.get(cause, 0.0) + lost
        return lost

    def stop(self, now: float) -> None:
        """Its pods have been told to end."""
        self.state, self.stop_began = State.STOPPING, now
        self.changes += 1

    def leave(self, now: float) -> None:
        """Its pods are gone, and it is pending again."""
        if self.state is State.STOPPING:
            self.outcome.stopping_gpu_s += (now - self.stop_began) * self.gpus
        self.state, self.pace, self.workers_on, self.gpus = State.PENDING, None, {}, 0
        self.changes += 1

    def _cut(self, now: float, *, saves: bool) -> Cut:
        assert self.pace is not None  # noqa: S101 - only running jobs are cut
        return self.pace.cut(now, saves=saves)

    def _account(self, cut: Cut) -> None:
        self.outcome.useful_gpu_s += cut.kept_s * self.gpus
        if cut.restart_s and self.setback is not None:
            spent = cut.restart_s * self.gpus
            self.outcome.restart_gpu_s[self.setback] = self.outcome.restart_gpu_s.get(self.setback, 0.0) + spent
