from entente.simulator.lengths import Lengths, likeness
from tests.support.replays import a_sim_job


def test_alike_are_jobs_of_one_tenant_and_size() -> None:
    small = likeness(a_sim_job("x/a"))
    assert small == likeness(a_sim_job("x/b", submitted=5.0))
    assert small != likeness(a_sim_job("x/c", gpus_per_worker=2))
    assert small != likeness(a_sim_job("y/a"))


def test_the_median_is_learnt_and_told_when_it_has_changed_much() -> None:
    lengths, like = Lengths(), ("x", 1, 1)
    assert lengths.median(like) is None
    told = [lengths.learn(like, seconds) for seconds in (100.0, 101.0, 102.0, 400.0, 500.0, 600.0)]
    assert told == [True, False, False, False, False, True]
    assert lengths.median(like) == (102.0 + 400.0) / 2
