"""Rules N1, N8, N9: what keeps a job from GPUs, whoever else has them."""

import pytest

from entente.simulator.baselines.kai.queues import Queue, may_have, preemptible


def tree(
    *, quota: int | None, limit: int | None, parent_quota: int | None = None, parent_limit: int | None = None
) -> Queue:
    leaf = Queue("leaf", quota, limit, parent=Queue("top", parent_quota, parent_limit))
    leaf.take(3, non_preemptible=True)
    leaf.take(2)
    return leaf


@pytest.mark.parametrize(
    ("leaf", "gpus", "certain", "expected"),
    [
        pytest.param(tree(quota=4, limit=8), 3, False, True, id="up to the limit"),
        pytest.param(tree(quota=4, limit=8), 4, False, False, id="not beyond the limit"),
        pytest.param(tree(quota=4, limit=None), 99, False, True, id="no limit"),
        pytest.param(tree(quota=4, limit=0), 1, False, False, id="limit 0 blocks everything"),
        pytest.param(tree(quota=4, limit=None, parent_limit=6), 2, False, False, id="not beyond the parent's limit"),
        pytest.param(tree(quota=4, limit=None), 1, True, True, id="what cannot be evicted up to the quota"),
        pytest.param(tree(quota=4, limit=None), 2, True, False, id="what cannot be evicted not beyond the quota"),
        pytest.param(tree(quota=None, limit=None), 9, True, True, id="an unlimited quota"),
        pytest.param(tree(quota=9, limit=None, parent_quota=4), 2, True, False, id="nor beyond the parent's quota"),
    ],
)
def test_limits_bind_all_and_quotas_bind_what_cannot_be_evicted(
    leaf: Queue,
    gpus: int,
    certain: bool,  # noqa: FBT001  # a column of the table
    expected: bool,  # noqa: FBT001  # a column of the table
) -> None:
    assert may_have(leaf, gpus, non_preemptible=certain) is expected


@pytest.mark.parametrize(("priority", "expected"), [(0, True), (99, True), (100, False), (1000, False)])
def test_a_job_below_priority_100_may_be_evicted(priority: int, expected: bool) -> None:  # noqa: FBT001  # a column of the table
    assert preemptible(priority) is expected


def test_a_queue_that_kai_would_refuse_is_refused() -> None:
    with pytest.raises(ValueError, match=r"queue a: quota: -1 given, allowed are 0 and more"):
        Queue("a", -1)
