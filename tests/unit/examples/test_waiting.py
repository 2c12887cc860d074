"""Each reason to wait has an example, which is decided so, and a section that shows it."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from entente.api.reasons import Reason
from entente.cli.documents import read
from entente.engine.decisions import Decision, Hold, Wait
from entente.engine.intake import snapshot
from entente.engine.planner import decide

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "examples" / "waiting"
PAGE = (ROOT / "docs" / "how-to" / "why-is-my-job-waiting.md").read_text(encoding="utf-8")
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def _file(reason: Reason) -> Path:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", reason.replace("GPUs", "Gpus"))
    return FOLDER / f"{words.lower()}.yaml"


def _decided(reason: Reason) -> Decision:
    """What is decided about the job `mine`."""
    objects = read([str(FOLDER / "estate.yaml"), str(_file(reason))])
    plan = decide(snapshot(NOW, objects.pools, objects.tenants, objects.jobs, objects.nodes, objects.pods))
    return next(decision for decision in plan.decisions if decision.job.endswith("/mine"))


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.HELD])
def test_the_example_of_a_reason_waits_for_it(reason: Reason) -> None:
    decision = _decided(reason)
    assert isinstance(decision, Wait)
    assert decision.reason is reason


def test_the_example_of_a_hold_is_given_one() -> None:
    assert isinstance(_decided(Reason.HELD), Hold)


def test_there_is_no_example_of_anything_else() -> None:
    assert set(FOLDER.iterdir()) == {FOLDER / "estate.yaml", *map(_file, Reason)}


def test_the_page_has_a_section_for_each_reason_in_their_order() -> None:
    assert re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE) == list(Reason)
    assert all(f"examples/waiting/{_file(reason).name}" in PAGE for reason in Reason)
