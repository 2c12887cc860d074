"""Compares the output that a page shows with what was printed, tells the difference, and brings the page up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from docstest.masks import masked

ANY_LINES = "..."
ANY_REST = " ..."
CONTEXT_LINES = 3


class Fate(Enum):
    """What becomes of a line when the shown output is turned into the printed one; the value is its mark in a diff."""

    KEPT = " "
    GONE = "-"
    NEW = "+"
    ELIDED = "~"
    """It was printed, and the page shows `...` for it."""


@dataclass(frozen=True)
class Step:
    """One line of a comparison.

    Attributes:
        fate: What becomes of it.
        line: As the page shows it; a new one as it was printed.
        printed: What takes its place when the page is brought up to date.
    """

    fate: Fate
    line: str
    printed: str


def align(shown: Sequence[str], printed: Sequence[str]) -> list[Step]:
    """Return how shown lines become printed ones with the fewest lines gone and new.

    Args:
        shown: Lines of a page; `...` alone stands for any lines, and at the end of a line for any rest.
        printed: Lines of a run.
    """
    rows, columns = len(shown), len(printed)
    patterns, actual = [masked(line) for line in shown], [masked(line) for line in printed]
    costs = [[columns - j for j in range(columns + 1)] for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns, -1, -1):
            costs[i][j] = min(cost + costs[k][n] for _, cost, k, n in _ways(patterns, actual, i, j))
    steps: list[Step] = []
    i = j = 0
    while i < rows or j < columns:
        fate, _, k, n = min(_ways(patterns, actual, i, j), key=lambda way: way[1] + costs[way[2]][way[3]])
        line = shown[i] if k > i else printed[j]
        stands_for_more = k > i and patterns[i].endswith(ANY_LINES)
        steps.append(Step(fate, line, printed[j] if n > j and not stands_for_more else line))
        i, j = k, n
    return steps


def matches(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Say whether what was printed is what is shown."""
    return _is_match(align(shown, printed))


def difference(shown: Sequence[str], printed: Sequence[str], title: str) -> str:
    """Return a unified diff of what is compared, masks included; empty when both match.

    Args:
        shown: Lines of a page.
        printed: Lines of a run.
        title: Where the first shown line stands, such as `README.md:12`.
    """
    steps = [step for step in align(shown, printed) if step.fate is not Fate.ELIDED]
    if _is_match(steps):
        return ""
    changed = [number for number, step in enumerate(steps) if step.fate is not Fate.KEPT]
    near = {other for number in changed for other in range(number - CONTEXT_LINES, number + CONTEXT_LINES + 1)}
    lines = [f"--- {title} (shown)", "+++ printed"]
    for number, step in enumerate(steps):
        if number in near:
            if number - 1 not in near:
                lines.append("@@")
            lines.append(f"{step.fate.value}{masked(step.line)}")
    return "\n".join(lines)


def merged(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Return what was printed, with `...` where the shown lines have it."""
    return [step.printed for step in align(shown, printed) if step.fate in {Fate.KEPT, Fate.NEW}]


def _ways(patterns: Sequence[str], actual: Sequence[str], i: int, j: int) -> Iterator[tuple[Fate, int, int, int]]:
    """What may become of the next shown or printed line: its fate and cost, and where the comparison goes on."""
    more_shown, more_printed = i < len(patterns), j < len(actual)
    if more_shown and patterns[i] == ANY_LINES:
        if more_printed:
            yield Fate.ELIDED, 0, i, j + 1
        yield Fate.KEPT, 0, i + 1, j
        return
    if more_shown and more_printed and _same(patterns[i], actual[j]):
        yield Fate.KEPT, 0, i + 1, j + 1
    if more_shown:
        yield Fate.GONE, 2, i + 1, j  # dearer: what can stay, stays
    if more_printed:
        yield Fate.NEW, 1, i, j + 1


def _same(pattern: str, line: str) -> bool:
    if pattern.endswith(ANY_REST):
        return line.startswith(pattern.removesuffix(ANY_REST))
    return pattern == line


def _is_match(steps: Iterable[Step]) -> bool:
    return all(step.fate in {Fate.KEPT, Fate.ELIDED} for step in steps)
