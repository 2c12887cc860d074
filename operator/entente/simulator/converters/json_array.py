"""The elements of a large JSON array one after the other, so that the whole never has to be in memory."""

import json
import re
from collections.abc import Iterator
from typing import TextIO

from entente.simulator.trace import TraceError

_CHUNK = 1 << 20
_BETWEEN = re.compile(r"[ \t\r\n]*")


def elements(stream: TextIO, source: str, chunk: int = _CHUNK) -> Iterator[tuple[int, object]]:
    """Each element with the line on which it begins.

    Args:
        stream: the text of one array.
        source: its name, for messages.
        chunk: so many characters are read at once; an element may be larger.

    Raises:
        TraceError: it is no JSON array.
    """
    reader = _Reader(stream, source, chunk)
    reader.expect("[")
    if reader.follows("]"):
        reader.expect("]")
    else:
        yield reader.element()
        while reader.follows(","):
            reader.expect(",")
            yield reader.element()
        reader.expect("]")
    reader.expect("")


class _Reader:
    """Text that is read as far as it is needed, and the place in it."""

    def __init__(self, stream: TextIO, source: str, chunk: int) -> None:
        self._stream, self._source, self._chunk = stream, source, chunk
        self._text, self._at, self._line = "", 0, 1
        self._decoder = json.JSONDecoder()

    def expect(self, mark: str) -> None:
        """Skip a mark; none stands for the end."""
        if not self.follows(mark):
            wanted = repr(mark) if mark else "its end"
            raise TraceError(self._source, self._line, f"no JSON array: {wanted} is expected here")
        self._go_to(self._at + len(mark))

    def follows(self, mark: str) -> bool:
        """Whether this mark comes next; none stands for the end."""
        self._skip()
        return self._text.startswith(mark, self._at) if mark else self._at == len(self._text)

    def element(self) -> tuple[int, object]:
        """The line of the value that comes next, and the value."""
        self._skip()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._more():
                    continue
                line = self._line + self._text.count("\n", self._at, error.pos)
                raise TraceError(self._source, line, f"no JSON array: {error.msg}") from error
            except (ValueError, RecursionError) as error:
                message = "an element that cannot be read: nested too deeply, or a number too long"
                raise TraceError(self._source, self._line, message) from error
            line = self._line
            self._go_to(end)
            return line, value

    def _skip(self) -> None:
        while True:
            between = _BETWEEN.match(self._text, self._at)
            self._go_to(between.end() if between else self._at)
            if self._at < len(self._text) or not self._more():
                return

    def _go_to(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _more(self) -> bool:
        """Read on, and forget what is behind; false at the end of the stream."""
        read = self._stream.read(self._chunk)
        self._text, self._at = self._text[self._at :] + read, 0
        return bool(read)
