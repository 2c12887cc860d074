"""What the operator counts, and what becomes of it when tenants come and go."""

import dataclasses
from collections.abc import Callable

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from entente.api.job import EvictionCause
from entente.kube.transport import RequestObserver
from entente.metrics.instruments import Instruments
from entente.metrics.snapshot import OperatorSnapshot
from entente.metrics.waste import WasteCause

GRANT = {"tenant": "guest", "pool": "h100"}


def sample(instruments: Instruments, name: str, **labels: str) -> float | None:
    return instruments.registry.get_sample_value(name, labels)


def test_an_admission_wait_falls_into_its_bucket(instruments: Instruments) -> None:
    instruments.observe_admission_wait("guest", "h100", 42.0)

    assert sample(instruments, "entente_job_admission_wait_seconds_bucket", **GRANT, le="15.0") == 0
    assert sample(instruments, "entente_job_admission_wait_seconds_bucket", **GRANT, le="60.0") == 1
    assert sample(instruments, "entente_job_admission_wait_seconds_sum", **GRANT) == 42.0


def test_a_reclaim_that_broke_a_notice_of_300_s_is_told_from_one_that_kept_it(instruments: Instruments) -> None:
    instruments.observe_reclaim("guest", "h100", 300.0)
    instruments.observe_reclaim("guest", "h100", 301.0)

    assert sample(instruments, "entente_reclaim_duration_seconds_bucket", **GRANT, le="300.0") == 1
    assert sample(instruments, "entente_reclaim_duration_seconds_count", **GRANT) == 2


@pytest.mark.parametrize("cause", EvictionCause)
def test_evictions_are_counted_by_cause(instruments: Instruments, cause: EvictionCause) -> None:
    instruments.count_eviction("guest", "h100", cause)
    instruments.count_eviction("guest", "h100", cause)

    assert sample(instruments, "entente_evictions_total", **GRANT, cause=cause.value) == 2


def test_wasted_work_adds_up_in_gpu_seconds(instruments: Instruments) -> None:
    instruments.add_wasted_gpu_seconds("guest", "h100", WasteCause.EVICTION, 7200.0)
    instruments.add_wasted_gpu_seconds("guest", "h100", WasteCause.EVICTION, 0.5)

    assert sample(instruments, "entente_wasted_gpu_seconds_total", **GRANT, cause="Eviction") == 7200.5


def test_lost_work_cannot_be_negative(instruments: Instruments) -> None:
    with pytest.raises(ValueError, match="non-negative"):
        instruments.add_wasted_gpu_seconds("guest", "h100", WasteCause.FAILURE, -1.0)


def test_a_decision_is_timed(instruments: Instruments) -> None:
    instruments.observe_decision(0.02)

    assert sample(instruments, "entente_decision_duration_seconds_bucket", le="0.01") == 0
    assert sample(instruments, "entente_decision_duration_seconds_bucket", le="0.025") == 1


def test_requests_are_counted_by_verb_kind_and_code(instruments: Instruments) -> None:
    instruments.observe_request("patch", "trainingjobs/status", 409, 0.03)
    instruments.observe_request("patch", "trainingjobs/status", 200, 0.03)
    instruments.observe_request("create", "pods", 0, 30.0)

    name = "entente_api_requests_total"
    assert sample(instruments, name, verb="patch", kind="trainingjobs/status", code="409") == 1
    assert sample(instruments, name, verb="patch", kind="trainingjobs/status", code="200") == 1
    assert sample(instruments, name, verb="create", kind="pods", code="0") == 1
    assert (
        sample(instruments, "entente_api_request_duration_seconds_count", verb="patch", kind="trainingjobs/status") == 2
    )


def test_the_client_of_the_api_server_takes_it_for_its_observer(instruments: Instruments) -> None:
    observer: RequestObserver = instruments.observe_request
    observer("watch", "pods", 200, 0.02)

    assert sample(instruments, "entente_api_requests_total", verb="watch", kind="pods", code="200") == 1
    assert sample(instruments, "entente_api_request_duration_seconds_sum", verb="watch", kind="pods") == 0.02


