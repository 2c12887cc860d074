import pytest

from entente.engine.model import Terms
from entente.simulator.meter import Meter
from tests.support.replays import a_site


def test_what_is_borrowed_is_lent_by_who_does_not_use_its_guarantee() -> None:
    meter = Meter(a_site({"x": 8, "y": 8}), window_s=100.0)
    meter.wait("x", "h100", (0.0, 0), 12)
    meter.start("x", "h100", "h100", (0.0, 0), 12)
    meter.advance(10.0)
    assert (meter.tally("x", "h100").borrowed, meter.tally("y", "h100").lent) == (40.0, 40.0)
    assert (meter.tally("x", "h100").used, meter.tally("x", "h100").entitled) == (120.0, 80.0)


def test_capacity_that_nobody_is_guaranteed_is_lent_by_nobody() -> None:
    meter = Meter(a_site({"x": 4, "y": 8}), window_s=100.0)
    meter.wait("x", "h100", (0.0, 0), 8)
    meter.start("x", "h100", "h100", (0.0, 0), 8)
    meter.advance(10.0)
    assert (meter.tally("x", "h100").borrowed, meter.tally("y", "h100").lent) == (40.0, 0.0)


def test_what_is_asked_for_inside_the_guarantee_and_not_had_is_missing() -> None:
    meter = Meter(a_site({"x": 8, "y": Terms(8, borrow_limit=0)}), window_s=100.0)
    meter.wait("x", "h100", (0.0, 0), 8)
    meter.advance(10.0)
    meter.start("x", "h100", "h100", (0.0, 0), 8)
    meter.advance(30.0)
    tally = meter.tally("x", "h100")
    assert (tally.missing, tally.entitled, tally.due) == (80.0, 240.0, 240.0)


def test_utilisation_counts_up_to_the_end_of_the_window_and_pods_until_they_are_gone() -> None:
    meter = Meter(a_site({"x": 8, "y": 8}), window_s=15.0)
    meter.wait("x", "h100", (0.0, 0), 8)
    meter.start("x", "h100", "h100", (0.0, 0), 8)
    meter.advance(10.0)
    meter.stop("x", "h100", 8)
    meter.wait("y", "h100", (10.0, 1), 4)
    meter.advance(20.0)
    meter.leave("h100", 8)
    meter.advance(30.0)
    tally = meter.pool_tally("h100")
    assert (tally.held, tally.held_in_window) == (160.0, 120.0)
    assert (tally.waiting_s, tally.held_while_waiting) == (5.0, 40.0)
    assert meter.tally("x", "h100").used == pytest.approx(80.0)


def test_the_course_has_an_entry_for_each_instant_of_change() -> None:
    meter = Meter(a_site({"x": 8}), window_s=10.0)
    meter.wait("x", "h100", (0.0, 0), 8)
    meter.advance(5.0)
    meter.advance(6.0)
    meter.start("x", "h100", "h100", (0.0, 0), 8)
    meter.advance(10.0)
    series = meter.series["h100"]
    assert (list(series.at), list(series.held), list(series.pending)) == ([0.0, 6.0], [0, 8], [8, 0])
