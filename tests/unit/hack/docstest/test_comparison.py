import pytest

from docstest.comparison import difference, matches, merged

MATCHING = {
    "the same": ("a\nb", "a\nb"),
    "nothing": ("", ""),
    "other times": ("a 5s", "a 7m"),
    "any lines at the end": ("a\n...", "a\nb\nc"),
    "any lines that are none": ("a\n...\nb", "a\nb"),
    "any lines twice": ("...\nb\n...\nd", "a\nb\nc\nd"),
    "any lines before a line that is there twice": ("...\nb", "b\na\nb"),
    "any rest": ("error: ...", "error: something long"),
}
DIFFERING = {
    "a line that is gone": ("a\nb", "a"),
    "a line that is new": ("a", "a\nb"),
    "nothing in place of something": ("a", ""),
    "another order": ("a\nb", "b\na"),
    "lines after the last one": ("...\nb", "a\nb\nc"),
    "another beginning of a rest": ("error: ...", "warning: something"),
}


@pytest.mark.parametrize("case", MATCHING)
def test_it_matches(case: str) -> None:
    shown, printed = (text.splitlines() for text in MATCHING[case])

    assert matches(shown, printed)
    assert not difference(shown, printed, "a.md:1")


@pytest.mark.parametrize("case", DIFFERING)
def test_it_differs(case: str) -> None:
    shown, printed = (text.splitlines() for text in DIFFERING[case])

    assert not matches(shown, printed)
    assert difference(shown, printed, "a.md:1")


def test_a_difference_shows_what_is_compared_and_the_lines_around_it() -> None:
    shown = ["1", "2", "3", "4", "NAME  AGE", "x     5s", "...", "5", "6", "7", "8", "end"]
    printed = ["1", "2", "3", "4", "NAME  AGE", "y     3m", "left out", "5", "6", "7", "8", "END"]

    assert difference(shown, printed, "a.md:12").splitlines() == [
        "--- a.md:12 (shown)",
        "+++ printed",
        "@@",
        " 3",
        " 4",
        " NAME AGE",
        "-x <duration>",
        " ...",
        " 5",
        " 6",
        " 7",
        " 8",
        "-end",
        "+END",
    ]


MERGED = {
    "columns are as wide as they were printed": ("a  5s\nold", "a 7m\nnew", "a 7m\nnew"),
    "the rest of a line that is left out stays so": ("error: ...\nold", "error: long\nnew", "error: ...\nnew"),
    "nothing is filled": ("", "a\nb", "a\nb"),
    "lines that are left out stay so": ("old\n...\nlast", "new\nx\ny\nlast", "...\nlast"),
    "a new line after what is left out": ("...\nb", "a\nb\nc", "...\nb\nc"),
}


@pytest.mark.parametrize("case", MERGED)
def test_a_page_is_brought_up_to_date(case: str) -> None:
    shown, printed, result = (text.splitlines() for text in MERGED[case])

    assert merged(shown, printed) == result
    assert matches(result, printed)
