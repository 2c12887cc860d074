"""Tables as lines of columns."""

import pytest

from entente.cli.columns import in_columns, in_parts, lines_of


def test_columns_are_as_wide_as_their_widest_cell_and_lines_end_where_their_text_does() -> None:
    rows = [("JOB", "WORKERS", "DETAIL"), ("a/long-name", "2", ""), ("b/x", "16", "where it is")]
    assert in_columns(rows) == [
        "JOB           WORKERS   DETAIL",
        "a/long-name   2",
        "b/x           16        where it is",
    ]


def test_a_long_text_stays_on_its_line() -> None:
    assert len(in_columns([("A", "B"), ("x", "y " * 300 + "z")])) == 2


def test_a_row_with_a_cell_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        in_columns([("A", "B"), ("x",)])


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_stays_within_the_terminal_and_cuts_names_only(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = [("a" * 100, "7", "TopologyUnavailable"), ("short", "123456", "Held [x]")]
    lines = lines_of(("JOB", "GPUS", "REASON"), rows, right=("GPUS",), name="JOB")
    assert [len(line) <= columns for line in lines] == [True] * 3
    assert "…" in lines[1]
    assert lines[1].endswith("     7  TopologyUnavailable")
    assert lines[2].endswith("123456  Held [x]")


HEADERS = [("", "policy"), ("", "jobs"), ("delay h", "mean"), ("delay h", "p99")]
ROWS = [("static", "1,000", "2.50", "10.25"), ("fair", "900", "0.50", "7.00")]


def test_a_table_of_numbers_says_once_what_neighbours_are_about() -> None:
    assert [*in_parts(HEADERS, ROWS)] == [
        [
            "               delay h",
            "policy   jobs     mean    p99",
            "static  1,000     2.50  10.25",
            "fair      900     0.50   7.00",
        ]
    ]


def test_a_table_wider_than_the_terminal_goes_on_below_and_says_again_what_its_columns_are_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    wide = [*HEADERS, *[("delay h", "x" * 12)] * 4]
    parts = [*in_parts(wide, [(*row, *["1"] * 4) for row in ROWS])]
    assert [line.split() for line in parts[1]] == [
        ["delay", "h"],
        ["policy", "x" * 12, "x" * 12],
        ["static", "1", "1"],
        ["fair", "1", "1"],
    ]
    assert max(len(line) for part in parts for line in part) <= 60
