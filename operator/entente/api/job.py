"""`TrainingJob`: a gang of identical workers that run together or not at all."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from entente.api.base import Condition, DNSLabel, Model, ObjectMeta, StatusModel, Timestamp
from entente.api.names import API_VERSION
from entente.api.reasons import Reason


class Phase(StrEnum):
    """Where a job is in its life."""

    PENDING = "Pending"
    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    SUSPENDED = "Suspended"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class AllocationClass(StrEnum):
    """By what right a job has its GPUs."""

    ENTITLED = "Entitled"
    BORROWED = "Borrowed"


class EvictionCause(StrEnum):
    """Why a job was told to stop."""

    GUARANTEE = "Guarantee"
    FAIR_SHARE = "FairShare"
    PRIORITY = "Priority"
    ON_CALL = "OnCall"
    MOVE = "Move"
    SHRINK = "Shrink"


class StopCause(StrEnum):
    """Why the workers of a job are being stopped; it decides what becomes of the job when they are gone."""

    EVICTED = "Evicted"
    """For another claim, or to be moved: the job waits again, in its old place."""
    RESIZED = "Resized"
    """To start again with more or fewer workers."""
    SUSPENDED = "Suspended"
    WORKER_FAILED = "WorkerFailed"
    START_FAILED = "StartFailed"
    """Its pods could not be made, or were not ready in time."""
    NODE_LOST = "NodeLost"
    DISRUPTED = "Disrupted"
    """Somebody else deleted a worker."""
    MAX_SECONDS = "MaxSeconds"


class Elastic(Model):
    """A job that can run with fewer or more workers than it asks for."""

    min_workers: Annotated[int, Field(ge=1)]
    max_workers: Annotated[int, Field(ge=1)]


class Topology(Model):
    """How close together the workers must or should be."""

    level: Annotated[str, Field(min_length=1)]
    """One of the pool's topology labels."""
    mode: Literal["Required", "Preferred"] = "Preferred"


class Checkpoint(Model):
    """How often a job saves and what it needs to save when told to stop."""

    interval_seconds: Annotated[int, Field(ge=1)] | None = None
    grace_seconds: Annotated[int, Field(ge=0)] | None = None
    """Time that it needs to save when told; not set: it does not save when told."""


class Retry(Model):
    """What happens when a worker fails."""

    limit: Annotated[int, Field(ge=0)] = 3
    """Failures of the gang after which the job has failed; losses of nodes do not count."""
    backoff_seconds: Annotated[int, Field(ge=0)] = 30
    """Before the first restart; doubled for each failure."""


class TrainingJobSpec(Model):
    """What a job asks for."""

    workers: Annotated[int, Field(ge=1, le=100_000)]
    gpus_per_worker: Annotated[int, Field(ge=1, le=1024)]
    elastic: Elastic | None = None
    pools: tuple[DNSLabel, ...] | None = None
    """Acceptable pools, best first; all that the tenant has when not set."""
    priority: DNSLabel | None = None
    """One of the tenant's priorities; its default when not set."""
    purpose: Literal["Training", "Evaluation", "SafetyEvaluation", "Benchmark"] = "Training"
    topology: Topology | None = None
    checkpoint: Checkpoint | None = None
    expected_seconds: Annotated[int, Field(ge=1)] | None = None
    """The user's estimate, for ETAs and backfill."""
    max_seconds: Annotated[int, Field(ge=1)] | None = None
    """Hard limit on all its running time."""
    retry: Retry = Retry()
    suspend: bool = False
    ttl_seconds_after_finished: Annotated[int, Field(ge=0)] | None = None
    """A finished job is deleted after this time; kept when not set."""
    template: dict[str, Any]
    """A PodTemplateSpec; its first container gets the GPUs and the rendezvous environment."""


class Allocation(StatusModel):
    """The GPUs that a job has."""

    pool: str
    workers: int
    gpus: int
    class_: Annotated[AllocationClass, Field(alias="class")]
    nodes: dict[str, int] = {}
    """Workers on each node."""
    since: Timestamp | None = None
    """When the job last left Pending; failures and resizing do not renew it."""
    placed: Timestamp | None = None
    """When this start of the gang was decided."""
    entitled_workers: int | None = None
    on_call: bool = False
    """Started on GPUs reserved for another: evicted for that one when its turn comes."""


class Queue(StatusModel):
    """Why a pending job waits."""

    position: int = 0
    """Place among its tenant's pending jobs, from 1; 0 when it does not wait."""
    reason: Reason | None = None
    message: str = ""
    eta: Timestamp | None = None
    since: Timestamp | None = None
    """Pending since."""
    entitled_since: Timestamp | None = None
    """Both pending and entitled since: the notice runs from here."""


class Hold(StatusModel):
    """GPUs being freed for a claimant."""

    pool: str
    nodes: dict[str, int]
    """Workers on each node."""
    since: Timestamp
    until: Timestamp


class Stopping(StatusModel):
    """A job told to save and stop; it never says for whom."""

    since: Timestamp
    until: Timestamp
    cause: StopCause | None = None
    message: str = ""
    """What happened, for whoever looks at the job afterwards."""


class Eviction(StatusModel):
    """One time that the job was told to stop for another claim."""

    at: Timestamp
    pool: str
    cause: EvictionCause


class TrainingJobStatus(StatusModel):
    """Where a job is and why."""

    phase: Phase = Phase.PENDING
    allocation: Allocation | None = None
    queue: Queue = Queue()
    last_checkpoint: Timestamp | None = None
    gpu_seconds: float = 0
    """GPU-seconds used so far, by starts that have ended."""
    wasted_gpu_seconds: float = 0
    """Of these, lost to evictions and failures."""
    starts: int = 0
    """Starts of the gang so far; the next one's pods are numbered with it."""
    restarts: int = 0
    """Starts of the gang after the first."""
    admitted_time: Timestamp | None = None
    """Kept over failures and resizing, for `allocation.since` of the start that follows."""
    start_time: Timestamp | None = None
    """Of the last start."""
    completion_time: Timestamp | None = None
    hold: Hold | None = None
    stopping: Stopping | None = None
    evictions: tuple[Eviction, ...] = ()
    run_seconds: float = 0
    """Running time of earlier starts."""
    restart_seconds: float | None = None
    """Measured on earlier restarts: from being placed again to running."""
    failures: int = 0
    """Failures of the gang that count against `retry.limit`."""
    backoff_until: Timestamp | None = None
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()


class TrainingJob(StatusModel):
    """A training job (namespaced)."""

    api_version: Literal["entente.dev/v1alpha1"] = API_VERSION
    kind: Literal["TrainingJob"] = "TrainingJob"
    metadata: ObjectMeta
    spec: TrainingJobSpec
    status: TrainingJobStatus = TrainingJobStatus()

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.metadata.namespace}/{self.metadata.name}"
