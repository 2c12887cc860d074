"""What the same jobs would have done on a static split: each tenant alone on the hosts of its guarantee.

An exact replay on virtual time, with an ideal scheduler: first come first served with EASY backfill, which knows every
job's duration and decides in no time. A small job takes the fullest host that has room, a gang whole hosts.
"""

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from demo.estate import GPUS_PER_WORKER
from demo.trace import TraceJob, shape


@dataclass(frozen=True, slots=True)
class Outcome:
    """What had become of one job at the horizon, in seconds of the trace."""

    waited_s: float
    """From submission until it runs, or to the horizon."""
    ran_s: float
    """Running time up to the horizon."""
    finished: bool


@dataclass(order=True, slots=True)
class _Running:
    ends: float
    order: int
    job: TraceJob = field(compare=False)
    hosts: Mapping[int, int] = field(compare=False)
    """GPUs taken of each host."""


def replay(
    jobs: Sequence[TraceJob],
    hosts: Mapping[str, int],
    *,
    gpus_per_host: int,
    horizon_s: float,
    start_s: float = 0.0,
    gpus_per_worker: int = GPUS_PER_WORKER,
) -> dict[str, Outcome]:
    """The outcome of every job submitted before the horizon, by job id.

    Args:
        jobs: of all tenants.
        hosts: how many each tenant has to itself.
        gpus_per_host: GPUs of each host.
        horizon_s: when the replay ends.
        start_s: how long a job is on its hosts before it runs.
        gpus_per_worker: GPUs of one worker at most.
    """
    outcomes: dict[str, Outcome] = {}
    for tenant, count in hosts.items():
        own = [job for job in jobs if job.tenant == tenant and job.submit_s < horizon_s]
        placed = _Estate(count, gpus_per_host, gpus_per_worker, start_s).run(own)
        outcomes |= {job.job_id: _outcome(job, placed.get(job.job_id, math.inf) + start_s, horizon_s) for job in own}
    return outcomes


def _outcome(job: TraceJob, start: float, horizon_s: float) -> Outcome:
    if start >= horizon_s:
        return Outcome(waited_s=horizon_s - job.submit_s, ran_s=0.0, finished=False)
    ran = min(job.duration_s, horizon_s - start)
    return Outcome(waited_s=start - job.submit_s, ran_s=ran, finished=start + job.duration_s <= horizon_s)


class _Estate:
    def __init__(self, hosts: int, gpus_per_host: int, gpus_per_worker: int, start_s: float) -> None:
        self._start_s = start_s
        self._free = [gpus_per_host] * hosts
        self._per_worker = gpus_per_worker
        self._running: list[_Running] = []
        self._started = 0

    def run(self, jobs: Sequence[TraceJob]) -> dict[str, float]:
        """When each job is placed; a job larger than the estate never does, and blocks nobody."""
        starts: dict[str, float] = {}
        queue: list[TraceJob] = []
        coming = sorted((job for job in jobs if self._place(job, self._free)), key=lambda job: job.submit_s)
        at = 0
        while at < len(coming) or self._running:
            now = min(
                coming[at].submit_s if at < len(coming) else math.inf,
                self._running[0].ends if self._running else math.inf,
            )
            self._end(now)
            while at < len(coming) and coming[at].submit_s <= now:
                queue.append(coming[at])
                at += 1
            for job in self._startable(queue, now):
                starts[job.job_id] = now
        return starts

    def _end(self, now: float) -> None:
        while self._running and self._running[0].ends <= now:
            _give_back(heapq.heappop(self._running), self._free)

    def _startable(self, queue: list[TraceJob], now: float) -> list[TraceJob]:
        """Start the head of the queue as long as it fits, then whatever does not delay it; they leave the queue."""
        started: list[TraceJob] = []
        while queue and (hosts := self._place(queue[0], self._free)):
            self._start(queue[0], hosts, now)
            started.append(queue.pop(0))
        if not queue:
            return started
        turn = self._turn(queue[0])
        for job in list(queue[1:]):
            hosts = self._place(job, self._free)
            if hosts and (now + self._start_s + job.duration_s <= turn or self._leaves_room(hosts, turn, queue[0])):
                self._start(job, hosts, now)
                queue.remove(job)
                started.append(job)
        return started

    def _start(self, job: TraceJob, hosts: Mapping[int, int], now: float) -> None:
        for host, gpus in hosts.items():
            self._free[host] -= gpus
        heapq.heappush(self._running, _Running(now + self._start_s + job.duration_s, self._started, job, hosts))
        self._started += 1

    def _turn(self, head: TraceJob) -> float:
        """When enough has ended for the head of the queue to start."""
        free = list(self._free)
        for running in sorted(self._running):
            _give_back(running, free)
            if self._place(head, free):
                return running.ends
        msg = f"{head.job_id} fits on no empty estate of this size"
        raise AssertionError(msg)

    def _leaves_room(self, hosts: Mapping[int, int], turn: float, head: TraceJob) -> bool:
        """Whether the head still fits at its turn when a job on these hosts is started now and runs past it."""
        free = list(self._free)
        for running in self._running:
            if running.ends <= turn:
                _give_back(running, free)
        for host, gpus in hosts.items():
            free[host] -= gpus
        return bool(self._place(head, free))

    def _place(self, job: TraceJob, free: Sequence[int]) -> dict[int, int]:
        """GPUs taken of each host, fullest hosts first; empty when the gang does not fit."""
        workers, gpus = shape(job.gpus, self._per_worker)
        hosts: dict[int, int] = {}
        for host in sorted((h for h, room in enumerate(free) if room >= gpus), key=lambda h: (free[h], h)):
            fitting = min(workers, free[host] // gpus)
            hosts[host] = fitting * gpus
            workers -= fitting
            if not workers:
                return hosts
        return {}


def _give_back(running: _Running, free: list[int]) -> None:
    for host, gpus in running.hosts.items():
        free[host] += gpus
