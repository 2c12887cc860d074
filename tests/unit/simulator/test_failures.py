import itertools

import pytest

from entente.engine.model import DAY_S
from entente.simulator.failures import failures
from tests.support.replays import a_site


def test_failures_are_the_same_for_the_same_seed_and_in_order_of_time() -> None:
    nodes = a_site({"x": 8}, hosts=4).nodes
    drawn = list(itertools.islice(failures(nodes, 10.0, seed=3), 200))
    assert drawn == list(itertools.islice(failures(nodes, 10.0, seed=3), 200))
    assert drawn != list(itertools.islice(failures(nodes, 10.0, seed=4), 200))
    assert [f.at for f in drawn] == sorted(f.at for f in drawn)
    assert {f.host for f in drawn} == set(nodes)
    assert {f.gpu for f in drawn} == set(range(8))


def test_the_rate_is_per_thousand_gpus_and_day() -> None:
    nodes = a_site({"x": 8}, hosts=125).nodes  # a thousand GPUs
    days = 200
    drawn = itertools.takewhile(lambda f: f.at < days * DAY_S, failures(nodes, 5.0, seed=1))
    assert sum(1 for _ in drawn) / days == pytest.approx(5.0, rel=0.1)
