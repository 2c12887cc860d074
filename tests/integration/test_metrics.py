"""The operator's metrics as a real Prometheus sees them."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from entente.metrics.catalogue import CATALOGUE
from localplane import LocalPlane
from localplane.binaries import ensure
from localplane.ports import free_ports
from tests.support.estate import Estate
from tests.support.operators import OperatorProcess, running
from tests.support.plane import Corner, eventually
from tests.support.prometheus import Prometheus, prometheus

BINARIES = ("prometheus", "promtool")

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"

OWN_LABELS = {"__name__", "job", "instance", "le"}
"""Those that Prometheus adds, and that of a histogram's buckets."""

ENDINGS = ("", "_total", "_bucket", "_count", "_sum")


@pytest.fixture(scope="module")
def operator(plane: LocalPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    with running(plane, tmp_path_factory.mktemp("operator")) as process:
        yield process


@pytest.fixture(scope="module")
def scraper(operator: OperatorProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    (port,) = free_ports(1)
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(ensure("prometheus"), folder, port=port, target=f"127.0.0.1:{operator.port}") as running_one:
        yield running_one


@pytest.fixture
def estate(operator: OperatorProcess, corner: Corner) -> Iterator[Estate]:
    """Two hosts of 8 GPUs, of which the owner and the guest are guaranteed one each."""
    assert operator.leads()
    own = Estate(corner)
    own.make_pool(2)
    yield own
    own.leave()


class Queries:
    """What Prometheus says about one estate."""

    def __init__(self, scraper: Prometheus, estate: Estate) -> None:
        self._scraper = scraper
        self._estate = estate

    def value(self, metric: str, tenant: str = "", more: str = "") -> float | None:
        """The value of the estate's only series of a metric now; none when there is none."""
        matchers = [f'pool="{self._estate.pool}"', *([f'tenant="{self.tenant(tenant)}"'] if tenant else [])]
        found = self._scraper.query(f"{metric}{{{', '.join([*matchers, *filter(None, [more])])}}}")
        assert len(found) <= 1
        return next(iter(found.values()), None)

    def tenant(self, name: str) -> str:
        return self._estate.corner.unique(name)

    def becomes(self, expected: float | None, metric: str, tenant: str = "", more: str = "") -> None:
        eventually(
            lambda: self.value(metric, tenant, more) == expected,
            what=f"{metric} of {tenant or 'the pool'} at {expected}",
        )


@pytest.fixture
def queries(scraper: Prometheus, estate: Estate) -> Queries:
    return Queries(scraper, estate)


def test_a_loan_and_its_reclaim_can_be_followed_in_prometheus(estate: Estate, queries: Queries) -> None:
    owner, guest = estate.tenant("owner", 8), estate.tenant("guest", 8)
    queries.becomes(16, "entente_pool_capacity_gpus")
    queries.becomes(16, "entente_pool_free_gpus")
    queries.becomes(0, "entente_evictions_total", "guest", 'cause="Guarantee"')

    estate.await_phase(estate.job(guest, "first", 1, 8), "Running")
    estate.await_phase(estate.job(guest, "second", 1, 8), "Running")
    queries.becomes(0, "entente_pool_free_gpus")
    queries.becomes(8, "entente_tenant_borrowed_gpus", "guest")
    queries.becomes(8, "entente_tenant_lent_gpus", "owner")
    queries.becomes(2, "entente_job_admission_wait_seconds_count", "guest")

    estate.await_phase(estate.job(owner, "back", 1, 8), "Running")
    queries.becomes(0, "entente_tenant_borrowed_gpus", "guest")
    queries.becomes(8, "entente_tenant_entitled_gpus", "owner")
    queries.becomes(8, "entente_tenant_pending_gpus", "guest")
    queries.becomes(1, "entente_evictions_total", "guest", 'cause="Guarantee"')
    queries.becomes(1, "entente_reclaim_duration_seconds_count", "owner")
    queries.becomes(1, "entente_reclaim_duration_seconds_bucket", "owner", 'le="300.0"')
    wasted = queries.value("entente_wasted_gpu_seconds_total", "guest", 'cause="Eviction"')
    assert wasted is not None
    assert wasted > 0


def test_a_tenant_that_is_gone_is_gone_from_prometheus(estate: Estate, queries: Queries) -> None:
    estate.tenant("brief", 8)
    queries.becomes(8, "entente_tenant_guaranteed_gpus", "brief")

    estate.plane.kubectl("delete", "tenant", queries.tenant("brief"), "--wait=false")

    queries.becomes(None, "entente_tenant_guaranteed_gpus", "brief")
    queries.becomes(None, "entente_reclaim_duration_seconds_count", "brief")


def test_nothing_that_is_scraped_has_a_label_that_is_not_declared(
    estate: Estate, scraper: Prometheus, queries: Queries
) -> None:
    lab = estate.tenant("lab", 8)
    estate.await_phase(estate.job(lab, "secret-project", 1, 8), "Running")
    queries.becomes(8, "entente_tenant_entitled_gpus", "lab")

    declared = {spec.family: set(spec.labels) for spec in CATALOGUE}
    series = [dict(labels) for labels in scraper.query_until('{__name__=~"entente_.+"}')]
    assert len(series) > len(CATALOGUE)
    for labels in series:
        name = labels["__name__"]
        family = next(name.removesuffix(end) for end in ENDINGS if name.removesuffix(end) in declared)
        assert set(labels) - OWN_LABELS <= declared[family], name
        assert not [value for value in labels.values() if "secret-project" in value]


def test_the_operator_counts_its_own_requests(scraper: Prometheus, operator: OperatorProcess) -> None:
    assert operator.leads()
    found = scraper.query_until('sum by (code) (entente_api_requests_total{verb="list", kind="nodes"})')

    assert found[frozenset({("code", "200")})] >= 1


QUERIES = re.findall(r"```promql\n(.+?)```", REFERENCE.read_text(), re.DOTALL)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.split("(")[0].split("\n")[0])
def test_a_query_of_the_reference_page_can_be_asked(scraper: Prometheus, query: str) -> None:
    scraper.query(query)


def test_the_page_has_queries_that_have_answers(estate: Estate, scraper: Prometheus, queries: Queries) -> None:
    queries.becomes(16, "entente_pool_free_gpus")
    in_use = next(query for query in QUERIES if query.startswith("1 - entente_pool_free_gpus"))
    seconds_since_a_cycle = next(query for query in QUERIES if "entente_last_cycle" in query)

    mine = {labels: value for labels, value in scraper.query_until(in_use).items() if ("pool", estate.pool) in labels}
    assert list(mine.values()) == [0]
    (seconds,) = scraper.query_until(seconds_since_a_cycle).values()
    assert 0 <= seconds < 60


def test_the_linter_of_prometheus_has_nothing_to_say(operator: OperatorProcess) -> None:
    _, body = operator.get("/metrics")

    said = subprocess.run(  # noqa: S603 # the pinned binary
        [str(ensure("promtool")), "check", "metrics"], input=body.encode(), capture_output=True, check=False, timeout=60
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")
