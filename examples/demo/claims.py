"""How long entitled jobs waited for their GPUs and starts took, read from the status of jobs as it changes."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from demo.objects import Object
from entente.api.job import Phase, TrainingJob


@dataclass(frozen=True, slots=True)
class Claim:
    """An entitled job's wait for its GPUs, over or still going on."""

    job: str
    seconds: float
    """From `queue.entitledSince` to being placed, in whole seconds as the API server keeps times."""
    reclaimed: bool
    """GPUs were freed for it: it had a hold."""


@dataclass(slots=True)
class _Open:
    since: float
    held: bool


class Claims:
    """Listens to the changes of TrainingJobs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._met: list[Claim] = []
        self._starts: dict[tuple[str, int], float] = {}

    def see(self, obj: Object, *, gone: bool) -> None:
        job = TrainingJob.model_validate(obj)
        status = job.status
        with self._lock:
            self._see_start(job)
            if gone or (status.phase is Phase.PENDING and status.queue.entitled_since is None):
                self._open.pop(job.key, None)
            elif status.phase is Phase.PENDING and status.queue.entitled_since is not None:
                since = status.queue.entitled_since.timestamp()
                known = self._open.get(job.key)
                held = status.hold is not None or (known is not None and known.since == since and known.held)
                self._open[job.key] = _Open(since, held)
            elif job.key in self._open:
                opened = self._open.pop(job.key)
                placed = status.allocation and (status.allocation.placed or status.allocation.since)
                if placed:
                    self._met.append(Claim(job.key, max(0.0, placed.timestamp() - opened.since), opened.held))

    def met(self) -> tuple[Claim, ...]:
        """Claims of jobs that got their GPUs, in that order."""
        with self._lock:
            return tuple(self._met)

    def start_seconds(self) -> float:
        """Mean time from being placed to running, over all starts seen; 0 when there was none.

        Times are whole seconds in the status, so that only their mean says something.
        """
        with self._lock:
            return fmean(self._starts.values()) if self._starts else 0.0

    def _see_start(self, job: TrainingJob) -> None:
        status = job.status
        placed = status.allocation.placed if status.allocation else None
        if status.phase is Phase.RUNNING and placed and status.start_time:
            took = (status.start_time - placed).total_seconds()
            self._starts.setdefault((job.key, status.restarts), max(0.0, took))

    def waiting(self, now: float) -> Mapping[str, Claim]:
        """Claims of jobs that wait for their GPUs now."""
        with self._lock:
            return {key: Claim(key, max(0.0, now - opened.since), opened.held) for key, opened in self._open.items()}
