"""What converters read: text files, by their name compressed with gzip or not, or standard input."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from entente.simulator.trace import TraceError

STANDARD_INPUT = "-"

_MOST_DIGITS = 15
"""Of a number: with them even sums of products can be told as GPU-hours."""


@contextmanager
def opened(path: str) -> Iterator[TextIO]:
    """Open a file of UTF-8 text; `-` is standard input.

    Raises:
        TraceError: the file cannot be read, now or while the caller reads on.
    """
    try:
        if path == STANDARD_INPUT:
            yield _standard_input()
        elif Path(path).suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
                yield stream
        else:
            with Path(path).open(encoding="utf-8-sig", newline="") as stream:
                yield stream
    except UnicodeDecodeError as error:
        raise TraceError(path, None, "cannot be read: it is not UTF-8 text") from error
    except (OSError, EOFError, zlib.error) as error:  # gzip raises them for files that are cut, damaged or no gzip
        reason = getattr(error, "strerror", None) or str(error)
        raise TraceError(path, None, f"cannot be read: {reason}") from error


def _standard_input() -> TextIO:
    """As a file is read, whatever the locale says; as it is where it is no stream of bytes."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict", newline="")
    return sys.stdin


def whole(given: str, field: str, source: str, line: int) -> int:
    """A whole number of 0 or more. Raises TraceError."""
    text = given.strip()
    if not (text.isascii() and text.isdigit()):
        raise TraceError(source, line, f"{field}: {given!r} is no whole number of 0 or more")
    digits = text.lstrip("0")
    if len(digits) > _MOST_DIGITS:
        raise TraceError(source, line, f"{field}: a number of {len(digits)} digits; at most {_MOST_DIGITS} are allowed")
    return int(digits or "0")
