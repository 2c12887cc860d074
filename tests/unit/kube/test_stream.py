import asyncio
from itertools import pairwise

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st

from entente.kube.errors import ApiError, GoneError, UnreachableError
from entente.kube.stream import WatchEvent, lines, parse_event


def _split_lines(chunks: list[bytes]) -> list[bytes]:
    async def read() -> list[bytes]:
        loop = asyncio.get_running_loop()
        reader = aiohttp.StreamReader(BaseProtocol(loop), 2**22, loop=loop)
        for chunk in chunks:
            reader.feed_data(chunk)
        reader.feed_eof()
        return [line async for line in lines(reader)]

    return asyncio.run(read())


@given(
    st.lists(st.binary(max_size=8).map(lambda b: b.replace(b"\n", b"x")), max_size=6),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_lines_are_the_same_wherever_the_chunks_are_cut(texts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(text + b"\n" for text in texts)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[a:b] for a, b in pairwise(edges)]

    assert _split_lines(chunks) == [text for text in texts if text]


def test_a_line_in_many_chunks_is_read_whole() -> None:
    text = b"x" * 1_000_000

    assert _split_lines([text[:300_000], text[300_000:], b"\n"]) == [text]


def test_a_last_line_that_was_cut_off_is_dropped() -> None:
    assert _split_lines([b"one\ntw"]) == [b"one"]


def test_an_event_knows_where_to_go_on() -> None:
    event = parse_event(b'{"type":"ADDED","object":{"metadata":{"resourceVersion":"7"}}}')

    assert (event.type, event.resource_version) == ("ADDED", "7")
    assert WatchEvent("ADDED", {}).resource_version == ""


def test_an_error_in_a_watch_is_raised_as_what_it_is() -> None:
    with pytest.raises(GoneError):
        parse_event(b'{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old"}}')
    with pytest.raises(ApiError, match="500 InternalError"):
        parse_event(b'{"type":"ERROR","object":{"code":500,"reason":"InternalError"}}')


@pytest.mark.parametrize("line", [b"nonsense", b"[]", b'{"type":"ADDED"}'])
def test_a_line_that_is_no_event_breaks_the_watch(line: bytes) -> None:
    with pytest.raises(UnreachableError, match="no event"):
        parse_event(line)
