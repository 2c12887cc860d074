"""Tables as kubectl prints them: a line for each row, however long, so that they can be searched, cut and sorted."""

from collections.abc import Sequence

_GAP = "   "


def in_columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of as many cells each, in columns as wide as their widest cell; each line ends in a line break."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)
