"""Which pages are tested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from docstest.page import Page, PageError, parse

ROOT = Path(__file__).parents[2]
FORMS = ("README.md", "docs/tutorial/*.md", "docs/how-to/*.md")


def names() -> list[str]:
    """Return the paths of all pages that are tested."""
    found = {str(path.relative_to(ROOT)) for form in FORMS for path in ROOT.glob(form)}
    return sorted(found)


def chosen(everything: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Return the pages that somebody asked for by path or a part of it; all when they asked for none.

    Raises:
        PageError: no page has such a path.
    """
    for argument in arguments:
        if not any(argument in name for name in everything):
            message = f"{argument}: no such page; there are {', '.join(everything)}"
            raise PageError(message)
    return [name for name in everything if not arguments or any(argument in name for argument in arguments)]


def read(name: str) -> Page:
    """Return a page. Raises PageError."""
    return parse(name, (ROOT / name).read_text(encoding="utf-8"))
