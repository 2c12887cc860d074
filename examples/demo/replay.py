"""The replay: submits the trace's jobs at their compressed times, and lets them be seen."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from demo import estate
from demo.claims import Claims
from demo.cluster import Cluster
from demo.mirror import Mirror, wait_until
from demo.objects import Object
from demo.picture import Picture, take
from demo.story import Story
from demo.trace import SPEED, TraceJob
from demo.trainers import Trainers
from entente.api.job import TrainingJob
from entente.kube.kinds import EVENT, GPU_POOL, NODE, TENANT, TRAINING_JOB

TICK_S = 0.5
SUBMITTERS = 4
SYNC_S = 30
BLOCK = "topology.entente.dev/block"

Tick = Callable[[Picture, float], None]
"""Shown a picture and the seconds of the replay that are over."""


class Replay:
    """One run over a cluster that is ready for it; a context manager around what runs in the background."""

    def __init__(self, cluster: Cluster, jobs: Sequence[TraceJob], template: Callable[[TraceJob], Object]) -> None:
        self._cluster = cluster
        self._jobs = jobs
        self._template = template
        self._submitters = ThreadPoolExecutor(SUBMITTERS, thread_name_prefix="submit")
        self._submitted: list[Future[bool]] = []
        self.claims = Claims()
        self.story = Story()
        self.began = 0.0
        """Seconds since the epoch at which the first job was submitted."""
        self._trainers: Trainers | None = None
        self._jobs_seen = Mirror(cluster, TRAINING_JOB, listener=self._see)
        self._others = {kind.kind: Mirror(cluster, kind) for kind in (TENANT, GPU_POOL, NODE, EVENT)}

    def start(self, trainers: Trainers) -> None:
        """Follow the cluster, with the trainers of all jobs.

        Raises:
            TimeoutError: the API server did not answer in time.
        """
        self._trainers = trainers
        for job in self._jobs:
            trainers.add(estate.key(job), estate.training(job))
        trainers.start()
        mirrors = [self._jobs_seen, *self._others.values()]
        for mirror in mirrors:
            mirror.start()
        wait_until(lambda: all(mirror.synced.is_set() for mirror in mirrors), seconds=SYNC_S, what="the first lists")

    def stop(self) -> None:
        """End what runs in the background."""
        for mirror in (self._jobs_seen, *self._others.values()):
            mirror.stop()
        self._submitters.shutdown(wait=True, cancel_futures=True)
        if self._trainers is not None:
            self._trainers.stop()

    def run(self, seconds: float, tick: Tick) -> None:
        """Submit every job at its time and show a picture at each tick, until the time is over.

        Raises:
            ApiError: a job was refused.
        """
        self.began = time.time()
        coming = list(self._jobs)
        while (elapsed := time.time() - self.began) < seconds:
            while coming and coming[0].submit_s / SPEED <= elapsed:
                self._submit(coming.pop(0))
            picture = self.picture()
            self.story.follow(picture, elapsed)
            tick(picture, elapsed)
            self._raise_refusals()
            due = coming[0].submit_s / SPEED if coming else seconds
            time.sleep(max(0.01, min(TICK_S, due - (time.time() - self.began))))

    def picture(self) -> Picture:
        return take(
            pool=self._others["GPUPool"].objects()[estate.POOL],
            tenants=self._others["Tenant"].objects().values(),
            jobs=self._jobs_seen.objects().values(),
            nodes=self._others["Node"].objects().values(),
            events=self._others["Event"].objects().values(),
            topology=(BLOCK, estate.RACK),
        )

    def outcome(self) -> dict[str, TrainingJob]:
        """The jobs of the trace as the API server has them now, by job id."""
        items, _ = self._cluster.list(TRAINING_JOB)
        by_key = {job.key: job for job in (TrainingJob.model_validate(item) for item in items)}
        keys = {job.job_id: estate.key(job) for job in self._jobs}
        return {job_id: by_key[key] for job_id, key in keys.items() if key in by_key}

    def _see(self, obj: Object, *, gone: bool) -> None:
        self.claims.see(obj, gone=gone)
        if self._trainers is not None:
            self._trainers.see(obj, gone=gone)

    def _submit(self, job: TraceJob) -> None:
        body = estate.training_job(job, self._template(job))
        self._submitted.append(self._submitters.submit(self._cluster.create, TRAINING_JOB, body))

    def _raise_refusals(self) -> None:
        for submitted in [future for future in self._submitted if future.done()]:
            submitted.result()
            self._submitted.remove(submitted)
