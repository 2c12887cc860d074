"""`entente why`: each state of a job in sentences, from what belongs to its own tenant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from entente.api.job import EvictionCause, TrainingJob
from entente.api.pool import GPUPool
from entente.api.reasons import Reason
from entente.api.tenant import Tenant
from entente.cli.account import account
from entente.cli.case import Case
from entente.cli.main import main
from tests.support import eventful, manifests
from tests.support.eventful import MOMENT, ago, home, pending, running
from tests.support.recorded import Recorded

POOL = GPUPool.model_validate(manifests.pool(noticeSeconds=300, minRuntimeSeconds=600))
TENANT = Tenant.model_validate(manifests.tenant())


def told(status: dict[str, Any], meta: dict[str, Any] | None = None, **spec: Any) -> str:  # noqa: ANN401 - any field
    """What is told of a job, in one line."""
    job = TrainingJob.model_validate(eventful.job("llm", "lab", status=status, meta=meta, **spec))
    return " ".join(account(Case(job, {"h100": POOL}, TENANT, MOMENT)))


def borrowed(since: float = 1800, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    status = running({"a": 1}, since=since, **more)
    status["allocation"]["class"] = "Borrowed"
    return status


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_is_told_with_its_numbers_and_what_ends_it(reason: Reason) -> None:
    text = told(pending(reason.value, reason.message("The numbers.", "somebody acts")))
    assert f"The reason is {reason}. The numbers. What ends the wait: somebody acts." in text
    assert ("Until then it is not in the queue." in text) is not reason.is_demand


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_without_a_message_is_told_in_its_own_words(reason: Reason) -> None:
    text = told(pending(reason.value, ""))
    assert f"The reason is {reason}. {reason.meaning} What ends the wait: {reason.remedy}." in text


def test_a_job_that_waits_is_told_with_its_place_in_the_queue() -> None:
    text = told(pending("NoFreeGPUs", "...", 3))
    assert text.startswith("lab/llm is Pending since 2026-11-23 11:50:00Z (10m), number 3 in the queue.")
    assert "No time is promised" in text


def test_a_promise_is_told_with_its_time() -> None:
    text = told(pending("NoFreeGPUs", "...", entitledSince=ago(60), eta=ago(-120)))
    assert "Pool h100 promises the GPUs within 5m, by 2026-11-23 12:04:00Z" in text
    assert "the promise is broken" not in text
    assert "It is expected to start at 2026-11-23 12:02:00Z, in 1m." in text or "in 2m." in text


def test_a_promise_that_was_broken_is_not_hidden() -> None:
    text = told(pending("NoFreeGPUs", "...", entitledSince=ago(420)))
    assert "That was 2m ago: the promise is broken." in text


def test_a_hold_is_told() -> None:
    hold = {"pool": "h100", "nodes": {"a": 1, "b": 1}, "since": ago(30), "until": ago(-90)}
    text = told({**pending("Held", "..."), "hold": hold}, workers=2)
    assert "The operator frees 16 GPUs on 2 hosts of pool h100 for it, and gives them to nobody else." in text


def test_a_job_that_nobody_has_looked_at_says_so() -> None:
    assert "The operator has not looked at it yet." in told({})


def test_a_spent_budget_is_told_with_its_figures() -> None:
    spent = manifests.tenant(budget={"gpuHours": 100, "periodDays": 10, "whenSpent": "Block"})
    spent["status"] = {"budget": {"periodStart": ago(86_400), "spentGpuHours": 100.25}}
    job = TrainingJob.model_validate(eventful.job("llm", "lab", status=pending("BudgetSpent", "...")))
    text = " ".join(account(Case(job, {}, Tenant.model_validate(spent), MOMENT)))
    assert "Its tenant spent 100.2 of 100 GPU-hours; nothing starts before the period is over at 2026-12-02" in text


def test_an_entitled_job_fears_its_own_tenant_only() -> None:
    text = told(running({"a": 2}), workers=2)
    assert "2 workers of 8 GPUs on 1 host of pool h100, 16 GPUs in all." in text
    assert "It is Entitled" in text
    assert "No other tenant can take its GPUs" in text
    assert "another tenant's guarantee" not in text


ELASTIC = {"elastic": {"minWorkers": 2, "maxWorkers": 10}}


@pytest.mark.parametrize(
    ("entitled", "words"), [(7, "The other 3 workers are borrowed: a job"), (9, "The other worker is borrowed: a job")]
)
def test_the_guarantee_covers_a_part_of_an_elastic_job(entitled: int, words: str) -> None:
    status = running({"a": 10})
    status["allocation"]["entitledWorkers"] = entitled
    text = told(status, workers=10, **ELASTIC)
    assert f"its tenant's guarantee covers {entitled} of its 10 workers. No other tenant can take theirs" in text
    assert f"{words} within another tenant's guarantee can take their GPUs at any time." in text


def test_a_borrowed_elastic_job_is_made_smaller_first() -> None:
    status = running({"a": 10})
    status["allocation"] |= {"class": "Borrowed", "entitledWorkers": 0}
    assert "It is elastic: it can lose 8 workers before" in told(status, workers=10, **ELASTIC)


@pytest.mark.parametrize(
    ("since", "words"),
    [(300, "Until 2026-11-23 12:05:00Z, its minimum runtime, no borrowed job"), (700, "Its minimum runtime is over")],
)
def test_a_borrowed_job_is_told_who_may_take_its_gpus(since: float, words: str) -> None:
    text = told(borrowed(since))
    assert "A job within another tenant's guarantee can take its GPUs at any time, and so can a job of its own" in text
    assert words in text


def test_after_three_evictions_other_borrowers_leave_it_alone() -> None:
    evictions = [{"at": ago(hour * 3600), "pool": "h100", "cause": "FairShare"} for hour in (3, 2, 1)]
    text = told(borrowed(evictions=evictions))
    assert "none of their borrowed jobs can do so now" in text
    assert "evicted 3 times in the last 24 hours, so this loss counts as" in text


LOSSES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "says nothing": (
        {},
        {},
        "29m of work and 5m to start again (not measured yet). It has reported no",
    ),
    "saves every ten minutes": ({}, {"checkpoint": {"intervalSeconds": 600}}, "every 10m, as its spec says"),
    "reported one": ({"lastCheckpoint": ago(120)}, {}, "2m of work and 5m to start again"),
    "saves when told": ({}, {"checkpoint": {"graceSeconds": 60}}, "0s of work and 5m to start again"),
    "was measured": ({"restartSeconds": 40.0}, {}, "40s to start again (measured)"),
}


@pytest.mark.parametrize(("status", "spec", "words"), LOSSES.values(), ids=LOSSES.keys())
def test_what_an_eviction_would_cost(status: dict[str, Any], spec: dict[str, Any], words: str) -> None:
    text = told(running({"a": 1}, **status), **spec)
    assert "If it were evicted now, it would lose" in text
    assert words in text


def test_the_cost_is_that_of_the_rules() -> None:
    assert "it would lose 0.93 GPU-hours on 8 GPUs: 2m of work and 5m" in told(
        running({"a": 1}, lastCheckpoint=ago(120))
    )


def test_a_job_on_call_and_its_limits_are_told() -> None:
    status = borrowed()
    status["allocation"]["onCall"] = True
    text = told(status, maxSeconds=3600, expectedSeconds=2400)
    assert "It is on call" in text
    assert "The operator stops it at 2026-11-23 12:30:20Z at the latest (maxSeconds)." in text
    assert "It is expected to end at 2026-11-23 12:10:20Z (expectedSeconds)." in text


def test_a_job_that_stops_says_why_and_until_when() -> None:
    stopping = {"since": ago(10), "until": ago(-50), "cause": "Evicted", "message": "told to save"}
    text = told({**running({"a": 1}, stopping=stopping), "phase": "Stopping"})
    assert "It was told to stop at 2026-11-23 11:59:50Z (Evicted) and is gone by 2026-11-23 12:00:50Z" in text
    assert "The operator says: told to save." in text


@pytest.mark.parametrize("cause", EvictionCause)
def test_evictions_are_told_with_their_cause_and_cost(cause: EvictionCause) -> None:
    eviction = {"at": ago(5000), "pool": "h100", "cause": cause.value}
    past = {"evictions": [eviction], "starts": 2, "gpuSeconds": 36_000.0, "wastedGpuSeconds": 9000.0}
    text = told({**pending("NoFreeGPUs", "..."), **past})
    assert f"- 2026-11-23 10:36:40Z in pool h100: {cause}, " in text
    assert "It started 2 times. The starts that are over used 10 GPU-hours; evictions and failures lost 2.5" in text


def test_a_failed_job_says_what_failed_it() -> None:
    told_ = {"reason": "RetryLimitExceeded", "message": "exit code 3", "lastTransitionTime": ago(1)}
    status = {"phase": "Failed", "failures": 4, "conditions": [{"type": "Failed", "status": "True", **told_}]}
    assert told(status) == "lab/llm is Failed. RetryLimitExceeded: exit code 3"


def test_a_job_that_failed_before_says_how_often_it_may() -> None:
    assert "It failed 1 time, and spec.retry.limit is 3." in told({**pending("NoFreeGPUs", "..."), "failures": 1})


def test_a_job_that_is_being_deleted_says_so() -> None:
    text = told(running({"a": 1}), {"deletionTimestamp": ago(1)})
    assert text.endswith("It is being deleted: its workers were told to save and stop.")


def ask(monkeypatch: pytest.MonkeyPatch, *args: str, closed: set[str] | None = None) -> Result:
    recorded = Recorded([*eventful.estate(), *home()], closed or set(), "anthropic-research")
    monkeypatch.setattr("entente.cli.why.Cluster", lambda *_: recorded)
    return CliRunner().invoke(main, ["why", *args])


PLACES = [["elastic"], ["anthropic-research/elastic"], ["elastic", "-n", "anthropic-research"]]


@pytest.mark.parametrize("args", PLACES)
def test_a_job_is_named_in_three_ways(monkeypatch: pytest.MonkeyPatch, args: list[str]) -> None:
    result = ask(monkeypatch, *args)
    assert result.exit_code == 0
    assert result.output.startswith("anthropic-research/elastic is Running")
    found = json.loads(ask(monkeypatch, *args, "-o", "json").output)
    assert found["job"] == "anthropic-research/elastic"
    assert found["allocation"]["workers"] == 2
    assert found["explanation"][0].startswith("anthropic-research/elastic is Running")


REFUSED = {
    "an unknown job": (["elastc"], 1, "no job elastc in namespace anthropic-research; did you mean elastic"),
    "a job unlike all": (["zzz"], 1, "it has big, borrower, done-1, done-2, elastic and others"),
    "an empty namespace": (["a", "-n", "none"], 1, "no job a in namespace none: there are no jobs"),
    "no name": (["a/b/c"], 2, "'a/b/c' is neither NAME nor NAMESPACE/NAME"),
    "half a name": (["lab/"], 2, "'lab/' is neither NAME nor NAMESPACE/NAME"),
    "two namespaces": (["lab/a", "-n", "b"], 2, "names the namespace lab, but --namespace says b"),
}


@pytest.mark.parametrize(("args", "code", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_mistake_is_explained(monkeypatch: pytest.MonkeyPatch, args: list[str], code: int, words: str) -> None:
    result = ask(monkeypatch, *args)
    assert (result.exit_code, words in result.output) == (code, True), result.output


def test_a_job_of_others_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    result = ask(monkeypatch, "xai-research/saver", closed={"trainingjobs/xai-research"})
    assert result.exit_code == 1
    assert "is forbidden" in result.output
    missing = ask(monkeypatch, "xai-research/other", closed={"trainingjobs/xai-research"})
    assert missing.output == result.output.replace("saver", "other"), "it does not tell whether there is such a job"


def test_who_may_read_neither_pools_nor_tenant_still_gets_an_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = {"gpupools", "tenants", "tenants/anthropic", "namespaces/anthropic-research"}
    result = ask(monkeypatch, "elastic", closed=closed)
    assert result.exit_code == 0
    assert "It is Entitled" in result.output
