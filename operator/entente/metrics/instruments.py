"""What the operator counts and measures, and how it is shown to a scrape."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

from entente.api.job import EvictionCause
from entente.metrics import catalogue
from entente.metrics.catalogue import MetricSpec
from entente.metrics.collector import SnapshotCollector
from entente.metrics.snapshot import NOTHING_YET, OperatorSnapshot
from entente.metrics.stage import Stage
from entente.metrics.waste import WasteCause


class Instruments:
    """All metrics of one operator, in a registry of their own.

    Counters and histograms start at zero with the process, as Prometheus expects. Labels are tenants, pools and closed
    sets of words. Safe to use from several threads.
    """

    def __init__(self, version: str) -> None:
        """`version` is the operator's, as `entente_build_info` shows it."""
        self.registry = CollectorRegistry()
        self._snapshot = NOTHING_YET
        self._grants: frozenset[tuple[str, str]] = frozenset()
        self._seen: set[tuple[str, str]] = set()
        """Pairs that something was counted for since the last snapshot, whether or not they are granted."""
        self._admission_wait = _histogram(catalogue.ADMISSION_WAIT)
        self._reclaim = _histogram(catalogue.RECLAIM)
        self._evictions = _counter(catalogue.EVICTIONS)
        self._wasted = _counter(catalogue.WASTED)
        self._decision = _histogram(catalogue.DECISION)
        self._job_errors = _counter(catalogue.JOB_ERRORS)
        for stage in Stage:
            self._job_errors.labels(stage.value)
        self._api_requests = _counter(catalogue.API_REQUESTS)
        self._api_duration = _histogram(catalogue.API_DURATION)
        self._of_grants = (self._admission_wait, self._reclaim, self._evictions, self._wasted)
        instruments = (
            *self._of_grants,
            self._decision,
            self._job_errors,
            self._api_requests,
            self._api_duration,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(SnapshotCollector(version, lambda: self._snapshot, instruments))

    def observe_admission_wait(self, tenant: str, pool: str, seconds: float) -> None:
        """A job got GPUs after having been pending for so long."""
        self._seen.add((tenant, pool))
        self._admission_wait.labels(tenant, pool).observe(seconds)

    def observe_reclaim(self, tenant: str, pool: str, seconds: float) -> None:
        """An entitled job's GPUs are free, so long after it was both pending and entitled."""
        self._seen.add((tenant, pool))
        self._reclaim.labels(tenant, pool).observe(seconds)

    def count_eviction(self, tenant: str, pool: str, cause: EvictionCause) -> None:
        """A job of the tenant is told to stop or shrink."""
        self._seen.add((tenant, pool))
        self._evictions.labels(tenant, pool, cause.value).inc()

    def add_wasted_gpu_seconds(self, tenant: str, pool: str, cause: WasteCause, gpu_seconds: float) -> None:
        """Work of the tenant was lost; negative amounts are refused with ValueError."""
        self._seen.add((tenant, pool))
        self._wasted.labels(tenant, pool, cause.value).inc(gpu_seconds)

    def observe_decision(self, seconds: float) -> None:
        self._decision.observe(seconds)

    def count_job_error(self, stage: Stage) -> None:
        self._job_errors.labels(stage.value).inc()

    def observe_request(self, verb: str, kind: str, code: int, seconds: float, /) -> None:
        """The client's `RequestObserver`: one attempt was answered, or not at all (code 0)."""
        self._api_requests.labels(verb, kind, str(code)).inc()
        self._api_duration.labels(verb, kind).observe(seconds)

    def publish(self, snapshot: OperatorSnapshot) -> None:
        """Show this snapshot from now on; series of tenants and pools that are not in it any more disappear."""
        grants = snapshot.grants
        for tenant, pool in (self._grants | self._seen) - grants:
            for instrument in self._of_grants:
                instrument.remove_by_labels({"tenant": tenant, "pool": pool})
        self._start_at_zero(grants - self._grants)
        self._seen.clear()
        self._grants = grants
        self._snapshot = snapshot

    def render(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and body of an answer to a scrape with this `Accept` header."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self.registry)

    def _start_at_zero(self, grants: Iterable[tuple[str, str]]) -> None:
        """Make the series before the first event, or `increase()` would miss that event."""
        for tenant, pool in grants:
            self._admission_wait.labels(tenant, pool)
            self._reclaim.labels(tenant, pool)
            for cause in EvictionCause:
                self._evictions.labels(tenant, pool, cause.value)
            for waste in WasteCause:
                self._wasted.labels(tenant, pool, waste.value)


def _counter(spec: MetricSpec) -> Counter:
    return Counter(spec.family, spec.help, spec.labels, unit=spec.unit, registry=None)


def _histogram(spec: MetricSpec) -> Histogram:
    return Histogram(spec.name, spec.help, spec.labels, unit=spec.unit, buckets=spec.buckets, registry=None)
