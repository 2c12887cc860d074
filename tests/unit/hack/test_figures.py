"""Marked sections of the docs are written from recorded runs."""

import json
from pathlib import Path

import pytest

import figures

RECORD = {
    "estate": {"hosts": 32, "gpusPerHost": 8, "owner": "xai", "guest": "anthropic"},
    "noticeSeconds": 60,
    "shared": {
        "all": {"jobs": 300, "waited_h": 2.0, "busyPercent": 93},
        "xai": {"jobs": 26, "waited_h": 1.5},
        "anthropic": {"jobs": 274, "waited_h": 2.05},
    },
    "alone": {"all": {"waited_h": 6.5, "busyPercent": 70}, "xai": {"waited_h": 1.3}, "anthropic": {"waited_h": 7.0}},
    "reclaims": {"max_s": 5.0, "of": {"xai": {"jobs": 0, "seconds": 0}, "anthropic": {"jobs": 0, "seconds": 0}}},
    "mostBorrowed": 120,
    "settings": [{"what": "as in this demo", "xai": 1.43, "anthropic": 1.9}],
}
TENANT = {"alone_h": 3.0, "shared_h": 3.1, "difference_h": 0.1, "margin_h": 0.05, "median_h": 0.122, "worse": 15}
FAIRNESS = {
    "seeds": 16,
    "slice": {"xai": TENANT, "anthropic": TENANT},
    "cases": [{"what": "as it is", "xai": TENANT, "anthropic": TENANT | {"difference_h": -2.0}}],
}


@pytest.fixture
def records(tmp_path: Path) -> Path:
    (tmp_path / "demo.json").write_text(json.dumps(RECORD), encoding="utf-8")
    (tmp_path / "fairness.json").write_text(json.dumps(FAIRNESS), encoding="utf-8")
    return tmp_path


def page(name: str, content: str = "old\n") -> str:
    return f"# Title\n\n<!-- {name}: begin -->\n{content}<!-- {name}: end -->\nrest\n"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("demo", "| mean waiting of a job | 2.00 h | 6.50 h |"),
        ("demo", "| longest time until xai had its own GPUs back | 5 s of the 60 s promised | it never lent them |"),
        ("demo-gains", "- xai lost 0.20 h of waiting for each job: 1.50 h shared, 1.30 h alone.\n- anthropic gained"),
        ("demo-gains", "2.05 h shared, 7.00 h alone.\n  It borrowed up to 120 GPUs that would have been idle.\n"),
        ("demo-settings", "| as in this demo | 1.43 h | 1.90 h |"),
        ("fairness", "| as it is | +0.12 h | +0.10 ± 0.05 h | 15 of 16 | +0.12 h | -2.00 ± 0.05 h |"),
    ],
)
def test_a_section_is_written_from_its_record_and_the_rest_stays(records: Path, name: str, line: str) -> None:
    text = figures.filled(page(name), records)
    assert line in text
    assert "old" not in text
    assert text.startswith("# Title\n\n")
    assert text.endswith("end -->\nrest\n")
    assert figures.filled(text, records) == text


def test_a_page_without_marks_is_left_alone(records: Path) -> None:
    assert figures.filled("# Title\n", records) == "# Title\n"


def test_a_section_without_an_end_is_refused(records: Path) -> None:
    with pytest.raises(ValueError, match=r"<!-- demo: begin --> has no <!-- demo: end --> after it"):
        figures.filled("<!-- demo: begin -->\n", records)


@pytest.mark.parametrize("path", [page for page in figures.PAGES if page.exists()], ids=lambda path: path.name)
def test_the_pages_have_the_figures_of_the_records(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert figures.filled(text) == text