def test_series_of_a_grant_exist_at_zero_before_its_first_event(
    instruments: Instruments, snapshot: OperatorSnapshot
) -> None:
    instruments.publish(snapshot)

    assert sample(instruments, "entente_job_admission_wait_seconds_count", **GRANT) == 0
    assert sample(instruments, "entente_reclaim_duration_seconds_count", **GRANT) == 0
    for cause in EvictionCause:
        assert sample(instruments, "entente_evictions_total", **GRANT, cause=cause.value) == 0
    for waste in WasteCause:
        assert sample(instruments, "entente_wasted_gpu_seconds_total", **GRANT, cause=waste.value) == 0


EVENTS: dict[str, tuple[Callable[[Instruments], None], str, dict[str, str]]] = {
    "an eviction": (
        lambda instruments: instruments.count_eviction("guest", "h100", EvictionCause.GUARANTEE),
        "entente_evictions_total",
        {"cause": "Guarantee"},
    ),
    "lost work": (
        lambda instruments: instruments.add_wasted_gpu_seconds("guest", "h100", WasteCause.NODE_LOST, 1.0),
        "entente_wasted_gpu_seconds_total",
        {"cause": "NodeLost"},
    ),
    "an admission": (
        lambda instruments: instruments.observe_admission_wait("guest", "h100", 1.0),
        "entente_job_admission_wait_seconds_count",
        {},
    ),
    "a reclaim": (
        lambda instruments: instruments.observe_reclaim("guest", "h100", 1.0),
        "entente_reclaim_duration_seconds_count",
        {},
    ),
}


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_outlives_every_cycle_as_long_as_its_tenant_and_pool_are_there(
    instruments: Instruments, snapshot: OperatorSnapshot, event: str
) -> None:
    happen, name, labels = EVENTS[event]
    happen(instruments)
    instruments.publish(snapshot)
    instruments.publish(dataclasses.replace(snapshot, cycle=8))
    happen(instruments)

    assert sample(instruments, name, **GRANT, **labels) == 2


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_disappears_with_its_tenant_even_when_it_came_after_the_last_cycle(
    instruments: Instruments, snapshot: OperatorSnapshot, event: str
) -> None:
    happen, name, labels = EVENTS[event]
    without_tenants = dataclasses.replace(
        snapshot, books={pool: dataclasses.replace(book, tenants={}) for pool, book in snapshot.books.items()}
    )
    instruments.publish(snapshot)
    instruments.publish(without_tenants)
    happen(instruments)
    instruments.publish(without_tenants)

    assert sample(instruments, name, **GRANT, **labels) is None


def test_two_operators_in_one_process_do_not_share_their_counts(instruments: Instruments) -> None:
    other = Instruments("1.2.3")
    other.count_eviction("guest", "h100", EvictionCause.PRIORITY)

    assert sample(instruments, "entente_evictions_total", **GRANT, cause="Priority") is None


def test_a_scraper_that_asks_for_openmetrics_gets_it(instruments: Instruments, snapshot: OperatorSnapshot) -> None:
    instruments.publish(snapshot)
    content_type, body = instruments.render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")

    families = {family.name: family for family in openmetrics_families(body.decode())}  # type: ignore[no-untyped-call] # the library has no types there
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert families["entente_pool_free_gpus"].unit == "gpus"
    assert families["entente_evictions"].type == "counter"


def test_anybody_else_gets_the_text_format(instruments: Instruments, snapshot: OperatorSnapshot) -> None:
    instruments.publish(snapshot)
    content_type, body = instruments.render()

    assert content_type.startswith("text/plain; version=")
    assert len(list(text_string_to_metric_families(body.decode()))) > 20


def test_the_process_is_measured_too(instruments: Instruments) -> None:
    resident = sample(instruments, "process_resident_memory_bytes")

    assert resident is not None
    assert resident > 1_000_000
