import gzip
import io
from pathlib import Path

import pytest

from entente.simulator.converters.source import opened, whole
from entente.simulator.trace import TraceError


@pytest.mark.parametrize("name", ["t.txt", "t.txt.gz"])
def test_a_file_is_read_compressed_or_not(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"a\n") if name.endswith(".gz") else b"a\n")
    with opened(str(tmp_path / name)) as stream:
        assert stream.read() == "a\n"


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a\n"))
    with opened("-") as stream:
        assert stream.read() == "a\n"


def test_standard_input_is_read_as_a_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.BytesIO(b"\xef\xbb\xbf\xc3\xbc\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(given, encoding="ascii"))
    with opened("-") as stream:
        assert stream.read() == "\N{LATIN SMALL LETTER U WITH DIAERESIS}\n"


WHOLE_FILE = gzip.compress(b"JobID|" * 99)
DAMAGED = WHOLE_FILE[:10] + b"\xff" * 9 + WHOLE_FILE[19:]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("t.gz", b"JobID|", "cannot be read: Not a gzipped file", id="not compressed"),
        pytest.param("t.gz", gzip.compress(b"JobID|" * 99)[:30], "cannot be read: Compressed file", id="cut"),
        pytest.param("t.gz", DAMAGED, "cannot be read: Error -3 while decompressing", id="damaged"),
        pytest.param("t", b"\xff\xfe\x00", "cannot be read: it is not UTF-8 text", id="binary"),
        pytest.param("t", None, "cannot be read: No such file", id="missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TraceError, match=f"{name}: {message}"), opened(str(tmp_path / name)) as stream:
        stream.read()


@pytest.mark.parametrize("given", ["-1", "1.5", "", "many", "1e3", "\N{SUPERSCRIPT TWO}"])
def test_what_is_no_whole_number_is_refused_with_its_place(given: str) -> None:
    with pytest.raises(TraceError, match=r"t\.csv:7: gpus: .* is no whole number of 0 or more"):
        whole(given, "gpus", "t.csv", 7)


def test_a_number_that_is_too_long_is_refused_with_its_place() -> None:
    assert whole("0" * 5000 + "7", "gpus", "t.csv", 7) == 7
    with pytest.raises(TraceError, match=r"t\.csv:7: gpus: a number of 5000 digits; at most 15 are allowed"):
        whole("9" * 5000, "gpus", "t.csv", 7)
