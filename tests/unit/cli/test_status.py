"""`entente status`: all see what they may."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from entente.cli.main import main
from tests.support.eventful import estate, home
from tests.support.recorded import Recorded

Ask = Callable[..., Result]

MEMBER = {"tenants", "trainingjobs", "nodes", "pods", "trainingjobs/xai-research", "tenants/xai"}
"""What a person of `anthropic` may not read."""


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Call the command as somebody to whom this is closed."""

    def call(*args: str, closed: set[str] | None = None, more: tuple[dict[str, Any], ...] = ()) -> Result:
        recorded = Recorded([*estate(), *home(), *more], closed or set(), "anthropic-research")
        monkeypatch.setattr("entente.cli.status.Cluster", lambda *_: recorded)
        monkeypatch.setenv("COLUMNS", "80")
        result = CliRunner().invoke(main, ["status", *args])
        assert result.exit_code == 0, result.output
        return result

    return call


def test_an_admin_sees_all(ask: Ask) -> None:
    assert (
        ask().output
        == """\
POOL  NODES  CAPACITY  FREE  GUARANTEED  NOTICE
h100      8        56     8          64      5m

TENANT     POOL  GUARANTEED  ENTITLED  BORROWED  LENT  DUE  PENDING
anthropic  h100          24        16         0     0   24        8
fresh      -              -         -         -     -    -        -
xai        h100          32        24         0     8   32        8

NAMESPACE           PENDING  RUNNING  SUSPENDED  SUCCEEDED  GPUS  ASKED
anthropic-research        3        2          0          1    16      8
fresh-research            1        0          0          0     0      8
xai-research              2        3          1          0    24      8

Tenant anthropic: 10.1 of 10 GPU-hours are spent in the 30 days from 2026-11-22
12:00 UTC on.
"""
    )


def test_a_tenants_person_sees_his_own_and_the_pools_totals_and_what_is_kept_from_him(ask: Ask) -> None:
    text = ask(closed=MEMBER).output
    assert "xai" not in text
    assert "fresh" not in text
    assert "anthropic  h100          24        16         0     0   24        8" in text
    assert "Not shown, since you may not read them: other tenants and jobs of other\nnamespaces." in text


def test_who_has_rights_in_a_namespace_only_sees_its_jobs(ask: Ask) -> None:
    closed = {*MEMBER, "gpupools", "namespaces/anthropic-research", "tenants/anthropic"}
    assert ask(closed=closed).output == (
        "NAMESPACE           PENDING  RUNNING  SUCCEEDED  GPUS  ASKED\n"
        "anthropic-research        3        2          1    16      8\n\n"
        "Not shown, since you may not read them: the pools, tenants and jobs of other\nnamespaces.\n"
    )


def test_who_may_see_nothing_is_told_so(ask: Ask) -> None:
    closed = {*MEMBER, "gpupools", "tenants/anthropic", "trainingjobs/anthropic-research"}
    text = ask(closed=closed).output
    assert text.startswith("No jobs that you may see.\n")
    assert "jobs of anthropic-research" in text


def test_what_is_not_well_is_said(ask: Ask) -> None:
    pool = next(obj for obj in estate() if obj["kind"] == "GPUPool")
    told = {"reason": "r", "lastTransitionTime": "2026-11-23T12:00:00Z"}
    short = {"type": "Overcommitted", "status": "True", "message": "64 GPUs are guaranteed, 56 are there", **told}
    fine = {"type": "Quiet", "status": "False", "message": "not to be said", **told}
    other = {**pool, "metadata": {"name": "a100"}, "status": {"conditions": [short, fine]}}
    ready = {"type": "Ready", "status": "False", "message": "the namespace x is taken", **told}
    tenant = {**next(obj for obj in estate() if obj["kind"] == "Tenant"), "metadata": {"name": "odd"}}
    text = ask(more=(other, {**tenant, "status": {"conditions": [ready]}})).output
    assert "Pool a100: Overcommitted: 64 GPUs are guaranteed, 56 are there\n" in text
    assert "Tenant odd: not Ready: the namespace x is taken\n" in text
    assert "not to be said" not in text


def test_an_object_that_cannot_be_read_is_named(ask: Ask) -> None:
    wrong = {**next(obj for obj in estate() if obj["kind"] == "GPUPool"), "metadata": {"name": "odd"}, "spec": {}}
    assert "Left out: GPUPool odd cannot be read: spec.nodeSelector: Field required" in ask(more=(wrong,)).output


def test_programs_get_the_same(ask: Ask) -> None:
    found = json.loads(ask("-o", "json", closed=MEMBER).output)
    assert found["pools"][0] == {
        "name": "h100",
        "nodes": 8,
        "capacity": 56,
        "free": 8,
        "guaranteed": 64,
        "noticeSeconds": 300,
        "notes": [],
    }
    assert [tenant["name"] for tenant in found["tenants"]] == ["anthropic"]
    assert found["tenants"][0]["pools"][0]["pending"] == 8
    assert found["jobs"] == [
        {
            "namespace": "anthropic-research",
            "tenant": "anthropic",
            "phases": {"Pending": 3, "Running": 1, "Stopping": 1, "Succeeded": 1},
            "gpusInUse": 16,
            "gpusAsked": 8,
        }
    ]
    assert found["notShown"] == ["other tenants", "jobs of other namespaces"]
