"""What a page quotes of a file is in that file."""

import pytest

from tests.support.pages import ROOT, Page, pages

QUOTING = [page for page in pages() if list(page.quotes)]


@pytest.mark.parametrize("page", QUOTING, ids=lambda page: page.name)
def test_a_quote_is_what_the_file_says(page: Page) -> None:
    for file, text in page.quotes:
        assert text in (ROOT / file).read_text(encoding="utf-8"), f"quote: {file}"


def test_the_way_from_torchrun_quotes_its_examples() -> None:
    page = Page(ROOT / "docs" / "how-to" / "from-torchrun.md")
    assert {file for file, _ in page.quotes} == {
        "examples/training/torchrun.yaml",
        "examples/training/save_on_sigterm.py",
    }
