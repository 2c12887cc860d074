"""`TrainingJob`: a gang of identical workers that run together or not at all."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from entente.api.base import (
    MAX_SECONDS,
    Condition,
    DNSLabel,
    Flag,
    Model,
    ObjectMeta,
    QualifiedName,
    StatusModel,
    Timestamp,
    Whole,
)
from entente.api.names import ANNOTATION_CHECKPOINT, API_VERSION
from entente.api.reasons import Reason
from entente.api.rules import ListOf, Rule
from entente.api.template import GPU_RULES, PodTemplate

MAX_WORKERS = 100_000


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

    RULES: ClassVar = (
        Rule(
            cel="self.minWorkers <= self.maxWorkers",
            holds=lambda it: it.min_workers <= it.max_workers,
            message="minWorkers: {minWorkers} must be at most maxWorkers, {maxWorkers}",
            at="minWorkers",
        ),
    )

    min_workers: Annotated[Whole, Field(ge=1, le=MAX_WORKERS)]
    """With fewer it does not start."""
    max_workers: Annotated[Whole, Field(ge=1, le=MAX_WORKERS)]
    """It grows up to this into GPUs that nobody waits for."""


class Topology(Model):
    """How close together the workers must or should be."""

    level: QualifiedName
    """One of the pool's topology labels."""
    mode: Literal["Required", "Preferred"] = "Preferred"


class Checkpoint(Model):
    """How often a job saves and what it needs to save when told to stop."""

    interval_seconds: Annotated[Whole, Field(ge=1, le=MAX_SECONDS)] | None = None
    """It saves about this often; taken to be 1800 s when not set."""
    grace_seconds: Annotated[Whole, Field(ge=0, le=86_400)] | None = None
    """Time that it needs to save when told; not set: it does not save when told."""


class Retry(Model):
    """What happens when a worker fails."""

    limit: Annotated[Whole, Field(ge=0, le=1_000_000)] = 3
    """Failures of the gang after which the job has failed; losses of nodes do not count."""
    backoff_seconds: Annotated[Whole, Field(ge=0, le=86_400)] = 30
    """Before the first restart; doubled for each failure."""


def _checked(template: dict[str, Any]) -> dict[str, Any]:
    PodTemplate.model_validate(template)
    return template


class _AsPodTemplate:
    """Gives a template the schema of the part that is checked, while it stays a plain dict."""

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(PodTemplate.__pydantic_core_schema__)


Template = Annotated[dict[str, Any], AfterValidator(_checked), _AsPodTemplate()]


class TrainingJobSpec(Model):
    """What a job asks for."""

    RULES: ClassVar = (
        Rule(
            cel="!has(self.elastic) || "
            "(self.elastic.minWorkers <= self.workers && self.workers <= self.elastic.maxWorkers)",
            holds=lambda it: it.elastic is None or it.elastic.min_workers <= it.workers <= it.elastic.max_workers,
            message="workers: {workers} must be from elastic.minWorkers, {elastic.minWorkers}, "
            "to elastic.maxWorkers, {elastic.maxWorkers}",
            at="workers",
        ),
        Rule(
            cel="!has(self.pools) || self.pools.all(a, self.pools.exists_one(b, a == b))",
            holds=lambda it: it.pools is None or len(set(it.pools)) == len(it.pools),
            message="pools: a pool is named twice; each may be named once, best first",
            at="pools",
        ),
        *GPU_RULES,
    )

    workers: Annotated[Whole, Field(ge=1, le=MAX_WORKERS)]
    """Pods of the gang."""
    gpus_per_worker: Annotated[Whole, Field(ge=1, le=1024)]
    """Whole GPUs, all of one node."""
    elastic: Elastic | None = None
    pools: Annotated[tuple[DNSLabel, ...], Field(min_length=1, max_length=64)] | None = None
    """Acceptable pools, best first; all that the tenant has when not set."""
    priority: DNSLabel | None = None
    """One of the tenant's priorities; its default when not set."""
    purpose: Literal["Training", "Evaluation", "SafetyEvaluation", "Benchmark"] = "Training"
    """For the books."""
    topology: Topology | None = None
    checkpoint: Checkpoint | None = None
    expected_seconds: Annotated[Whole, Field(ge=1, le=MAX_SECONDS)] | None = None
    """The user's estimate, for ETAs and backfill."""
    max_seconds: Annotated[Whole, Field(ge=1, le=MAX_SECONDS)] | None = None
    """Hard limit on all its running time."""
    retry: Retry = Retry()
    suspend: Flag = False
    """Saves and stops its workers; it waits until this is false again."""
    ttl_seconds_after_finished: Annotated[Whole, Field(ge=0, le=MAX_SECONDS)] | None = None
    """A finished job is deleted after this time; kept when not set."""
    template: Template
    """A PodTemplateSpec; its first container gets the GPUs and the rendezvous environment."""


class Allocation(StatusModel):
    """The GPUs that a job has."""

    pool: str
    workers: int
    gpus: int
    class_: Annotated[AllocationClass, Field(alias="class")]
    nodes: Annotated[dict[str, int], Field(default_factory=dict)]
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
    reason: Annotated[Reason | None, BeforeValidator(lambda word: word or None)] = None
    """None, or an empty word in a manifest, when it does not wait."""
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
    conditions: Annotated[tuple[Condition, ...], ListOf(("type",))] = ()


class TrainingJob(StatusModel):
    """A gang of identical workers that run together or not at all."""

    api_version: Literal["entente.dev/v1alpha1"] = API_VERSION
    kind: Literal["TrainingJob"] = "TrainingJob"
    metadata: ObjectMeta
    spec: TrainingJobSpec
    status: TrainingJobStatus = TrainingJobStatus()

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def reported_checkpoint(self) -> datetime | None:
        """The time in the job's annotation, in UTC; none when it is missing, cannot be read or has no UTC form."""
        text = self.metadata.annotations.get(ANNOTATION_CHECKPOINT)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None
