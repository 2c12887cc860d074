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
    """The job does not start with fewer workers."""
    max_workers: Annotated[Whole, Field(ge=1, le=MAX_WORKERS)]
    """The job grows up to this many workers, into GPUs that nobody waits for."""


class Topology(Model):
    """How close together the workers must or should be."""

    level: QualifiedName
    """One of the keys in the pool's `spec.topology`."""
    mode: Literal["Required", "Preferred"] = "Preferred"
    """`Required`: all workers in one domain of the level, or the job waits. `Preferred`: in as small a domain as
    is free."""


class Checkpoint(Model):
    """How often a job saves and what it needs to save when told to stop."""

    interval_seconds: Annotated[Whole, Field(ge=1, le=MAX_SECONDS)] | None = None
    """The job saves about this often, in seconds. Without it, and without reports, 1,800 s is assumed."""
    grace_seconds: Annotated[Whole, Field(ge=0, le=86_400)] | None = None
    """Seconds that the job needs to save when it is told to stop. Not set: it does not save when told, and its pods get
    30 s to end."""


class Retry(Model):
    """What happens when a worker fails."""

    limit: Annotated[Whole, Field(ge=0, le=1_000_000)] = 3
    """So many failures of the gang are followed by a new start; the next failure ends the job. Lost nodes and
    evictions do not count."""
    backoff_seconds: Annotated[Whole, Field(ge=0, le=86_400)] = 30
    """Wait before the next start, in seconds. It doubles with each failure, up to an hour."""


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
    """Number of workers. Each is one pod."""
    gpus_per_worker: Annotated[Whole, Field(ge=1, le=1024)]
    """Whole GPUs of each worker, all on one node."""
    elastic: Elastic | None = None
    """Lets the job run with fewer or more workers; `workers` lies between the two."""
    pools: Annotated[tuple[DNSLabel, ...], Field(min_length=1, max_length=64)] | None = None
    """Pools that the job may run in, best first; all pools of its tenant when not set."""
    priority: DNSLabel | None = None
    """Name of one of its tenant's priorities; the tenant's default when not set."""
    purpose: Literal["Training", "Evaluation", "SafetyEvaluation", "Benchmark"] = "Training"
    """What the job is for. It is for people to read and changes no decision."""
    topology: Topology | None = None
    """How close together the workers must or should stand; anywhere in the pool when not set."""
    checkpoint: Checkpoint | None = None
    """How often the job saves, and how long saving takes."""
    expected_seconds: Annotated[Whole, Field(ge=1, le=MAX_SECONDS)] | None = None
    """The user's estimate of the running time, in seconds. It helps ETAs and lets short jobs go ahead; nothing enforces
    it."""
    max_seconds: Annotated[Whole, Field(ge=1, le=MAX_SECONDS)] | None = None
    """The job may run this many seconds, all its starts together. Then it is stopped and has failed."""
    retry: Retry = Retry()
    """What happens when a worker fails."""
    suspend: Flag = False
    """True: the workers are told to save and stop, and the job waits until this is false."""
    ttl_seconds_after_finished: Annotated[Whole, Field(ge=0, le=MAX_SECONDS)] | None = None
    """A finished job is deleted after this many seconds; it is kept when not set."""
    template: Template
    """A PodTemplateSpec. Its first container gets the GPUs and the rendezvous environment; the GPUs need not be asked
    for."""


class Allocation(StatusModel):
    """The GPUs that a job has."""

    pool: str
    """Name of the GPUPool."""
    workers: int
    """Workers of this start."""
    gpus: int
    """GPUs of all workers together."""
    class_: Annotated[AllocationClass, Field(alias="class")]
    """`Entitled`: within its tenant's guarantee. `Borrowed`: above it. It may change while the job runs."""
    nodes: Annotated[dict[str, int], Field(default_factory=dict)]
    """Number of workers by the name of their node."""
    since: Timestamp | None = None
    """When the job last left `Pending`. Failures and resizing do not renew it."""
    placed: Timestamp | None = None
    """When this start of the gang was decided."""
    entitled_workers: int | None = None
    """How many of the workers are within the guarantee; others of an elastic job may be taken back."""
    on_call: bool = False
    """Whether it runs on GPUs that are reserved for another job, and goes when that one can start."""


