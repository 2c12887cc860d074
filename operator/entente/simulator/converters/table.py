"""Rows of CSV files whose first line names the columns."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from entente.simulator.converters.source import whole
from entente.simulator.trace import TraceError


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row, with its place for messages."""

    values: dict[str, str]
    source: str
    line: int

    def text(self, name: str) -> str:
        """What a column holds, without spaces around it. Raises TraceError when that is nothing."""
        value = self.values[name].strip()
        if not value:
            raise TraceError(self.source, self.line, f"{name}: missing")
        return value

    def number(self, name: str) -> int:
        """A whole number of 0 or more. Raises TraceError."""
        return whole(self.text(name), name, self.source, self.line)


def table(lines: Iterable[str], source: str, columns: Sequence[str]) -> Iterator[TableRow]:
    """The rows below the header, which must name at least these columns.

    Raises:
        TraceError: a column is missing, a row is of another length than the header, or it is not CSV.
    """
    rows = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if missing := [name for name in columns if name not in header]:
            raise TraceError(source, 1, f"column missing: {', '.join(missing)}; needed are {', '.join(columns)}")
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise TraceError(source, rows.line_num, f"{len(row)} fields, and the header has {len(header)}")
            yield TableRow(dict(zip(header, row, strict=True)), source, rows.line_num)
    except csv.Error as error:
        raise TraceError(source, rows.line_num, f"not CSV: {error}") from error
