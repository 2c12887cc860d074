"""Turns the last snapshot into gauges at the moment of a scrape."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from entente.api.job import Phase
from entente.engine.decisions import PoolBook, TenantBook
from entente.metrics import catalogue
from entente.metrics.catalogue import MetricSpec
from entente.metrics.snapshot import OperatorSnapshot

_POOL_FIGURES: tuple[tuple[MetricSpec, Callable[[PoolBook], int]], ...] = (
    (catalogue.POOL_CAPACITY, lambda book: book.capacity),
    (catalogue.POOL_FREE, lambda book: book.free),
    (catalogue.POOL_OVERCOMMITTED, lambda book: int(book.overcommitted)),
)

_TENANT_FIGURES: tuple[tuple[MetricSpec, Callable[[TenantBook], int]], ...] = (
    (catalogue.TENANT_GUARANTEED, lambda book: book.guaranteed),
    (catalogue.TENANT_ENTITLED, lambda book: book.entitled),
    (catalogue.TENANT_BORROWED, lambda book: book.borrowed),
    (catalogue.TENANT_LENT, lambda book: book.lent),
    (catalogue.TENANT_CHARGED, lambda book: book.charged),
    (catalogue.TENANT_DUE, lambda book: book.due),
    (catalogue.TENANT_PENDING, lambda book: book.pending),
)


class SnapshotCollector(Collector):
    """Reads one snapshot per scrape; a tenant or pool that is gone from it has no series any more."""

    def __init__(self, version: str, latest: Callable[[], OperatorSnapshot], instruments: Iterable[Collector]) -> None:
        """`latest` gives the snapshot to show; `instruments` are shown after it."""
        self._version = version
        self._latest = latest
        self._instruments = tuple(instruments)

    @override
    def collect(self) -> Iterator[Metric]:
        """All families, in the order of the catalogue's sections."""
        snapshot = self._latest()
        yield from _operator(self._version, snapshot)
        if snapshot.leader:
            yield from _pools(snapshot)
            yield from _tenants(snapshot)
            yield _jobs(snapshot)
        for instrument in self._instruments:
            yield from map(_without_created, instrument.collect())


def _gauge(spec: MetricSpec) -> GaugeMetricFamily:
    return GaugeMetricFamily(spec.name, spec.help, labels=spec.labels, unit=spec.unit)


def _single(spec: MetricSpec, value: float) -> GaugeMetricFamily:
    family = _gauge(spec)
    family.add_metric((), value)
    return family


def _operator(version: str, snapshot: OperatorSnapshot) -> Iterator[Metric]:
    build = _gauge(catalogue.BUILD)
    build.add_metric((version,), 1)
    yield build
    yield _single(catalogue.LEADER, int(snapshot.leader))
    yield CounterMetricFamily(catalogue.CYCLES.family, catalogue.CYCLES.help, value=snapshot.cycle)
    if snapshot.cycle:
        yield _single(catalogue.LAST_CYCLE, snapshot.cycle_ended)


def _pools(snapshot: OperatorSnapshot) -> Iterator[Metric]:
    for spec, figure in _POOL_FIGURES:
        family = _gauge(spec)
        for pool, book in sorted(snapshot.books.items()):
            family.add_metric((pool,), figure(book))
        yield family
    unusable = _gauge(catalogue.POOL_UNUSABLE)
    for pool in sorted(snapshot.books):
        unusable.add_metric((pool,), snapshot.unusable_gpus.get(pool, 0))
    yield unusable


def _tenants(snapshot: OperatorSnapshot) -> Iterator[Metric]:
    for spec, figure in _TENANT_FIGURES:
        family = _gauge(spec)
        for pool, book in sorted(snapshot.books.items()):
            for tenant, tenant_book in sorted(book.tenants.items()):
                family.add_metric((tenant, pool), figure(tenant_book))
        yield family


def _jobs(snapshot: OperatorSnapshot) -> Metric:
    """Every phase of every tenant known, zeros included: a phase that empties must not look like a lost scrape."""
    tenants = {tenant for tenant, _ in snapshot.grants} | {tenant or "" for tenant, _ in snapshot.jobs}
    family = _gauge(catalogue.JOBS)
    for tenant in sorted(tenants):
        for phase in Phase:
            family.add_metric((tenant, phase.value), snapshot.jobs.get((tenant or None, phase), 0))
    return family


def _without_created(family: Metric) -> Metric:
    """Drop the creation time that the library adds to each series: it doubles the counters and nothing reads it."""
    family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
    return family
