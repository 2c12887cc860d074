"""No link of a page leads nowhere, and every page can be reached from the index."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.pages import ROOT, Page, pages

PAGES = pages()
OUTSIDE = ("http://", "https://", "mailto:")


def _target(page: Page, link: str) -> tuple[Path, str]:
    """File and anchor that a relative link names."""
    name, _, anchor = link.partition("#")
    return ((page.path.parent / unquote(name)).resolve() if name else page.path), anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_of_a_page_leads_somewhere(page: Page) -> None:
    broken = []
    for link in page.links:
        if link.startswith(OUTSIDE):
            continue
        path, anchor = _target(page, link)
        if not path.exists() or not path.is_relative_to(ROOT):
            broken.append(f"{link}: no such file")
        elif anchor and path.suffix == ".md" and anchor not in Page(path).anchors:
            broken.append(f"{link}: no such heading")
    assert not broken


def test_the_index_of_the_docs_names_each_page_of_them() -> None:
    docs = ROOT / "docs"
    index = Page(docs / "README.md")
    linked = {_target(index, link)[0] for link in index.links if not link.startswith(OUTSIDE)}
    written = {page.path for page in PAGES if page.path.is_relative_to(docs)} - {index.path}
    assert not {str(path.relative_to(docs)) for path in written - linked}
