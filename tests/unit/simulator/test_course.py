import pytest

from entente.simulator.course import course
from entente.simulator.meter import Series


def test_a_course_averages_over_equal_parts() -> None:
    series = Series()
    for at, held, pending in ((0.0, 0, 4), (5.0, 8, 0), (12.0, 2, 0)):
        series.at.append(at)
        series.held.append(held)
        series.pending.append(pending)
    found = course(series, 20.0, 2)
    assert found.at_s == [0.0, 10.0]
    assert found.held == pytest.approx([4.0, (8 * 2 + 2 * 8) / 10])
    assert found.pending == pytest.approx([2.0, 0.0])


def test_what_comes_after_the_end_is_left_out() -> None:
    series = Series()
    for at, held in ((0.0, 8), (30.0, 1)):
        series.at.append(at)
        series.held.append(held)
        series.pending.append(0)
    assert course(series, 20.0, 4).held == pytest.approx([8.0] * 4)


def test_nothing_has_a_flat_course() -> None:
    assert course(Series(), 0.0, 3).held == [0.0, 0.0, 0.0]
