"""The document `kind: Scenario`: what a replay adds to pools and tenants. Everything in it has a default."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from entente.api.base import MAX_GPUS, DNSLabel, Model, Number, StatusModel, Whole
from entente.api.names import API_VERSION
from entente.api.rules import Rule
from entente.api.tenant import Order

MAX_DAYS = 36_500
_MAX_S = 86_400 * 365


class Window(Model):
    """The jobs that are replayed, by the day of their submission."""

    RULES: ClassVar = (
        Rule(
            cel="!has(self.toDay) || !has(self.fromDay) || self.fromDay < self.toDay",
            holds=lambda it: it.to_day is None or (it.from_day or 0) < it.to_day,
            message="toDay: {toDay} must be after fromDay, {fromDay}",
            at="toDay",
        ),
    )

    from_day: Annotated[Number, Field(ge=0, le=MAX_DAYS)] | None = None
    """Without it, the replay begins with the first submission."""
    to_day: Annotated[Number, Field(gt=0, le=MAX_DAYS)] | None = None


class Thinning(Model):
    """Each job is replayed with a probability."""

    keep: Annotated[Number, Field(gt=0, le=1)]
    seed: Annotated[Whole, Field(ge=0)] = 0


class Checkpointing(Model):
    """How all jobs save."""

    interval_seconds: Annotated[Whole, Field(ge=1, le=_MAX_S)] = 1800
    """A job saves after each so many seconds of a run."""
    restart_seconds: Annotated[Number, Field(ge=0, le=_MAX_S)] = 300
    """What a start after an eviction costs before the work goes on."""
    grace_seconds: Annotated[Whole, Field(ge=0, le=_MAX_S)] | None = None
    """Set: all jobs save when told to stop, and need so long for it."""


class Failures(Model):
    """Workers that die, at random times that are the same for every policy."""

    per_thousand_gpus_per_day: Annotated[Number, Field(gt=0, le=1_000_000, alias="perThousandGPUsPerDay")]
    """0.47 is what was seen in the training of Llama 3."""
    restart_seconds: Annotated[Number, Field(ge=0, le=_MAX_S)] = 600
    """Until the gang works again, in its place."""
    host_down_seconds: Annotated[Number, Field(ge=0, le=_MAX_S)] = 0
    """More than 0: the whole host is lost for so long, and the gangs on it are pending again."""
    seed: Annotated[Whole, Field(ge=0)] = 0


class Quotas(StrEnum):
    """Tenants made from the trace."""

    PROPORTIONAL_TO_GPU_HOURS = "ProportionalToGPUHours"


class Estimates(StrEnum):
    """What jobs say of their length."""

    NOTHING = "None"
    EXACT = "Exact"


class TenantTemplate(Model):
    """What tenants that are made from the trace have beside their guarantee."""

    order: Order = Order.FIRST_COME
    weight: Annotated[Whole, Field(ge=1, le=1_000_000)] = 1
    borrow_limit: Annotated[Whole, Field(ge=0, le=MAX_GPUS)] | None = None


class ScenarioSpec(Model):
    """What is replayed, and under which conditions."""

    RULES: ClassVar = (
        Rule(
            cel="!has(self.load) || !has(self.targetLoad)",
            holds=lambda it: it.load == 1 or it.target_load is None,
            message="targetLoad: load is set, too; only one of them may be",
            at="targetLoad",
        ),
        Rule(
            cel="!has(self.tenants) || has(self.quotas)",
            holds=lambda it: it.tenants is None or it.quotas is not None,
            message="tenants: only for tenants made from the trace, and quotas is not set",
            at="tenants",
        ),
    )

    window: Window = Window()
    load: Annotated[Number, Field(gt=0, le=1000)] = 1
    """Submission times are divided by it."""
    target_load: Annotated[Number, Field(gt=0, le=1000)] | None = None
    """Instead of `load`: such that the GPUs asked for, on average over the window, are this part of the capacity."""
    thinning: Thinning | None = None
    checkpoint: Checkpointing = Checkpointing()
    stop_seconds: Annotated[Number, Field(ge=0, le=3600)] = 30
    """Until the pods of a job that was told to stop are gone."""
    quotas: Quotas | None = None
    """Set: the tenants are those of the trace, and no Tenant is given."""
    tenants: TenantTemplate | None = None
    estimates: Estimates = Estimates.NOTHING
    failures: Failures | None = None


class ScenarioMeta(StatusModel):
    """A scenario needs no name."""

    name: DNSLabel | None = None


class Scenario(Model):
    """Only for `entente simulate`: no cluster knows it."""

    api_version: Literal["entente.dev/v1alpha1"] = API_VERSION
    kind: Literal["Scenario"] = "Scenario"
    metadata: ScenarioMeta = ScenarioMeta()
    spec: ScenarioSpec = ScenarioSpec()
