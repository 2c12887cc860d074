"""The chart's alerts: of metrics that exist, each with a page of what to do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from entente.api.pool import DEFAULT_NOTICE_SECONDS
from entente.metrics.catalogue import CATALOGUE, RECLAIM_BUCKETS, MetricType

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "entente"
TEMPLATES = "".join((CHART / "templates" / name).read_text() for name in ("prometheusrule.yaml", "_helpers.tpl"))
SERIES = {
    f"{spec.name}{ending}"
    for spec in CATALOGUE
    for ending in (("_bucket", "_count", "_sum") if spec.type is MetricType.HISTOGRAM else ("",))
}
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())["prometheusRule"]
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())["properties"]["prometheusRule"]
PAGE = (ROOT / "docs" / "reference" / "alerts.md").read_text()

ALERTS = re.findall(r"- alert: (\w+)", TEMPLATES)
NAMED = sorted(set(re.findall(r"\bentente_\w+", TEMPLATES)))


@pytest.mark.parametrize("series", NAMED)
def test_an_alert_asks_for_what_the_operator_has(series: str) -> None:
    assert series in SERIES


def test_alerts_ask_for_something() -> None:
    assert len(ALERTS) == len(set(ALERTS)) > 10
    assert len(NAMED) > 5


def test_each_alert_has_its_part_of_the_page_and_no_part_is_of_another() -> None:
    assert sorted(re.findall(r"(?m)^## (\w+)$", PAGE)) == sorted(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_the_page_says_how_urgent_an_alert_is_when_it_comes_and_what_to_do(alert: str) -> None:
    part = PAGE.partition(f"## {alert}\n")[2].partition("\n## ")[0]
    severity = re.search(r"severity: (\w+)", TEMPLATES.partition(f"- alert: {alert}\n")[2])

    assert severity is not None
    assert part.strip().startswith(f"{severity[1].capitalize()}, ")
    assert "\n- " in part


def test_the_page_names_each_value_and_its_default() -> None:
    rows = dict(re.findall(r"(?m)^\| `prometheusRule\.(\w+)` \| ([^|]+) \|", PAGE))

    assert rows == {
        name: str(default) if isinstance(default, int | float) else "none"
        for name, default in VALUES.items()
        if name != "enabled"
    }


def test_a_notice_can_be_what_the_histogram_can_tell_apart() -> None:
    allowed = [int(bound) for bound in RECLAIM_BUCKETS if bound >= 30]  # no pool promises less than 30 s

    assert SCHEMA["properties"]["noticeSeconds"]["enum"] == allowed
    assert SCHEMA["properties"]["noticeSecondsByPool"]["additionalProperties"]["enum"] == allowed


def test_the_notice_is_that_of_a_pool_that_names_none() -> None:
    assert VALUES["noticeSeconds"] == DEFAULT_NOTICE_SECONDS
