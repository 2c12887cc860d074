"""The figures of the comparison are those of the replays."""

import json
import re

import pytest

from tests.support.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "explanation" / "comparison.md")
RESULTS = json.loads((ROOT / "docs" / "explanation" / "results.json").read_text(encoding="utf-8"))
POLICIES = {"Entente": "entente", "`kueue`": "kueue", "`kai`": "kai", "`fair`": "fair"}


def _shown() -> list[dict[str, list[str]]]:
    """The rows of each table of figures by policy, in the order of the page."""
    tables = re.findall(r"^\|---\|(?:---:\|){9}\n((?:\|.*\n)+)", PAGE.text, re.MULTILINE)
    rows = [
        [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()] for table in tables
    ]
    return [{POLICIES[cells[0]]: cells[1:] for cells in table} for table in rows]


def _expected(experiment: str, policy: str) -> list[str]:
    row = RESULTS[experiment]["rows"][policy]
    reclaims = [row["reclaim_s"][name] for name in ("p50", "p99", "max")]
    return [
        f"{row['mean_jct_h']:.2f}",
        f"{row['mean_queue_h']:.2f}",
        f"{row['p99_queue_h']:.1f}",
        f"{row['wasted_gpu_h']:,.0f}",
        f"{row['evictions']:,}",
        f"{row['deficit']:.2%}".replace("%", " %"),
        *("-" if seconds is None else f"{seconds:,.0f}" for seconds in reclaims),
    ]


@pytest.mark.parametrize(("table", "experiment"), [(0, "philly"), (1, "philly-exclusive")])
def test_a_table_shows_what_was_replayed(table: int, experiment: str) -> None:
    shown = _shown()[table]
    assert shown == {policy: _expected(experiment, policy) for policy in POLICIES.values()}


def test_the_size_of_the_replay_is_the_one_that_is_named() -> None:
    for experiment in ("philly", "philly-exclusive"):
        assert f"{RESULTS[experiment]['jobs']:,} jobs" in PAGE.text
        assert f"{RESULTS[experiment]['capacity']:,} GPUs" in PAGE.text.replace("\n", " ")
