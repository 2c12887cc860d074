"""How times, amounts and tables read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from entente.cli.words import duration, gpu_hours, listed, since, until

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0.4, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (3900, "1h5m"),
        (86_399, "23h59m"),
        (86_400, "1d"),
        (90_000, "1d1h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_moments_are_told_from_now() -> None:
    assert since(NOW - timedelta(minutes=5), NOW) == "5m"
    assert until(NOW + timedelta(hours=2), NOW) == "in 2h"
    assert until(NOW - timedelta(hours=2), NOW) == "now"
    assert (since(None, NOW), until(None, NOW)) == ("-", "-")


@pytest.mark.parametrize(("gpu_seconds", "text"), [(0, "0.00"), (288, "0.08"), (12_600, "3.5"), (7200, "2")])
def test_gpu_hours_are_exact_enough(gpu_seconds: float, text: str) -> None:
    assert gpu_hours(gpu_seconds) == text


def test_a_list_has_its_word_before_the_last() -> None:
    assert (listed(["a"]), listed(["a", "b", "c"], "or")) == ("a", "a, b or c")
