"""Every metric of the operator: name, type, unit, labels. The reference page is checked against this list.

No label holds a name that a user chooses freely in a namespace (of a job, a pod, a node): the number of series grows
with tenants and pools only.
"""

from dataclasses import dataclass
from enum import StrEnum


class MetricType(StrEnum):
    """As in the Prometheus exposition format."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    name: str
    """As exposed; a counter's ends in `_total`."""
    type: MetricType
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    """The last word of the name; empty for a plain count or a truth value."""
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, without the last, infinite one."""

    @property
    def family(self) -> str:
        """The name without a counter's `_total`."""
        return self.name.removesuffix("_total")


MINUTE = 60.0
HOUR = 3600.0

WAIT_BUCKETS = (
    1.0,
    5.0,
    15.0,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
    72 * HOUR,
)
"""From a job that starts at once to one that waits for days."""

RECLAIM_BUCKETS = (
    1.0,
    5.0,
    15.0,
    30.0,
    MINUTE,
    90.0,
    2 * MINUTE,
    180.0,
    240.0,
    5 * MINUTE,
    6 * MINUTE,
    450.0,
    600.0,
    900.0,
    1800.0,
    HOUR,
)
"""Finest around the usual notices of one to ten minutes, so that a broken promise shows."""

DECISION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_POOL = ("pool",)
_GRANT = ("tenant", "pool")


def _gauge(name: str, help_text: str, labels: tuple[str, ...] = (), unit: str = "") -> MetricSpec:
    return MetricSpec(name, MetricType.GAUGE, help_text, labels, unit)


def _counter(name: str, help_text: str, labels: tuple[str, ...] = (), unit: str = "") -> MetricSpec:
    return MetricSpec(name, MetricType.COUNTER, help_text, labels, unit)


def _seconds(name: str, help_text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()) -> MetricSpec:
    return MetricSpec(name, MetricType.HISTOGRAM, help_text, labels, "seconds", buckets)


POOL_CAPACITY = _gauge("entente_pool_capacity_gpus", "GPUs on ready, schedulable nodes.", _POOL, "gpus")
POOL_FREE = _gauge("entente_pool_free_gpus", "GPUs of the capacity that nobody uses.", _POOL, "gpus")
POOL_UNUSABLE = _gauge("entente_pool_unusable_gpus", "GPUs of the pool that are no capacity now.", _POOL, "gpus")
POOL_OVERCOMMITTED = _gauge(
    "entente_pool_overcommitted",
    "1 while tenants are guaranteed more than the pool has, so that guarantees shrink.",
    _POOL,
)

TENANT_GUARANTEED = _gauge(
    "entente_tenant_guaranteed_gpus", "GPUs that the tenant can always have back within the notice.", _GRANT, "gpus"
)
TENANT_ENTITLED = _gauge(
    "entente_tenant_entitled_gpus", "GPUs in use by jobs within the tenant's guarantee.", _GRANT, "gpus"
)
TENANT_BORROWED = _gauge("entente_tenant_borrowed_gpus", "GPUs charged above the guarantee.", _GRANT, "gpus")
TENANT_LENT = _gauge("entente_tenant_lent_gpus", "Guaranteed GPUs that others use now.", _GRANT, "gpus")
TENANT_CHARGED = _gauge("entente_tenant_charged_gpus", "GPUs that the tenant's use counts as.", _GRANT, "gpus")
TENANT_DUE = _gauge("entente_tenant_due_gpus", "Guarantee plus fair share of the surplus.", _GRANT, "gpus")
TENANT_PENDING = _gauge("entente_tenant_pending_gpus", "GPUs that the tenant's pending jobs ask for.", _GRANT, "gpus")

JOBS = _gauge("entente_jobs", "Jobs by phase; without a tenant: in a namespace of none.", ("tenant", "phase"))

ADMISSION_WAIT = _seconds(
    "entente_job_admission_wait_seconds", "How long a job was pending before it got GPUs.", WAIT_BUCKETS, _GRANT
)
RECLAIM = _seconds(
    "entente_reclaim_duration_seconds",
    "How long an entitled job waited until others had given its GPUs back.",
    RECLAIM_BUCKETS,
    _GRANT,
)
EVICTIONS = _counter(
    "entente_evictions_total", "Jobs of the tenant told to stop or shrink for another claim.", (*_GRANT, "cause")
)
WASTED = _counter(
    "entente_wasted_gpu_seconds_total", "Work of the tenant's jobs that was lost.", (*_GRANT, "cause"), "gpu_seconds"
)

DECISION = _seconds("entente_decision_duration_seconds", "One decision of the engine.", DECISION_BUCKETS)
JOB_ERRORS = _counter(
    "entente_job_errors_total",
    "Unforeseen errors with one job, which the operator then leaves alone for a while.",
    ("stage",),
)
CYCLES = _counter("entente_cycles_total", "Cycles of observe, decide, act since the start.")
LAST_CYCLE = _gauge(
    "entente_last_cycle_timestamp_seconds", "When the last cycle ended, seconds since the epoch.", (), "seconds"
)
LEADER = _gauge("entente_leader", "1 on the replica that decides, 0 on a standby.")
BUILD = _gauge("entente_build_info", "Always 1; the version of the operator.", ("version",))

API_REQUESTS = _counter(
    "entente_api_requests_total",
    "Requests to the API server; code 0: no answer came.",
    ("verb", "kind", "code"),
)
API_DURATION = _seconds(
    "entente_api_request_duration_seconds",
    "Requests to the API server until the whole answer was there; of a watch until it began.",
    REQUEST_BUCKETS,
    ("verb", "kind"),
)

CATALOGUE: tuple[MetricSpec, ...] = (
    POOL_CAPACITY,
    POOL_FREE,
    POOL_UNUSABLE,
    POOL_OVERCOMMITTED,
    TENANT_GUARANTEED,
    TENANT_ENTITLED,
    TENANT_BORROWED,
    TENANT_LENT,
    TENANT_CHARGED,
    TENANT_DUE,
    TENANT_PENDING,
    JOBS,
    ADMISSION_WAIT,
    RECLAIM,
    EVICTIONS,
    WASTED,
    DECISION,
    JOB_ERRORS,
    CYCLES,
    LAST_CYCLE,
    LEADER,
    BUILD,
    API_REQUESTS,
    API_DURATION,
)
