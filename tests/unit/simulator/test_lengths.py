import pytest

from entente.simulator.lengths import Learner, likeness
from tests.support.replays import a_sim_job


def test_alike_are_jobs_of_one_tenant_and_size() -> None:
    small = likeness(a_sim_job("x/a"))
    assert small == likeness(a_sim_job("x/b", submitted=5.0))
    assert small != likeness(a_sim_job("x/c", gpus_per_worker=2))
    assert small != likeness(a_sim_job("y/a"))


def test_those_that_wait_are_told_when_what_is_expected_has_changed_much() -> None:
    learner, like = Learner(), ("x", 1, 1)
    told = [learner.learn(like, seconds) for seconds in (100.0, 101.0, 102.0, 400.0, 100.0, 100.0)]
    assert told == [True, False, False, True, False, False]
    assert learner.lengths.expected(like) == pytest.approx(903.0 / 6)
