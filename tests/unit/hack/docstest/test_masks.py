import pytest

from docstest.masks import MASKS, masked
from docstest.pages import ROOT

EQUAL = {
    "times": ("at 2026-11-23T12:00:00.654321+00:00", "at 2026-12-01T09:30:00Z"),
    "times of the day": ("by 12:05:00Z", "by 09:30:59Z"),
    "times of Helm": ("LAST DEPLOYED: Tue Dec  1 15:00:27 2026", "LAST DEPLOYED: Wed Nov 25 09:30:00 2026"),
    "times of HTTP": ("Date: Tue, 01 Dec 2026 15:00:27 GMT", "Date: Wed, 25 Nov 2026 09:30:00 GMT"),
    "ages": ("h100   Ready   5s", "h100   Ready   3d4h"),
    "durations": ("took 250 ms", "took 3.5 s"),
    "uids": ("uid 123e4567-e89b-12d3-a456-426614174000", "uid 00000000-0000-4000-8000-0123456789ab"),
    "hashes": ("image@sha256:0123456789abcdef", "image@sha256:fedcba9876543210ff"),
    "names of pods": ("pod/entente-5d8f7c9b6d-x2x4k ready", "pod/entente-7b5c9d8f6d-bcdfg ready"),
    "hosts": ("on h100-0005x2, h100-0006", "on h100-0013x2, h100-0031"),
    "addresses": ("http://127.0.0.1:38123/x 10.0.0.4", "http://127.0.0.1:40001/x 10.0.12.7"),
    "width of columns": ("NAME     AGE", "NAME AGE"),
    "lines under a heading": ("--------", "---"),
    "blanks at the end": ("x   ", "x"),
}
DIFFERENT = {
    "counts": ("8 GPUs free", "9 GPUs free"),
    "GPU-hours": ("12.5 h lost", "13.5 h lost"),
    "jobs": ("anthropic-research/gang", "anthropic-research/elastic"),
    "years in a name": ("philly-2017-jobs", "philly-2018-jobs"),
    "workers of a host": ("h100-0005x2", "h100-0005x3"),
    "words of five letters": ("entente-small", "entente-large"),
}


@pytest.mark.parametrize("case", EQUAL)
def test_what_differs_from_run_to_run_is_equal(case: str) -> None:
    one, other = EQUAL[case]

    assert masked(one) == masked(other)


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_a_page_claims_is_compared(case: str) -> None:
    one, other = DIFFERENT[case]

    assert masked(one) != masked(other)


def test_the_masks_are_documented() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert {mask.word for mask in MASKS if f"`{mask.word}`" not in text} == set()
