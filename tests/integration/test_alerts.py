"""The chart's alerts as Prometheus takes them: they raise when they should, and are silent otherwise."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from localplane.binaries import ensure
from tests.support.helm import Helm, one

BINARIES = ("helm", "promtool")

HEALTHY = {
    "entente_build_info{version='1'}": "1x120",
    "entente_leader{pod='a'}": "1x120",
    "entente_leader{pod='b'}": "0x120",
    "entente_cycles_total{pod='a'}": "0+12x120",
    "entente_cycles_total{pod='b'}": "0x120",
}
"""Series of one sample a minute: two replicas, of which one leads and decides."""

FEW, MANY = "entente_reclaim_duration_seconds_bucket", "entente_reclaim_duration_seconds_count"


def reclaims(*, pool: str, within: Mapping[str, str], of: str) -> dict[str, str]:
    """How many of a tenant's reclaims took no longer than each bound, and how many there were."""
    labels = f"tenant='xai', pool='{pool}'"
    buckets = {f"{FEW}{{{labels}, le='{bound}'}}": values for bound, values in within.items()}
    return {**buckets, f"{FEW}{{{labels}, le='+Inf'}}": of, f"{MANY}{{{labels}}}": of}


@dataclass(frozen=True)
class Case:
    """What the operator's series were, and what raises at the end of the hour."""

    series: dict[str, str]
    raised: dict[str, str] = field(default_factory=dict)
    """Labels of the one alert, its name and severity included; none raises where empty."""
    values: dict[str, str] = field(default_factory=dict)


def raised(alert: str, severity: str, **labels: str) -> dict[str, str]:
    return {"alertname": alert, "severity": severity, **labels}


SHORT = {"prometheusRule__noticeSecondsByPool__small": "60"}
XAI = {"tenant": "xai", "pool": "h100"}

CASES = {
    "all is well": Case(HEALTHY),
    "no replica is seen": Case({}, raised("EntenteDown", "critical")),
    "none leads": Case(HEALTHY | {"entente_leader{pod='a'}": "1x40 0x80"}, raised("EntenteNoLeader", "critical")),
    "a new leader takes over in a minute": Case(
        HEALTHY
        | {
            "entente_leader{pod='a'}": "1x57 0x60",
            "entente_leader{pod='b'}": "0x58 1x60",
            "entente_cycles_total{pod='b'}": "0x58 0+12x60",
        }
    ),
    "the leader has never decided": Case(
        HEALTHY | {"entente_cycles_total{pod='a'}": "0x120"}, raised("EntenteStalled", "critical")
    ),
    "the leader decides no more": Case(
        HEALTHY | {"entente_cycles_total{pod='a'}": "0+12x50 600x70"}, raised("EntenteStalled", "critical")
    ),
    "half of the decisions take 5 to 10 s": Case(
        HEALTHY
        | {
            "entente_decision_duration_seconds_bucket{le='5.0'}": "0+6x120",
            "entente_decision_duration_seconds_bucket{le='10.0'}": "0+12x120",
            "entente_decision_duration_seconds_bucket{le='+Inf'}": "0+12x120",
        },
        raised("EntenteDecisionsSlow", "warning"),
    ),
    "one unforeseen error": Case(
        HEALTHY | {"entente_job_errors_total{stage='Act'}": "0x55 1x60"},
        raised("EntenteJobErrors", "warning", stage="Act"),
    ),
    "an unforeseen error an hour ago": Case(HEALTHY | {"entente_job_errors_total{stage='Act'}": "0x2 1x120"}),
    "the API server answers half of the requests": Case(
        HEALTHY
        | {
            "entente_api_requests_total{verb='GET', kind='pods', code='200'}": "0+5x120",
            "entente_api_requests_total{verb='GET', kind='pods', code='0'}": "0+5x120",
        },
        raised("EntenteApiErrors", "warning"),
    ),
    "conflicts, which the operator resolves": Case(
        HEALTHY
        | {
            "entente_api_requests_total{verb='PATCH', kind='pods', code='200'}": "0+5x120",
            "entente_api_requests_total{verb='PATCH', kind='pods', code='409'}": "0+5x120",
        }
    ),
    "a right is missing": Case(
        HEALTHY
        | {
            "entente_api_requests_total{verb='POST', kind='pods', code='201'}": "0+50x120",
            "entente_api_requests_total{verb='POST', kind='pods', code='403'}": "0+1x120",
        },
        raised("EntenteForbidden", "warning", verb="POST", kind="pods"),
    ),
    "one reclaim of many was late": Case(
        HEALTHY | reclaims(pool="h100", within={"60.0": "0+1x120", "300.0": "0+1x120"}, of="0+1x55 57+1x60"),
        raised("EntenteNoticeMissed", "critical", **XAI),
    ),
    "the first reclaim of all was late": Case(
        HEALTHY | reclaims(pool="h100", within={"60.0": "0x120", "300.0": "0x120"}, of="0x55 1x60"),
        raised("EntenteNoticeMissed", "critical", **XAI),
    ),
    "reclaims take a minute": Case(
        HEALTHY | reclaims(pool="h100", within={"60.0": "0+1x120", "300.0": "0+1x120"}, of="0+1x120")
    ),
    "a pool with a shorter notice has its own bound": Case(
        HEALTHY
        | reclaims(
            pool="small", within={"30.0": "0+1x120", "60.0": "0+1x120", "300.0": "0+1x55 57+1x60"}, of="0+1x55 57+1x60"
        ),
        raised("EntenteNoticeMissed", "critical", tenant="xai", pool="small"),
        SHORT,
    ),
    "another pool keeps the usual bound": Case(
        HEALTHY | reclaims(pool="h100", within={"60.0": "0x120", "120.0": "0+1x120", "300.0": "0+1x120"}, of="0+1x120"),
        values=SHORT,
    ),
    "reclaims take most of the notice": Case(
        HEALTHY | reclaims(pool="h100", within={"240.0": "0x120", "300.0": "0+1x120"}, of="0+1x120"),
        raised("EntenteReclaimSlow", "warning", **XAI),
    ),
    "more is guaranteed than there is": Case(
        HEALTHY | {"entente_pool_overcommitted{pool='h100'}": "1x120"},
        raised("EntentePoolOvercommitted", "warning", pool="h100"),
    ),
    "a fifth of the GPUs cannot be used": Case(
        HEALTHY
        | {"entente_pool_unusable_gpus{pool='h100'}": "8x120", "entente_pool_capacity_gpus{pool='h100'}": "32x120"},
        raised("EntenteGpusUnusable", "warning", pool="h100"),
    ),
    "one of very many hosts cannot be used": Case(
        HEALTHY
        | {"entente_pool_unusable_gpus{pool='h100'}": "8x120", "entente_pool_capacity_gpus{pool='h100'}": "800x120"}
    ),
}


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(ensure("helm"), tmp_path_factory.mktemp("helm"))


