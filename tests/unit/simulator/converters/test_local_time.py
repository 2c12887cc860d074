from datetime import UTC, datetime

import pytest

from entente.simulator.converters.local_time import UnknownZoneError, seconds, zone

REDMOND = zone("America/Los_Angeles")
FIRST = datetime(2017, 11, 5, 8, 30, tzinfo=UTC).timestamp()
"""01:30 in Redmond on the day on which clocks are set back, for the first time; an hour later it is 01:30 again."""


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        pytest.param(datetime(2017, 10, 7, 1, 11, 39), datetime(2017, 10, 7, 8, 11, 39), id="summer"),
        pytest.param(datetime(2017, 12, 7, 1, 11, 39), datetime(2017, 12, 7, 9, 11, 39), id="winter"),
    ],
)
def test_a_clock_is_seven_hours_behind_in_summer_and_eight_in_winter(local: datetime, utc: datetime) -> None:
    assert seconds(local, REDMOND) == utc.replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("not_before", "expected"),
    [
        pytest.param(0.0, FIRST, id="the first of the two"),
        pytest.param(FIRST, FIRST, id="at the same moment as what was before"),
        pytest.param(FIRST + 1, FIRST + 3600, id="the second, since the first would be too early"),
    ],
)
def test_the_hour_that_comes_twice_is_told_by_what_was_before(not_before: float, expected: float) -> None:
    assert seconds(datetime(2017, 11, 5, 1, 30), REDMOND, not_before) == expected


def test_the_last_second_of_a_clock_is_a_time() -> None:
    assert seconds(datetime(9999, 12, 31, 23, 59, 59), REDMOND) == 253_402_329_599


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "America", "x" * 300])
def test_an_unknown_zone_is_named_with_the_remedy(name: str) -> None:
    with pytest.raises(UnknownZoneError, match=r"is no time zone that this machine knows; .*pip install tzdata"):
        zone(name)
