"""The page of results in the repository, and how it is made from `results.json`."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.replay.page import BEGIN, END, SHORT_BEGIN, SHORT_END, generated, page
from bench.replay.short import in_short

FOLDER = Path(__file__).parents[4] / "docs" / "explanation"
TEXT = (FOLDER / "results.md").read_text(encoding="utf-8")
SECTIONS: dict[str, Any] = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


def test_the_page_has_the_figures_that_are_kept() -> None:
    assert page(TEXT, SECTIONS) == TEXT


def test_the_page_begins_with_what_is_won_and_lost() -> None:
    first = TEXT.partition(SHORT_BEGIN)[2].partition(SHORT_END)[0]
    assert first.strip() == in_short(SECTIONS)
    heads = [line.split("**")[1] for line in first.strip().splitlines()]
    assert len(heads) == 7
    assert any(head.startswith("A loss: ") for head in heads)


def test_every_missed_goal_has_a_cause() -> None:
    table = generated(SECTIONS).partition("## Philly")[0]
    missed = [line for line in table.splitlines() if "**missed" in line]
    assert missed
    assert all("**missed: " in line for line in missed)
    numbers = {line.split("|")[1].strip() for line in missed}
    told = [line.partition(":")[0] for line in table.splitlines() if line.startswith("- Figure")]
    assert {number for line in told for number in line.removeprefix("- Figure").strip("s ").split(", ")} == numbers


def test_what_is_no_loss_is_not_called_one() -> None:
    sizes = {"128+": {"jobs": 1, "mean_queue_h": 1.0}}
    rows = {"backfill": {"by_gpus": sizes}, "entente": {"by_gpus": sizes}}
    assert in_short({"gangs": {"rows": rows}}).startswith(
        "- **Very large gangs.** Gangs of 128 GPUs and more wait 1.0 h"
    )


def test_sentences_without_figures_are_left_out() -> None:
    assert not in_short({"philly": {"rows": {"entente": {}}}})


@pytest.mark.parametrize("text", ["# Ours\n", f"{BEGIN}\n", f"{SHORT_BEGIN}\n{BEGIN}\n{END}\n"])
def test_a_page_without_a_place_for_the_figures_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the page has no part between <!-- "):
        page(text, {})
