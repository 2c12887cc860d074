"""`entente queue`: who waits, in what order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from entente.api.job import TrainingJob
from entente.api.reasons import Reason
from entente.cli.main import main
from entente.cli.queue import as_lines, in_order
from tests.support import eventful
from tests.support.eventful import MOMENT, ago, home, pending
from tests.support.recorded import Recorded


def job(name: str, status: dict[str, Any] | None = None, **spec: Any) -> TrainingJob:  # noqa: ANN401 - any field of the spec
    return TrainingJob.model_validate(eventful.job(name, "lab", status=status, **spec))


PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
SOON = (
    "It asks for 8 GPUs of pool h100. The pool has 0 free GPUs for it; more come free at a known time and are named "
    "for it."
)
SHORT = (
    "It asks for 16 GPUs of pool h100 (2 workers of 8). The pool has 4 free GPUs for it: 12 too few. Its tenant uses "
    "16 and is guaranteed 16."
)
FREED = "The operator frees 16 GPUs on 2 hosts of pool h100 for it, by 12:05:00 UTC at the latest."

WAITING = [
    job("second", pending("NoFreeGPUs", Reason.NO_FREE_GPUS.message(SHORT), 2, since=90), workers=2),
    job("new"),
    job("first", pending("Reserved", Reason.RESERVED.message(SOON), since=7200, eta=ago(-1800))),
    job(
        "grows",
        pending("Held", Reason.HELD.message(FREED), 3),
        workers=3,
        elastic={"minWorkers": 2, "maxWorkers": 4},
    ),
    job("runs", eventful.running({"a": 1})),
]


def test_each_is_told_in_its_place_with_its_message_as_the_reference_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    *shown, new, message = as_lines(in_order(WAITING), MOMENT, with_namespace=False)
    assert shown[0].startswith("#  JOB  ")
    assert "\n".join(["```", *shown, "```"]) in PAGE
    assert new == "-  new                 8  -           2h       -"
    assert message == "    The operator has not looked at it yet."


def ask(monkeypatch: pytest.MonkeyPatch, *args: str, closed: set[str] | None = None) -> Result:
    recorded = Recorded([*eventful.estate(), *home()], closed or set(), "anthropic-research")
    monkeypatch.setattr("entente.cli.queue.Cluster", lambda *_: recorded)
    return CliRunner().invoke(main, ["queue", *args])


def test_the_namespace_of_the_context_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(ask(monkeypatch, "-o", "json").output)
    assert [(job["job"], job["position"], job["reason"]) for job in found] == [
        ("anthropic-research/big", 1, "NeverFits"),
        ("anthropic-research/later", 1, "BudgetSpent"),
        ("anthropic-research/done-2", 2, "NoFreeGPUs"),
    ]
    assert (found[0]["gpus"], found[0]["workers"], found[0]["gpusPerWorker"]) == (72, 9, 8)


def test_another_namespace_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(ask(monkeypatch, "-n", "xai-research", "-o", "json").output)
    assert {job["job"] for job in found} == {"xai-research/again", "xai-research/claimant"}


def test_all_namespaces_are_those_that_one_may_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "xai-research/claimant" in ask(monkeypatch, "-A").output
    mine = ask(monkeypatch, "-A", closed={"trainingjobs", "trainingjobs/xai-research"}).output
    assert "xai-research" not in mine
    assert "anthropic-research/done-2" in mine
    assert mine.endswith("Not shown, since you may not read them: jobs of other namespaces.\n")


def test_a_namespace_that_is_closed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ask(monkeypatch, "-n", "xai-research", closed={"trainingjobs/xai-research"})
    assert refused.exit_code == 1
    assert 'Error: trainingjobs is forbidden: User "ada" cannot list' in refused.output


def test_an_empty_queue_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, "-n", "empty").output == "Nothing waits in namespace empty: there are no jobs.\n"


def test_the_order_does_not_depend_on_that_of_the_list() -> None:
    assert in_order(WAITING) == in_order(reversed(WAITING))
