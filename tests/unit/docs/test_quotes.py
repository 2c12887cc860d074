"""What a page quotes of a file is in that file, whatever its indentation there."""

from textwrap import dedent

import pytest

from tests.support.pages import ROOT, Page, pages

QUOTING = [page for page in pages() if list(page.quotes)]


@pytest.mark.parametrize("page", QUOTING, ids=lambda page: page.name)
def test_a_quote_is_what_the_file_says(page: Page) -> None:
    for file, text in page.quotes:
        quoted, lines = text.splitlines(), (ROOT / file).read_text(encoding="utf-8").splitlines()
        parts = (lines[first : first + len(quoted)] for first in range(len(lines)))
        assert any(dedent("\n".join(part)).splitlines() == quoted for part in parts), f"quote: {file}"


def test_the_way_from_torchrun_quotes_its_examples() -> None:
    page = Page(ROOT / "docs" / "how-to" / "from-torchrun.md")
    assert {file for file, _ in page.quotes} == {
        "examples/training/torchrun.yaml",
        "examples/training/save_on_sigterm.py",
    }
