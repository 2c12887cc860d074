import io

import pytest

from entente.simulator.converters.json_array import elements
from entente.simulator.trace import TraceError

TEXT = ' [\n  {"a": 1,\n   "b": ["x, ]"]},\n\n  {"a": 2}\n]\n'


@pytest.mark.parametrize("chunk", [1, 2, 7, 1000])
def test_elements_come_with_their_lines_however_much_is_read_at_once(chunk: int) -> None:
    assert list(elements(io.StringIO(TEXT), "log", chunk)) == [(2, {"a": 1, "b": ["x, ]"]}), (5, {"a": 2})]


def test_an_empty_array_has_none() -> None:
    assert list(elements(io.StringIO("[ ]"), "log")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", r"log:1: no JSON array: '\[' is expected here", id="empty"),
        pytest.param('{"a": 1}', r"log:1: no JSON array: '\[' is expected here", id="an object"),
        pytest.param('[{"a": 1},\n {"a": }]', "log:2: no JSON array: Expecting value", id="a value is missing"),
        pytest.param('[{"a": 1}\n {"a": 2}]', r"log:2: no JSON array: '\]' is expected here", id="no comma"),
        pytest.param('[{"a": 1},\n\n {"a": ', "log:3: no JSON array: Expecting value", id="cut"),
        pytest.param("[1,\n" + "[" * 10**5, "log:2: an element that cannot be read: nested too deeply", id="too deep"),
        pytest.param(
            '[{"a": ' + "9" * 5000 + "}]", "log:1: an element that cannot be read: .* a number too long", id="long"
        ),
        pytest.param("[{}]\n[]", "log:2: no JSON array: its end is expected here", id="two arrays"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1000])
def test_what_is_no_array_is_refused_with_its_line(text: str, message: str, chunk: int) -> None:
    with pytest.raises(TraceError, match=message):
        list(elements(io.StringIO(text), "log", chunk))