class Queue(StatusModel):
    """Why a pending job waits."""

    position: int = 0
    """Place among its tenant's pending jobs, counted from 1; 0 when it does not wait."""
    reason: Annotated[Reason | None, BeforeValidator(lambda word: word or None)] = None
    """Why it waits, in one word; not set when it does not wait."""
    message: str = ""
    """The reason with numbers: what is asked, what is free, which limit binds and what would change it."""
    eta: Timestamp | None = None
    """When it is expected to start; not set when that cannot be known."""
    since: Timestamp | None = None
    """Since when it is pending."""
    entitled_since: Timestamp | None = None
    """Since when it is both pending and entitled: the pool's notice runs from here."""


class Hold(StatusModel):
    """GPUs being freed for a claimant."""

    pool: str
    """Name of the GPUPool."""
    nodes: dict[str, int]
    """Number of workers by the name of the node that is being freed."""
    since: Timestamp
    """When the hold was decided."""
    until: Timestamp
    """When the GPUs are free at the latest."""


class Stopping(StatusModel):
    """A job told to save and stop; it never says for whom."""

    since: Timestamp
    """When it was told to stop."""
    until: Timestamp
    """When its pods are killed if they have not ended."""
    cause: StopCause | None = None
    """Why it stops, in one word."""
    message: str = ""
    """What happened, in one sentence."""


class Eviction(StatusModel):
    """One time that the job was told to stop for another claim."""

    at: Timestamp
    """When it was told to stop."""
    pool: str
    """Name of the GPUPool that it ran in."""
    cause: EvictionCause
    """By what right: `Guarantee` and `FairShare` for another tenant, `Priority` for its own, `OnCall` because the job
    that its GPUs are reserved for can start, `Move` to go on elsewhere, `Shrink` to go on smaller."""


class TrainingJobStatus(StatusModel):
    """Where a job is and why."""

    phase: Phase = Phase.PENDING
    """Where the job is in its life."""
    allocation: Allocation | None = None
    """The GPUs that it has; not set when it has none."""
    queue: Queue = Queue()
    """Why it waits, when it is pending."""
    last_checkpoint: Timestamp | None = None
    """Time of the last checkpoint that was reported by the annotation `entente.dev/last-checkpoint`."""
    gpu_seconds: float = 0
    """GPU-seconds used by starts that have ended."""
    wasted_gpu_seconds: float = 0
    """The part of `gpuSeconds` that evictions and failures lost."""
    starts: int = 0
    """Number of starts so far. The pods of the next start carry it in their names."""
    restarts: int = 0
    """Number of starts after the first."""
    admitted_time: Timestamp | None = None
    """When the job last left `Pending`, kept while a failed or resized gang waits to start again."""
    start_time: Timestamp | None = None
    """When all workers of the last start were ready."""
    completion_time: Timestamp | None = None
    """When the job succeeded or failed for good."""
    hold: Hold | None = None
    """GPUs that are being freed for the job; not set when none are."""
    stopping: Stopping | None = None
    """Why and until when it stops; set in phase `Stopping` only."""
    evictions: tuple[Eviction, ...] = ()
    """Its latest evictions, at most 50."""
    run_seconds: float = 0
    """Seconds that earlier starts ran."""
    restart_seconds: float | None = None
    """Seconds from being placed again to running, measured on its earlier starts."""
    failures: int = 0
    """Failures of the gang that count against `retry.limit`."""
    backoff_until: Timestamp | None = None
    """After a failure: the job does not start before this."""
    observed_generation: int = 0
    """The `metadata.generation` that this status is about."""
    conditions: Annotated[tuple[Condition, ...], ListOf(("type",))] = ()
    """`Succeeded`, `Failed`, `Interrupted` (why it stopped, until it runs again), `SpecApplied` (False: an edit waits
    for the next start), `Readable` (False: the operator cannot make sense of it)."""


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
