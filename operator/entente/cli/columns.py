"""Tables as text: a line for each row, in columns as wide as their widest cell."""

import sys
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

import click

from entente.cli.words import known_width, width

Rows = Sequence[Sequence[str]]

_GAP = 2


def in_columns(rows: Rows, *, gap: int = 3, right: Collection[int] = ()) -> list[str]:
    """Rows of as many cells each, without spaces at the end of a line.

    Args:
        rows: the header first.
        gap: spaces between two columns.
        right: places of the columns that hold numbers.

    Raises:
        ValueError: a row has more or fewer cells than another one.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: Sequence[str]) -> str:
        cells = zip(row, widths, strict=True)
        placed = (cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(cells))
        return (" " * gap).join(placed).rstrip()

    return [line(row) for row in rows]


def lines_of(headers: Sequence[str], rows: Rows, *, right: Collection[str] = (), name: str) -> list[str]:
    """A table that fits the terminal: its header, in bold on a terminal, then one line for each row.

    Args:
        headers: of the columns.
        rows: of as many cells.
        right: headers of the columns that hold numbers.
        name: header of the column that is cut when the terminal is too narrow.
    """
    place = list(headers).index(name)
    longest = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    room = max(len(name), width() - sum(longest) - _GAP * (len(headers) - 1) + longest[place])
    cut = [[*row[:place], _cut(row[place], room), *row[place + 1 :]] for row in rows]
    header, *lines = in_columns(
        [headers, *cut], gap=_GAP, right={i for i, header in enumerate(headers) if header in right}
    )
    return [click.style(header, bold=True) if sys.stdout.isatty() else header, *lines]


def _cut(cell: str, room: int) -> str:
    return cell if len(cell) <= room else cell[: room - 1] + "…"


def in_parts(headers: Sequence[tuple[str, str]], rows: Rows) -> Iterator[list[str]]:
    """A table of names and numbers; where it is wider than the terminal, in parts that each begin with the names.

    Args:
        headers: of each column what it is about, said once for neighbours, and below it what it is.
        rows: of as many cells; the first is the name.
    """
    names, *numbers = [[*header, *cells] for header, cells in zip(headers, zip(*rows, strict=True), strict=True)]
    room, part = known_width(), [names]
    for column in numbers:
        if room is not None and len(part) > 1 and _wide([*part, column]) > room:
            yield _part(part)
            part = [names]
        part.append(column)
    yield _part(part)


def _wide(columns: Rows) -> int:
    return sum(max(map(len, column)) for column in columns) + _GAP * (len(columns) - 1)


def _part(columns: Rows) -> list[str]:
    above = [columns[0][0], *(new if new != old else "" for (old, *_), (new, *_) in pairwise(columns))]
    below = list(zip(*columns, strict=True))[1:]
    return in_columns([above, *below], gap=_GAP, right=range(1, len(columns)))
