"""Stands in for the trainers of all jobs: trains while the cluster lets it, saves, reports checkpoints, ends its pods.

Everything it knows of the cluster it reads from the jobs' status; a job that was stopped goes on from what its last
checkpoint had.
"""

import heapq
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from urllib3.exceptions import HTTPError

from demo.cluster import ApiError, Cluster
from demo.objects import Object
from demo.training import Training
from entente.api.base import rfc3339
from entente.api.job import Phase
from entente.api.names import ANNOTATION_CHECKPOINT
from entente.kube.kinds import TRAINING_JOB

WORKERS = 6
IDLE_S = 0.5

log = logging.getLogger(__name__)

Ender = Callable[[str, str], None]
"""Makes the pods of a job (namespace, name) end with success."""


@dataclass(order=True, slots=True)
class _Due:
    at: float
    key: str = field(compare=False)
    run: int = field(compare=False)


@dataclass(slots=True)
class _Trainer:
    training: Training
    run: int | None = None
    """Which start of the gang is running."""
    ended: bool = False


class Trainers:
    """One thread that keeps the time of all trainers, and a few that talk to the API server for them."""

    def __init__(self, cluster: Cluster, end_pods: Ender, *, clock: Callable[[], float] = time.time) -> None:
        self._cluster = cluster
        self._end_pods = end_pods
        self._clock = clock
        self._trainers: dict[str, _Trainer] = {}
        self._seen: queue.SimpleQueue[Object | None] = queue.SimpleQueue()
        self._due: list[_Due] = []
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="trainer")
        self._thread = threading.Thread(target=self._run, name="trainers", daemon=True)

    def add(self, key: str, training: Training) -> None:
        """Train a job, `namespace/name`, from when it runs."""
        self._trainers[key] = _Trainer(training)

    def see(self, obj: Object, *, gone: bool) -> None:
        """A TrainingJob changed: listener of the jobs' mirror."""
        if not gone:
            self._seen.put(obj)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End; nothing is reported any more."""
        self._seen.put(None)
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        while True:
            wait = min(IDLE_S, self._due[0].at - self._clock()) if self._due else IDLE_S
            try:
                obj = self._seen.get(timeout=max(0.0, wait))
            except queue.Empty:
                self._act(self._clock())
                continue
            if obj is None:
                return
            self._follow(obj, self._clock())

    def _follow(self, obj: Object, now: float) -> None:
        """Start or stop the training as the job's status says."""
        key = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
        trainer, status = self._trainers.get(key), obj.get("status") or {}
        if trainer is None or trainer.ended:
            return
        run = status.get("restarts", 0) if status.get("phase") == Phase.RUNNING else None
        if run == trainer.run:
            return
        if trainer.run is not None:
            saved_at = trainer.training.stop(now)
            if trainer.training.saves_when_told:
                self._report(key, saved_at)
        trainer.run = run
        if run is not None:
            trainer.training.start(now)
            self._schedule(key, trainer, now)

    def _act(self, now: float) -> None:
        """Do what is due: end a job that has trained enough, report a checkpoint of one that has not."""
        while self._due and self._due[0].at <= now:
            due = heapq.heappop(self._due)
            trainer = self._trainers[due.key]
            if trainer.ended or trainer.run != due.run:
                continue
            if trainer.training.ends_at <= now:
                trainer.ended = True
                self._submit(self._end_pods, *due.key.split("/"))
            else:
                self._report(due.key, due.at)
                self._schedule(due.key, trainer, now)

    def _schedule(self, key: str, trainer: _Trainer, now: float) -> None:
        at = trainer.training.ends_at
        if trainer.training.saves_when_told:
            at = min(at, trainer.training.next_checkpoint(now))
        heapq.heappush(self._due, _Due(at, key, trainer.run or 0))

    def _report(self, key: str, at: float) -> None:
        namespace, name = key.split("/")
        stamp = rfc3339(datetime.fromtimestamp(at, UTC))
        body = {"metadata": {"annotations": {ANNOTATION_CHECKPOINT: stamp}}}
        self._submit(lambda: self._cluster.patch(TRAINING_JOB, name, body, namespace=namespace))

    def _submit(self, call: Callable[..., object], *args: str) -> None:
        self._pool.submit(_tried, call, *args)


def _tried(call: Callable[..., object], *args: str) -> None:
    """A trainer whose report fails goes on training; the job is judged by its last report that arrived."""
    try:
        call(*args)
    except (ApiError, HTTPError, OSError) as error:
        log.warning("a trainer could not reach the API server: %s", error)
