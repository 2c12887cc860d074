"""The gauges of one snapshot, read back by the official parser."""

import dataclasses

import pytest
from prometheus_client.parser import text_string_to_metric_families

from entente.metrics.instruments import Instruments
from entente.metrics.snapshot import OperatorSnapshot

Labels = dict[str, str]


def samples(instruments: Instruments) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    _, body = instruments.render()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def value(instruments: Instruments, name: str, **labels: str) -> float | None:
    return samples(instruments).get((name, frozenset(labels.items())))


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        pytest.param("entente_pool_capacity_gpus", {"pool": "h100"}, 128, id="capacity of a pool"),
        pytest.param("entente_pool_free_gpus", {"pool": "h100"}, 3, id="free in a pool"),
        pytest.param("entente_pool_unusable_gpus", {"pool": "h100"}, 8, id="on nodes out of service"),
        pytest.param("entente_pool_unusable_gpus", {"pool": "a100"}, 0, id="no node out of service"),
        pytest.param("entente_pool_overcommitted", {"pool": "h100"}, 0, id="guarantees whole"),
        pytest.param("entente_pool_overcommitted", {"pool": "a100"}, 1, id="guarantees shrunken"),
        pytest.param("entente_tenant_guaranteed_gpus", {"tenant": "guest", "pool": "h100"}, 32, id="guaranteed"),
        pytest.param("entente_tenant_entitled_gpus", {"tenant": "guest", "pool": "h100"}, 40, id="entitled"),
        pytest.param("entente_tenant_borrowed_gpus", {"tenant": "guest", "pool": "h100"}, 24, id="borrowed"),
        pytest.param("entente_tenant_lent_gpus", {"tenant": "owner", "pool": "h100"}, 24, id="lent"),
        pytest.param("entente_tenant_charged_gpus", {"tenant": "guest", "pool": "h100"}, 56, id="charged"),
        pytest.param("entente_tenant_due_gpus", {"tenant": "guest", "pool": "h100"}, 40, id="due"),
        pytest.param("entente_tenant_pending_gpus", {"tenant": "guest", "pool": "h100"}, 16, id="pending"),
        pytest.param("entente_jobs", {"tenant": "guest", "phase": "Running"}, 5, id="jobs of a phase"),
        pytest.param("entente_jobs", {"tenant": "owner", "phase": "Running"}, 0, id="a tenant without jobs is at zero"),
        pytest.param("entente_jobs", {"tenant": "", "phase": "Pending"}, 1, id="a job of no tenant"),
        pytest.param("entente_cycles_total", {}, 7, id="cycles"),
        pytest.param("entente_last_cycle_timestamp_seconds", {}, 1_800_000_000.5, id="last cycle"),
        pytest.param("entente_leader", {}, 1, id="leader"),
        pytest.param("entente_build_info", {"version": "1.2.3"}, 1, id="build"),
    ],
)
def test_a_scrape_shows_the_figure_of_the_last_snapshot(
    instruments: Instruments, snapshot: OperatorSnapshot, name: str, labels: Labels, expected: float
) -> None:
    instruments.publish(snapshot)

    assert value(instruments, name, **labels) == expected


def test_a_later_snapshot_replaces_the_earlier_one(instruments: Instruments, snapshot: OperatorSnapshot) -> None:
    instruments.publish(snapshot)
    full = dataclasses.replace(snapshot.books["h100"], free=0)
    instruments.publish(dataclasses.replace(snapshot, cycle=8, books={**snapshot.books, "h100": full}))

    assert value(instruments, "entente_pool_free_gpus", pool="h100") == 0
    assert value(instruments, "entente_cycles_total") == 8


def test_a_pool_that_is_gone_has_no_series(instruments: Instruments, snapshot: OperatorSnapshot) -> None:
    instruments.publish(snapshot)
    instruments.publish(dataclasses.replace(snapshot, books={"h100": snapshot.books["h100"]}))

    assert not [labels for _, labels in samples(instruments) if ("pool", "a100") in labels]
    assert value(instruments, "entente_pool_capacity_gpus", pool="h100") == 128


def test_a_tenant_that_is_gone_has_no_series(instruments: Instruments, snapshot: OperatorSnapshot) -> None:
    instruments.publish(snapshot)
    h100 = snapshot.books["h100"]
    left = dataclasses.replace(h100, tenants={"owner": h100.tenants["owner"]})
    instruments.publish(dataclasses.replace(snapshot, books={"h100": left}, jobs={}))

    assert not [labels for _, labels in samples(instruments) if ("tenant", "guest") in labels]
    assert value(instruments, "entente_tenant_lent_gpus", tenant="owner", pool="h100") == 24


def test_a_standby_shows_no_books_so_that_sums_over_replicas_stay_right(
    instruments: Instruments, snapshot: OperatorSnapshot
) -> None:
    instruments.publish(dataclasses.replace(snapshot, leader=False))

    names = {name for name, _ in samples(instruments)}
    assert value(instruments, "entente_leader") == 0
    assert not [name for name in names if name.startswith(("entente_pool_", "entente_tenant_", "entente_jobs"))]


def test_before_the_first_cycle_no_time_of_a_cycle_is_claimed(instruments: Instruments) -> None:
    assert value(instruments, "entente_cycles_total") == 0
    assert value(instruments, "entente_last_cycle_timestamp_seconds") is None
