"""The wire format of watches: one JSON object a line, in chunks cut anywhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from entente.kube.errors import UnreachableError, from_status

_LONGEST_LINE = 16 * 1024 * 1024
"""Bytes; the API server keeps no object that is a tenth of this, so a longer line is no watch."""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    type: str
    """ADDED, MODIFIED, DELETED or BOOKMARK."""
    object: dict[str, Any]

    @property
    def resource_version(self) -> str:
        """Where to go on from after this event."""
        version: str = (self.object.get("metadata") or {}).get("resourceVersion", "")
        return version


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines of a stream, without the ends of lines. A cut-off last line is dropped.

    `StreamReader.readline` is not used, since it refuses lines longer than its buffer.

    Raises:
        UnreachableError: a line without end.
    """
    rest: list[bytes] = []
    length = 0
    async for chunk in content.iter_any():
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            line = b"".join((*rest, chunk[start:end])) if rest else chunk[start:end]
            rest.clear()
            length = 0
            start = end + 1
            if line:
                yield line
        if start < len(chunk):
            rest.append(chunk[start:])
            length += len(chunk) - start
            if length > _LONGEST_LINE:
                msg = f"a watch sent a line of more than {_LONGEST_LINE} bytes"
                raise UnreachableError(msg)


def parse_event(line: bytes) -> WatchEvent:
    """Read one line of a watch.

    Raises:
        ApiError: the line says that the watch failed, as the class that its status stands for.
        UnreachableError: the line is no event.
    """
    try:
        event = orjson.loads(line)
        kind, obj = event["type"], event["object"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        msg = "a watch sent a line that is no event"
        raise UnreachableError(msg) from error
    if kind == "ERROR":
        raise from_status(int(obj.get("code") or 0), obj)
    return WatchEvent(kind, obj)
