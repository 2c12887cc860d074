"""Every metric keeps the conventions of Prometheus, is shown as declared, and is on the reference page."""

import re
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from entente.api.job import EvictionCause
from entente.metrics.catalogue import CATALOGUE, MetricSpec, MetricType
from entente.metrics.instruments import Instruments
from entente.metrics.snapshot import OperatorSnapshot
from entente.metrics.waste import WasteCause

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"

BOUNDED_LABELS = {"stage", "tenant", "pool", "phase", "cause", "verb", "kind", "code", "version"}
"""None of them can hold the name of a job, a pod or a node."""

BASE_UNITS = {"seconds", "gpus", "gpu_seconds", ""}

by_name = pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.name)


def shown(instruments: Instruments, snapshot: OperatorSnapshot) -> dict[str, Metric]:
    """All families after one event of every kind."""
    instruments.publish(snapshot)
    instruments.observe_admission_wait("guest", "h100", 1.0)
    instruments.observe_reclaim("guest", "h100", 1.0)
    instruments.count_eviction("guest", "h100", EvictionCause.GUARANTEE)
    instruments.add_wasted_gpu_seconds("guest", "h100", WasteCause.EVICTION, 1.0)
    instruments.observe_decision(0.1)
    instruments.observe_request("get", "Pod", 200, 0.1)
    return {family.name: family for family in instruments.registry.collect() if family.name.startswith("entente_")}


@by_name
def test_a_name_is_lower_case_with_the_prefix_of_the_project(spec: MetricSpec) -> None:
    assert re.fullmatch(r"entente_[a-z]+(_[a-z]+)*", spec.name)


@by_name
def test_a_name_says_its_unit_last_and_only_counters_end_in_total(spec: MetricSpec) -> None:
    assert spec.unit in BASE_UNITS
    assert spec.name.endswith("_total") == (spec.type is MetricType.COUNTER)
    assert spec.family.endswith(f"_{spec.unit}" if spec.unit else "")
    assert not re.search(
        r"_(count|sum|bucket|info_total|milliseconds|minutes|hours|gauge|counter|histogram)$", spec.name
    )


@by_name
def test_labels_are_closed_sets_or_tenants_and_pools(spec: MetricSpec) -> None:
    assert set(spec.labels) <= BOUNDED_LABELS
    assert not [label for label in spec.labels if label in spec.name.split("_") and label not in {"tenant", "pool"}]


@by_name
def test_a_help_is_one_sentence(spec: MetricSpec) -> None:
    assert re.fullmatch(r"[A-Z0-9].*\.", spec.help)


@by_name
def test_only_histograms_have_buckets_and_those_rise(spec: MetricSpec) -> None:
    assert bool(spec.buckets) == (spec.type is MetricType.HISTOGRAM)
    assert sorted(set(spec.buckets)) == list(spec.buckets)


def test_no_metric_is_declared_twice() -> None:
    assert len({spec.family for spec in CATALOGUE}) == len(CATALOGUE)


@by_name
def test_a_metric_is_shown_with_the_type_the_unit_and_the_labels_declared(
    instruments: Instruments, snapshot: OperatorSnapshot, spec: MetricSpec
) -> None:
    family = shown(instruments, snapshot)[spec.family]

    assert family.type == spec.type.value
    assert family.unit == spec.unit
    assert family.samples
    assert {frozenset(sample.labels) - {"le"} for sample in family.samples} == {frozenset(spec.labels)}


def test_nothing_is_shown_that_is_not_declared(instruments: Instruments, snapshot: OperatorSnapshot) -> None:
    assert set(shown(instruments, snapshot)) == {spec.family for spec in CATALOGUE}


def reference_rows() -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """The page's tables: name, type, unit, labels."""
    row = re.compile(r"^\| `(?P<name>entente_\w+)` \| (?P<type>\w+) \| (?P<unit>[^|]*) \| (?P<labels>[^|]*) \| .+ \|$")
    rows = [match for line in REFERENCE.read_text().splitlines() if (match := row.match(line))]
    return {
        match["name"]: (match["type"], match["unit"].strip(), tuple(re.findall(r"`(\w+)`", match["labels"])))
        for match in rows
    }


def test_the_reference_page_tells_of_every_metric_what_the_code_declares() -> None:
    assert reference_rows() == {spec.name: (spec.type.value, spec.unit, spec.labels) for spec in CATALOGUE}


@pytest.mark.parametrize("cause", [*EvictionCause, *WasteCause])
def test_the_reference_page_explains_every_cause(cause: EvictionCause | WasteCause) -> None:
    assert f"`{cause.value}`" in REFERENCE.read_text()
