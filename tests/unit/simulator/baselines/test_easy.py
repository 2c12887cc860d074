"""`easy` on small estates, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.simulator.baselines.easy import EasyPolicy
from entente.simulator.baselines.lanes import gang_of
from entente.simulator.policy import Site
from tests.support.baselines import Submitted, drawn_jobs, job, replayed, site, starts


@pytest.mark.parametrize(
    ("hosts", "jobs", "expected"),
    [
        pytest.param(
            [8],
            [
                job("a/1", 0, 6, 100, expected=100),
                job("b/1", 1, 8, 10, expected=10),
                job("a/2", 2, 2, 98, expected=98),
                job("a/3", 2, 2, 98, expected=98),
            ],
            {"a/1": 0, "b/1": 100, "a/2": 2, "a/3": 110},
            id="a job that is over by the head's turn goes ahead",
        ),
        pytest.param(
            [8],
            [
                job("a/1", 0, 6, 100, expected=100),
                job("b/1", 1, 8, 10, expected=10),
                job("a/2", 2, 2, 50, expected=99),
            ],
            {"a/1": 0, "b/1": 100, "a/2": 110},
            id="one that is expected to be a second longer does not, however long it is",
        ),
        pytest.param(
            [8],
            [
                job("a/1", 0, 6, 100, expected=100),
                job("b/1", 1, 4, 10, expected=10),
                job("a/2", 2, 2, 500, expected=500),
                job("a/3", 3, 2, 500, expected=500),
            ],
            {"a/1": 0, "b/1": 100, "a/2": 2, "a/3": 100},
            id="what is left beside the head may be used for any time",
        ),
        pytest.param(
            [8],
            [
                job("a/1", 0, 4, 100, expected=100),
                job("a/2", 0, 2, 200, expected=200),
                job("b/1", 1, 6, 10, expected=10),
                job("a/3", 2, 1, 500, expected=500),
            ],
            {"a/1": 0, "a/2": 0, "b/1": 100, "a/3": 110},
            id="no GPU is left beside the head",
        ),
        pytest.param(
            [8],
            [
                job("a/1", 0, 6, 50, expected=100),
                job("b/1", 1, 8, 10, expected=10),
                job("a/2", 2, 2, 60, expected=60),
            ],
            {"a/1": 0, "a/2": 2, "b/1": 62},
            id="an end before its time brings the turn forward, but what was started stays",
        ),
        pytest.param(
            [8],
            [
                job("a/1", 0, 6, 100, expected=50),
                job("b/1", 1, 8, 10, expected=10),
                job("a/2", 60, 2, 5, expected=5),
            ],
            {"a/1": 0, "b/1": 100, "a/2": 110},
            id="who runs longer than expected may end at any moment",
        ),
        pytest.param(
            [8, 8],
            [
                job("a/1", 0, 8, 100, expected=100),
                job("a/2", 0, 4, 50, expected=50),
                job("b/1", 1, 8, 10, expected=10),
                job("a/3", 2, 4, 49, expected=49),
                job("a/4", 2, 4, 48, expected=48),
            ],
            {"a/1": 0, "a/2": 0, "b/1": 50, "a/3": 60, "a/4": 2},
            id="the reservation is of hosts",
        ),
        pytest.param(
            [8, 8],
            [
                job("a/1", 0, 8, 100),
                job("a/2", 0, 6, 50),
                job("b/1", 1, 6, 10),
                job("a/3", 2, 2, 5, expected=5),
                job("a/4", 3, 2, 500),
            ],
            {"a/1": 0, "a/2": 0, "b/1": 50, "a/3": 2, "a/4": 7},
            id="without estimates only beside the head",
        ),
        pytest.param(
            [8],
            [job("a/1", 0, 6, 100), job("b/1", 1, 8, 10), job("a/2", 2, 2, 5, expected=5)],
            {"a/1": 0, "b/1": 100, "a/2": 110},
            id="without a known turn nobody is over by it",
        ),
    ],
)
def test_backfill_does_not_delay_the_head(hosts: list[int], jobs: list[Submitted], expected: dict[str, float]) -> None:
    estate = site(hosts, {"a": 4, "b": 4})
    assert starts(EasyPolicy(estate), estate, jobs) == expected


def test_the_earliest_turn_of_all_pools_counts() -> None:
    estate = site({"p": [8], "q": [8]}, {"a": 4})
    both = ("p", "q")
    jobs = [
        job("a/1", 0, 6, 100, expected=100),
        job("a/2", 0, 6, 50, expected=50, pools=("q",)),
        job("a/3", 1, 8, 10, expected=10, pools=both),
        job("a/4", 2, 2, 500, expected=500, pools=both),
        job("a/5", 3, 2, 500, expected=500, pools=both),
    ]
    done = replayed(EasyPolicy(estate), estate, jobs)
    assert done.starts == {"a/1": 0, "a/2": 0, "a/3": 50, "a/4": 2, "a/5": 60}
    assert (done.nodes["a/3"], done.nodes["a/4"]) == ({"q0": 1}, {"p0": 1})


def test_on_exclusive_hosts_the_heads_host_is_closed_to_other_tenants() -> None:
    estate = site([8, 8], {"a": 8, "b": 8}, exclusive=True)
    jobs = [
        job("a/1", 0, 6, 100, expected=100),
        job("b/1", 0, 6, 50, expected=50),
        job("a/2", 1, 4, 10, expected=10),  # its turn is at 50, on the host of b
        job("b/2", 2, 2, 49, expected=49),  # would be there a second too long
        job("b/3", 3, 2, 47, expected=47),
    ]
    assert starts(EasyPolicy(estate), estate, jobs) == {"a/1": 0, "b/1": 0, "a/2": 50, "b/2": 60, "b/3": 3}


def honest(jobs: list[Submitted]) -> bool:
    return all(j.expected_s is None or j.expected_s >= runs for j, runs in jobs)


@given(drawn_jobs(), st.booleans())
def test_the_head_starts_no_later_than_it_was_ever_promised(
    jobs: list[Submitted],
    exclusive: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    estate: Site = site([8, 8, 4], {"a": 8, "b": 4, "c": 0}, exclusive=exclusive)
    policy = EasyPolicy(estate)
    promised: dict[str, float] = {}

    def look(_: float) -> None:
        reserved = policy.reservation
        if reserved is not None and reserved.turn is not None:
            promised[reserved.job.key] = min(promised.get(reserved.job.key, reserved.turn), reserved.turn)

    assert honest(jobs)  # nobody runs longer than its estimate
    done = replayed(policy, estate, jobs, watch=look)
    assert len(done.starts) == sum(policy.floor.ever_fits(j) for j, _ in jobs)
    assert all(done.starts[key] <= turn for key, turn in promised.items())


@given(drawn_jobs())
def test_the_jobs_that_outlast_the_turn_leave_room_for_the_head(jobs: list[Submitted]) -> None:
    estate = site([8, 8, 4], {"a": 8, "b": 4, "c": 0})
    policy = EasyPolicy(estate)

    def look(_: float) -> None:
        reserved = policy.reservation
        if reserved is None:
            return
        left = dict.fromkeys(estate.nodes, 0)
        for key, placed in policy.floor.hosts[reserved.pool].placed.items():
            for host, workers in placed.workers_on.items():
                left[host] += workers * placed.gang.gpus if key in reserved.then.placed else 0
        for host, workers in reserved.workers_on.items():
            assert left[host] + workers * gang_of(reserved.job).gpus <= estate.nodes[host].gpus

    replayed(policy, estate, jobs, watch=look)
