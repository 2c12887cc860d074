"""Rules N10, N11: whose turn it is, and whom a failure blocks."""

from collections.abc import Sequence

import pytest

from entente.simulator.baselines.kai.ordering import Failures, JobRank, easier, queue_rank
from entente.simulator.baselines.kai.queues import Queue
from entente.simulator.hosts import Gang


def queue(name: str, quota: int | None, allocated: int, fair_share: int, *, priority: int = 100, age: int = 0) -> Queue:
    return Queue(name, quota, allocated=allocated, fair_share=fair_share, priority=priority, age=age)


@pytest.mark.parametrize(
    ("first", "second", "jobs", "victims"),
    [
        pytest.param(
            queue("z", 4, 5, 5), queue("a", 8, 9, 8), (1, 1), (0, 0), id="one that is not above its fair share"
        ),
        pytest.param(
            queue("z", 4, 2, 9), queue("a", 9, 2, 9), (2, 8), (0, 0), id="one that stays within its quota with its job"
        ),
        pytest.param(
            queue("z", 4, 6, 9, priority=200), queue("a", 4, 5, 9), (1, 1), (0, 0), id="one of higher priority"
        ),
        pytest.param(
            queue("z", None, 1, 9), queue("a", 0, 0, 0), (1, 1), (0, 0), id="one that uses nothing it has no share of"
        ),
        pytest.param(
            queue("z", 2, 2, 8), queue("a", 2, 3, 8), (1, 1), (0, 0), id="one with the lower share with its job"
        ),
        pytest.param(
            queue("z", 2, 3, 8), queue("a", 2, 2, 8), (1, 3), (0, 0), id="a small job makes up for a larger share"
        ),
        pytest.param(queue("z", 8, 8, 8), queue("a", 8, 6, 8), (0, 0), (6, 2), id="one whose victims were counted off"),
        pytest.param(
            queue("z", 2, 2, 8), queue("a", 2, 3, 8), (2, 1), (0, 0), id="with equal shares, the lower without its job"
        ),
        pytest.param(
            queue("z", 1, 0, 4), queue("a", 1, 0, 8), (2, 4), (0, 0), id="with equal shares, the smaller queue"
        ),
        pytest.param(queue("z", 2, 2, 8), queue("a", 2, 2, 8, age=1), (1, 1), (0, 0), id="of equals the older one"),
        pytest.param(queue("a", 2, 2, 8), queue("b", 2, 2, 8), (1, 1), (0, 0), id="of those of one age by name"),
    ],
)
def test_first_is(first: Queue, second: Queue, jobs: tuple[int, int], victims: tuple[int, int]) -> None:
    ranks = [queue_rank(queue, 16, *figures) for queue, *figures in zip((first, second), jobs, victims, strict=True)]
    assert ranks[0] < ranks[1]


def test_a_larger_job_in_front_never_makes_a_queue_come_earlier() -> None:
    for made in (queue("a", 4, 3, 6), queue("a", 0, 0, 0), queue("a", None, 3, 6), queue("a", 2, 8, 6)):
        ranks = [queue_rank(made, 16, gpus) for gpus in range(20)]
        assert ranks == sorted(ranks)


RANKS: Sequence[JobRank] = [
    JobRank(-5, surplus=False, submitted=90.0, key="t/late-but-high"),
    JobRank(-5, surplus=True, submitted=10.0, key="t/high", number=1),
    JobRank(0, surplus=False, submitted=10.0, key="t/early"),
    JobRank(0, surplus=False, submitted=20.0, key="t/a"),
    JobRank(0, surplus=False, submitted=20.0, key="t/b"),
    JobRank(0, surplus=True, submitted=5.0, key="t/elastic", number=1),
    JobRank(0, surplus=True, submitted=5.0, key="t/elastic", number=2),
]


def test_jobs_go_by_priority_then_least_gangs_first_then_submission() -> None:
    assert sorted(set(RANKS)) == RANKS


@pytest.mark.parametrize(
    ("gang", "failed", "expected"),
    [
        pytest.param(Gang(1, 4), Gang(1, 4), False, id="the same"),
        pytest.param(Gang(1, 8), Gang(1, 4), False, id="a larger worker"),
        pytest.param(Gang(1, 2), Gang(1, 4), True, id="a smaller worker"),
        pytest.param(Gang(2, 4), Gang(1, 4), False, id="more workers"),
        pytest.param(Gang(1, 8), Gang(4, 2), True, id="fewer workers, though larger"),
        pytest.param(Gang(8, 1), Gang(1, 4), True, id="smaller workers, though more"),
    ],
)
def test_a_job_is_easier_with_fewer_or_smaller_workers(gang: Gang, failed: Gang, expected: bool) -> None:  # noqa: FBT001  # a column of the table
    assert easier(gang, failed) is expected


def test_the_least_job_that_failed_is_kept() -> None:
    failures = Failures()
    assert not failures.blocks(Gang(1, 8))
    failures.add(Gang(2, 8))
    assert not failures.blocks(Gang(1, 8))
    failures.add(Gang(1, 8))
    failures.add(Gang(2, 4))  # not smaller in every way: the other stays
    assert failures.blocks(Gang(1, 8))
    assert not failures.blocks(Gang(1, 4))
