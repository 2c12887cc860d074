"""The chart is drawn from the record of a run, always with the same bytes."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from demo import chart

RECORD: dict[str, Any] = {
    "estate": {"hosts": 4, "gpusPerHost": 8, "owner": "xai", "guest": "anthropic"},
    "speed": 400,
    "noticeSeconds": 60,
    "reclaims": {"max_s": 5.0},
    "samples": [[0, 0, 0, 8, 0], [1, 4, 0, 16, 12], [2, 4, 0, 16, 12], [7, 16, 0, 16, 0], [8, 16, 8, 8, 0]],
}


def test_what_is_lent_lies_in_the_half_of_its_owner() -> None:
    bands = chart.bands(RECORD)
    assert bands.seconds == (0, 1, 2, 7, 8)
    assert bands.owner == (0, 4, 4, 16, 16)
    assert bands.lent == (16, 4, 4, 16, 16)
    assert bands.guest == (24, 16, 16, 16, 24)
    assert bands.returned == (16, 16, 16, 16, 24)


def test_the_mark_is_where_the_owner_gets_most_back() -> None:
    assert chart.comeback(RECORD) == 2
    assert chart.mark(RECORD) == "xai comes back:\nhad its own back in 5 s,\npromised 60 s"


def test_it_is_the_same_for_the_same_record_and_refers_to_nothing_outside(tmp_path: Path) -> None:
    files = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for file in files:
        chart.draw(RECORD, file)
    text = files[0].read_text(encoding="utf-8")
    assert text == files[1].read_text(encoding="utf-8")
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - written above
    assert "dc:date" not in text
    assert 'href="http' not in text
