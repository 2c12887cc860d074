"""A job that was stopped goes on from its last checkpoint, and loses what came after it."""

from math import inf

import pytest

from demo.training import Training


def test_an_undisturbed_job_ends_after_its_training() -> None:
    training = Training(total_s=100, interval_s=10, saves_when_told=False)
    training.start(50)
    assert training.ends_at == 150


def test_a_job_that_saves_when_told_loses_nothing() -> None:
    training = Training(total_s=100, interval_s=10, saves_when_told=True)
    training.start(0)
    assert training.stop(37) == 37
    training.start(200)
    assert training.ends_at == 263


def test_a_job_that_does_not_goes_back_to_its_last_checkpoint() -> None:
    training = Training(total_s=100, interval_s=10, saves_when_told=False)
    training.start(0)
    assert training.stop(37) == 30
    training.start(200)
    assert training.ends_at == 270


def test_checkpoints_of_a_second_run_count_from_its_start() -> None:
    training = Training(total_s=100, interval_s=10, saves_when_told=False)
    for start, stop in ((0, 15), (20, 35), (40, 59)):
        training.start(start)
        training.stop(stop)
    assert training.saved_s == 30


def test_a_job_that_does_not_run_never_ends_or_saves() -> None:
    training = Training(total_s=1, interval_s=10, saves_when_told=True)
    assert training.ends_at == inf
    assert training.next_checkpoint(5) == inf
    assert training.stop(5) == 5
    assert training.saved_s == 0


def test_it_never_saves_more_than_there_is_to_train() -> None:
    training = Training(total_s=10, interval_s=3, saves_when_told=True)
    training.start(0)
    training.stop(50)
    assert training.saved_s == 10


@pytest.mark.parametrize(("now", "at"), [(100, 110), (109.9, 110), (110, 120)])
def test_checkpoints_come_at_each_interval(now: float, at: float) -> None:
    training = Training(total_s=1000, interval_s=10, saves_when_told=True)
    training.start(100)
    assert training.next_checkpoint(now) == at
