"""`backfill` on small estates, worked out by hand."""

import itertools

import pytest
from hypothesis import given

from entente.simulator.baselines.backfill import BackfillPolicy
from entente.simulator.failures import Failure
from entente.simulator.replay import Conditions
from tests.support.baselines import Submitted, drawn_jobs, job, replayed, site, starts


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        pytest.param(
            [job("a/1", 0, 6, 100), job("b/1", 1, 4, 10), job("a/2", 2, 1, 10), job("a/3", 3, 2, 10)],
            {"a/1": 0, "b/1": 100, "a/2": 2, "a/3": 12},
            id="whoever fits starts",
        ),
        pytest.param(
            [job("a/1", 0, 4, 10), *(job(f"b/{i}", 5 * i, 4, 10) for i in range(1, 5)), job("a/2", 1, 8, 5)],
            {"a/1": 0, "b/1": 5, "b/2": 10, "b/3": 15, "b/4": 20, "a/2": 30},
            id="a stream of small jobs delays a large one",
        ),
        pytest.param(
            [job("a/1", 0, 8, 10), job("b/1", 1, 8, 10), job("b/2", 2, 4, 10), job("a/2", 3, 4, 10)],
            {"a/1": 0, "b/1": 10, "b/2": 20, "a/2": 20},
            id="of those that fit the first comes first",
        ),
    ],
)
def test_each_job_that_fits_starts(jobs: list[Submitted], expected: dict[str, float]) -> None:
    estate = site([8], {"a": 4, "b": 4})
    assert starts(BackfillPolicy(estate), estate, jobs) == expected


def test_on_exclusive_hosts_others_rooms_do_not_count() -> None:
    estate = site([8, 8], {"a": 8, "b": 8, "c": 0}, exclusive=True)
    jobs = [job("a/1", 0, 1, 100), job("b/1", 1, 1, 50), job("c/1", 2, 1, 10), job("a/2", 3, 7, 10)]
    assert starts(BackfillPolicy(estate), estate, jobs) == {"a/1": 0, "b/1": 1, "c/1": 51, "a/2": 3}


def test_a_job_that_lost_its_host_gets_its_old_place_in_the_queue() -> None:
    estate = site([8, 4], {"a": 8})
    jobs = [job("a/1", 0, 8, 100), job("a/2", 1, 8, 10)]
    lost = Conditions(failure_restart_s=0, host_down_s=50, failures=lambda: iter([Failure(10.0, "p0", 0)]))
    done = replayed(BackfillPolicy(estate), estate, jobs, conditions=lost)
    assert done.starts == {"a/1": 60, "a/2": 160}


@given(drawn_jobs())
def test_a_pending_job_never_fits_what_is_left(jobs: list[Submitted]) -> None:
    sizes = {"p0": 8, "p1": 8, "p2": 4}
    estate = site(list(sizes.values()), {"a": 8, "b": 4, "c": 0})
    done = replayed(BackfillPolicy(estate), estate, jobs)
    ends = {j.key: done.starts[j.key] + runs for j, runs in jobs if j.key in done.starts}
    moments = sorted({*ends.values(), *(j.submitted for j, _ in jobs)})
    for (waiting, _), now in itertools.product(jobs, moments):
        if waiting.key not in ends or not waiting.submitted <= now < done.starts[waiting.key]:
            continue
        free = dict(sizes)
        for j, _ in jobs:
            if j.key in ends and done.starts[j.key] <= now < ends[j.key]:
                for host, workers in done.nodes[j.key].items():
                    free[host] -= workers * j.gpus_per_worker
        assert sum(gpus // waiting.gpus_per_worker for gpus in free.values()) < waiting.workers
