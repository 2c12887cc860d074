"""`fifo` on small estates, worked out by hand."""

import pytest
from hypothesis import given

from entente.simulator.baselines.fifo import FifoPolicy
from tests.support.baselines import Submitted, drawn_jobs, job, replayed, site, starts


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        pytest.param(
            [job("a/1", 0, 6, 100), job("b/1", 1, 4, 10), job("a/2", 2, 1, 10)],
            {"a/1": 0, "b/1": 100, "a/2": 100},
            id="a job that would fit waits behind the head",
        ),
        pytest.param(
            [job("a/1", 0, 8, 50), job("a/2", 0, 8, 60), job("b/1", 5, 1, 10), job("b/2", 5, 8, 10)],
            {"a/1": 0, "a/2": 50, "b/1": 110, "b/2": 120},
            id="one after the other, whoever asks",
        ),
        pytest.param(
            [job("a/1", 0, 9, 50), job("b/1", 5, 1, 10)],
            {"b/1": 5},
            id="what never fits blocks nobody",
        ),
    ],
)
def test_jobs_start_in_the_order_of_submission(jobs: list[Submitted], expected: dict[str, float]) -> None:
    estate = site([8], {"a": 4, "b": 4})
    assert starts(FifoPolicy(estate), estate, jobs) == expected


def test_a_gang_waits_until_all_of_it_fits() -> None:
    estate = site([8, 8], {"a": 16})
    jobs = [job("a/1", 0, 1, 100), job("a/2", 1, 8, 10, workers=2), job("a/3", 2, 1, 10)]
    done = replayed(FifoPolicy(estate), estate, jobs)
    assert done.starts == {"a/1": 0, "a/2": 100, "a/3": 110}
    assert done.nodes["a/2"] == {"p0": 1, "p1": 1}


def test_the_first_pool_with_room_is_taken() -> None:
    estate = site({"p": [4], "q": [8]}, {"a": 4})
    jobs = [
        job("a/1", 0, 4, 100, pools=("p", "q")),
        job("a/2", 1, 4, 100, pools=("p", "q")),
        job("a/3", 2, 4, 10, pools=("p",)),
    ]
    done = replayed(FifoPolicy(estate), estate, jobs)
    assert done.starts == {"a/1": 0, "a/2": 1, "a/3": 100}
    assert done.nodes["a/2"] == {"q0": 1}


@given(drawn_jobs())
def test_nobody_overtakes(jobs: list[Submitted]) -> None:
    estate = site([8, 8, 4], {"a": 8, "b": 4, "c": 0})
    started = starts(FifoPolicy(estate), estate, jobs)
    in_order = [started[j.key] for j, _ in jobs if j.key in started]
    assert in_order == sorted(in_order)
    assert len(started) == sum(2 * (8 // j.gpus_per_worker) + 4 // j.gpus_per_worker >= j.workers for j, _ in jobs)
