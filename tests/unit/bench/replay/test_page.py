"""The page of results in the repository, and how it is made from `results.json`."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.replay.page import BEGIN, END, SHORT_BEGIN, SHORT_END, page, reached
from bench.replay.short import in_short

FOLDER = Path(__file__).parents[4] / "docs" / "explanation"
TEXT = (FOLDER / "results.md").read_text(encoding="utf-8")
SECTIONS: dict[str, Any] = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


def test_the_page_has_the_figures_that_are_kept() -> None:
    assert page(TEXT, SECTIONS) == TEXT


def test_the_page_begins_with_what_is_won_and_lost() -> None:
    first = TEXT.partition(SHORT_BEGIN)[2].partition(SHORT_END)[0]
    assert first.strip().startswith(in_short(SECTIONS))
    heads = [line.split("**")[1] for line in in_short(SECTIONS).splitlines()]
    assert len(heads) == 7
    assert any(head.startswith("A loss: ") for head in heads)


def test_every_missed_goal_has_a_cause() -> None:
    told_of = reached(SECTIONS).splitlines()
    missed = [line for line in told_of if "**missed" in line]
    assert missed
    assert all("**missed: " in line for line in missed)
    numbers = {line.split("|")[1].strip() for line in missed}
    told = [line.partition(":")[0] for line in told_of if line.startswith("- Figure")]
    assert {number for line in told for number in line.removeprefix("- Figure").strip("s ").split(", ")} == numbers


def of(experiment: str, policy: str, name: str) -> float:
    row = SECTIONS[experiment]["rows"][policy]
    value: float = row["by_gpus"][name]["mean_queue_h"] if name in row["by_gpus"] else row[name]
    return value


PROSE = " ".join(TEXT.partition("## What stands behind the figures")[2].partition("## How the traces")[0].split())


@pytest.mark.parametrize(
    "sentence",
    [
        pytest.param(
            f"mean delay is {of('philly', 'static', 'mean_queue_h'):.1f} h in partitions and"
            f" {of('philly', 'backfill', 'mean_queue_h'):.1f} to {of('philly', 'easy', 'mean_queue_h'):.1f} h in one",
            id="partitions or one queue",
        ),
        pytest.param(
            f"take {of('philly', 'backfill', 'worst_tenant_vs_static'):.2f} times as long on Philly,"
            f" and {of('itp', 'backfill', 'worst_tenant_vs_static'):.0f} times on ITP",
            id="without guarantees",
        ),
        pytest.param(
            f"wait {of('philly', 'entente', '9-127'):.0f} h with Entente, {of('philly', 'kueue', '9-127'):.0f} h with"
            f" `kueue` and {of('philly', 'fair', '9-127'):.0f} h with `fair`. Jobs of 1 GPU pay for it: they wait"
            f" {of('philly', 'entente', '1'):.1f} h, and {of('philly', 'fair', '1'):.1f} h with `fair`",
            id="beside fair",
        ),
        pytest.param(
            f"{100 * of('saturation', 'entente', 'utilisation_while_waiting'):.1f} % of the GPUs are in use while jobs"
            f" wait ({100 * of('saturation', 'kueue', 'utilisation_while_waiting'):.1f} % with `kueue`,"
            f" {100 * of('saturation', 'fair', 'utilisation_while_waiting'):.1f} % with `fair`)",
            id="saturation: GPUs",
        ),
        pytest.param(
            f"a mean delay of {of('saturation', 'entente', 'mean_queue_h'):.1f} h"
            f" ({of('saturation', 'kueue', 'mean_queue_h'):.1f} h and"
            f" {of('saturation', 'fair', 'mean_queue_h'):.1f} h)",
            id="saturation: delays",
        ),
        pytest.param(
            f"{of('philly-exclusive', 'kueue', 'mean_queue_h'):.1f} h in place of"
            f" {of('philly', 'kueue', 'mean_queue_h'):.1f} h with `kueue` and"
            f" {of('philly-exclusive', 'kai', 'mean_queue_h'):.1f} h in place of"
            f" {of('philly', 'kai', 'mean_queue_h'):.1f} h with `kai`",
            id="one tenant a host",
        ),
        pytest.param(
            f"Evictions cost Entente {of('gangs', 'entente', 'wasted_gpu_h'):,.0f} GPU-hours there", id="large gangs"
        ),
        pytest.param(
            f"the lowest part is {100 * of('philly', 'fair', 'jobs_10pct_later_than_static'):.2f} %, with `fair`",
            id="later than in partitions",
        ),
        pytest.param(
            f"mean delay of {of('small', 'entente', 'mean_queue_h'):.3f} h against"
            f" {of('small', 'kueue', 'mean_queue_h'):.3f} h, and a deficit of"
            f" {100 * of('small', 'entente', 'deficit'):.2f} % against {100 * of('small', 'kueue', 'deficit'):.2f} %",
            id="the small slice",
        ),
        pytest.param(
            f"Entente's mean completion time is {of('failures', 'entente', 'mean_jct_h'):.2f} h in place of"
            f" {of('philly', 'entente', 'mean_jct_h'):.2f} h and its deficit"
            f" {100 * of('failures', 'entente', 'deficit'):.2f} % in place of"
            f" {100 * of('philly', 'entente', 'deficit'):.2f} %; with `kueue` it is"
            f" {of('failures', 'kueue', 'mean_jct_h'):.2f} h in place of {of('philly', 'kueue', 'mean_jct_h'):.2f} h",
            id="how far to trust a figure",
        ),
    ],
)
def test_the_prose_says_what_the_figures_are(sentence: str) -> None:
    assert sentence in PROSE


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
