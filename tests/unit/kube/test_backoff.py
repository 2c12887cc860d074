import random
from datetime import UTC, datetime

import pytest

from entente.kube.backoff import Backoff, retry_after

RNG = random.Random(1)  # noqa: S311 - jitter, no secret


def test_pauses_grow_to_the_cap_and_are_never_alike() -> None:
    backoff = Backoff(first_s=1.0, factor=2.0, cap_s=8.0)

    pauses = [backoff.delay(attempt, RNG) for attempt in range(6)]

    for pause, step in zip(pauses, [1, 2, 4, 8, 8, 8], strict=True):
        assert step / 2 <= pause <= step
    assert len(set(pauses)) == len(pauses)


def test_what_the_server_asks_for_is_the_least_and_jitter_comes_on_top() -> None:
    backoff = Backoff(first_s=1.0)

    pauses = {backoff.delay(0, RNG, at_least_s=5.0) for _ in range(20)}

    assert len(pauses) == 20
    assert all(5.0 <= pause <= 6.0 for pause in pauses)


def test_the_thousandth_attempt_is_no_error() -> None:
    assert Backoff().delay(100_000, RNG) <= Backoff().cap_s


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, expected: float | None) -> None:
    assert retry_after(header, now=datetime(2026, 11, 24, 10, tzinfo=UTC)) == expected
