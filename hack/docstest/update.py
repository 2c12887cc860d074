"""Writes what was printed into a page, in place of what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from docstest.comparison import merged
from docstest.page import Block


@dataclass(frozen=True)
class Revision:
    """New lines for one block of a page.

    Attributes:
        line: Where its first line stands, from 1.
        lines: How many lines it has now.
        text: Its new lines, indented as the page needs them.
    """

    line: int
    lines: int
    text: tuple[str, ...]

    @classmethod
    def of(cls, shown: Block, printed: Sequence[str]) -> Self:
        """Return what makes a shown block equal to what was printed, `...` excepted."""
        text = merged(shown.text.strip("\n").splitlines(), printed)
        return cls(shown.line, shown.lines, tuple(f"{shown.indent}{line}".rstrip() for line in text))


def revised(source: str, revisions: Iterable[Revision]) -> str:
    """Return the text of a page with all revisions."""
    lines = source.removesuffix("\n").split("\n")
    for revision in sorted(revisions, key=lambda each: each.line, reverse=True):
        lines[revision.line - 1 : revision.line - 1 + revision.lines] = revision.text
    return "\n".join(lines) + "\n"