def rules(helm: Helm, folder: Path, values: Mapping[str, str]) -> Path:
    """The rules of the chart as a file for Prometheus."""
    path = folder / "rules.yaml"
    path.write_text(
        yaml.safe_dump(one(helm.template(prometheusRule__enabled="true", **values), "PrometheusRule")["spec"])
    )
    return path


def promtool(*arguments: str | Path) -> str:
    """Run it, and return what it prints; the test fails with that where it complains."""
    done = subprocess.run(  # noqa: S603 # the pinned binary with the test's own files
        [ensure("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def minutes(series: Mapping[str, str], **test: Any) -> dict[str, Any]:  # noqa: ANN401 # any part of a test's file
    """A test of promtool, with one sample a minute."""
    return {
        "interval": "1m",
        "input_series": [{"series": key, "values": value} for key, value in series.items()],
        **test,
    }


def told(folder: Path, path: Path, test: dict[str, Any]) -> Path:
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(path)], "evaluation_interval": "1m", "tests": [test]}))
    return file


def test_prometheus_takes_the_rules_and_has_nothing_to_add(helm: Helm, tmp_path: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", rules(helm, tmp_path, {}))


def test_prometheus_takes_the_rules_of_pools_with_a_notice_of_their_own(helm: Helm, tmp_path: Path) -> None:
    # Two alerts of one name look like a mistake to its linter; here each is about other pools.
    assert "SUCCESS" in promtool("check", "rules", "--lint=none", rules(helm, tmp_path, SHORT))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_raises_is_what_should(helm: Helm, tmp_path: Path, case: Case) -> None:
    labels = ", ".join(
        f'{name}="{value}"' for name, value in ({"__name__": "ALERTS", "alertstate": "firing"} | case.raised).items()
    )
    question = {
        "expr": 'ALERTS{alertstate="firing"}',
        "eval_time": "1h",
        "exp_samples": [{"labels": f"{{{labels}}}", "value": 1}] if case.raised else [],
    }

    promtool(
        "test",
        "rules",
        told(tmp_path, rules(helm, tmp_path, case.values), minutes(case.series, promql_expr_test=[question])),
    )


def test_each_alert_has_been_raised_once(helm: Helm) -> None:
    spec = one(helm.template(prometheusRule__enabled="true"), "PrometheusRule")["spec"]

    assert {rule["alert"] for group in spec["groups"] for rule in group["rules"]} == {
        case.raised["alertname"] for case in CASES.values() if case.raised
    }


def test_a_broken_promise_names_the_tenant_the_pool_and_the_notice(helm: Helm, tmp_path: Path) -> None:
    late = CASES["one reclaim of many was late"]
    expected = {
        "exp_labels": {"severity": "critical", **XAI},
        "exp_annotations": {
            "summary": "A promise was broken: xai got GPUs of pool h100 back too late.",
            "description": "A reclaim took longer than the notice of 300 s.",
        },
    }
    question = {"eval_time": "1h", "alertname": "EntenteNoticeMissed", "exp_alerts": [expected]}

    promtool(
        "test", "rules", told(tmp_path, rules(helm, tmp_path, {}), minutes(late.series, alert_rule_test=[question]))
    )
