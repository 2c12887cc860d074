"""Tables as lines of columns."""

import pytest

from entente.cli.columns import in_columns


def test_columns_are_as_wide_as_their_widest_cell_and_lines_end_where_their_text_does() -> None:
    rows = [("JOB", "WORKERS", "DETAIL"), ("a/long-name", "2", ""), ("b/x", "16", "where it is")]
    assert in_columns(rows).splitlines() == [
        "JOB           WORKERS   DETAIL",
        "a/long-name   2",
        "b/x           16        where it is",
    ]


def test_a_long_text_stays_on_its_line() -> None:
    assert in_columns([("A", "B"), ("x", "y " * 300 + "z")]).count("\n") == 2


def test_a_row_with_a_cell_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        in_columns([("A", "B"), ("x",)])
