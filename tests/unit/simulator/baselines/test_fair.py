"""`fair` on small estates, worked out by hand."""

import math

import pytest
from hypothesis import given

from entente.simulator.baselines.fair import FairPolicy
from tests.support.baselines import Submitted, drawn_jobs, job, replayed, site, starts


@pytest.mark.parametrize(
    ("guaranteed", "jobs", "expected"),
    [
        pytest.param(
            {"a": 4, "b": 4},
            [job("a/1", 0, 8, 10), *(job(f"a/{i}", 1, 4, 10) for i in (2, 3, 4)), job("b/1", 2, 4, 10)],
            {"a/1": 0, "a/2": 10, "b/1": 10, "a/3": 20, "a/4": 20},
            id="who has nothing goes before who came first",
        ),
        pytest.param(
            {"a": 6, "b": 2},
            [
                job("a/0", 0, 8, 10),
                *(job(f"a/{i}", 1, 2, 10) for i in (1, 2, 3, 4)),
                *(job(f"b/{i}", 2, 2, 10) for i in (1, 2, 3, 4)),
            ],
            # shares after each start: a 1/3, b 1, a 2/3, a 1; then, all ended: a 1/3 (first come), b 1, b 2, b 3
            {"a/0": 0, "a/1": 10, "b/1": 10, "a/2": 10, "a/3": 10, "a/4": 20, "b/2": 20, "b/3": 20, "b/4": 20},
            id="guarantees are weights",
        ),
        pytest.param(
            {"a": 4, "b": 4},
            [job("a/1", 0, 6, 100), job("b/1", 1, 4, 10), job("b/2", 2, 1, 10), job("a/2", 3, 1, 10)],
            {"a/1": 0, "b/1": 100, "b/2": 2, "a/2": 3},
            id="what does not fit keeps nobody waiting",
        ),
        pytest.param(
            {"a": 0, "b": 8},
            [job("b/0", 0, 8, 10), job("a/1", 1, 8, 10), job("b/1", 2, 8, 10), job("b/2", 3, 8, 10)],
            {"b/0": 0, "b/1": 10, "b/2": 20, "a/1": 30},
            id="without a guarantee one comes last",
        ),
        pytest.param(
            {"a": 4, "b": 4},
            [job("a/0", 0, 8, 10), job("b/1", 1, 8, 10), job("a/1", 2, 8, 10)],
            {"a/0": 0, "b/1": 10, "a/1": 20},
            id="of equal shares the one that waits longest",
        ),
    ],
)
def test_the_tenant_with_the_lowest_share_goes_first(
    guaranteed: dict[str, int], jobs: list[Submitted], expected: dict[str, float]
) -> None:
    estate = site([8], guaranteed)
    assert starts(FairPolicy(estate), estate, jobs) == expected


def test_the_dominant_share_is_that_of_the_pool_where_it_is_highest() -> None:
    estate = site({"p": [8], "q": [8]}, {"a": 4, "b": 8})
    policy = FairPolicy(estate)
    shares = []

    def look(_: float) -> None:
        shares.append((policy.share("a"), policy.share("b"), policy.share("nobody")))

    jobs = [job("a/1", 0, 2, 10), job("a/2", 0, 6, 10, pools=("q",)), job("b/1", 0, 2, 10)]
    replayed(policy, estate, jobs, watch=look)
    assert shares == [(1.5, 0.25, math.inf), (0.0, 0.0, math.inf)]


def test_on_exclusive_hosts_a_share_counts_whole_hosts() -> None:
    estate = site([8, 8], {"a": 8, "b": 8}, exclusive=True)
    policy = FairPolicy(estate)
    shares = []
    replayed(policy, estate, [job("a/1", 0, 1, 10)], watch=lambda _: shares.append(policy.share("a")))
    assert shares == [1.0, 0.0]


@given(drawn_jobs())
def test_a_tenants_equal_jobs_start_in_the_order_of_submission(jobs: list[Submitted]) -> None:
    estate = site([8, 8, 4], {"a": 8, "b": 4, "c": 0})
    done = replayed(FairPolicy(estate), estate, jobs)
    lanes: dict[object, list[float]] = {}
    for j, _ in jobs:
        if j.key in done.starts:
            lanes.setdefault((j.tenant, j.workers, j.gpus_per_worker), []).append(done.starts[j.key])
    assert all(lane == sorted(lane) for lane in lanes.values())
