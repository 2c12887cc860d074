"""Rule N14: in which order running jobs are looked at as victims."""

from entente.simulator.baselines.kai.victims import in_order
from tests.support.kai import built, kai_job


def order(quotas: dict[str, int], running: dict[str, int], *, gpus: int = 16) -> list[str]:
    """The keys in order; jobs are submitted in the order given, each on a host of its own."""
    jobs = [(kai_job(key, size, at=float(i)), {f"h{i}": 1}) for i, (key, size) in enumerate(running.items())]
    made = built([gpus] * len(jobs), quotas, jobs)
    return [unit.id for unit in in_order(made.cluster, made.cluster.running)]


def test_in_a_queue_the_job_submitted_last_is_the_first_victim() -> None:
    assert order({"a": 0}, {"a/1": 1, "a/2": 1, "a/3": 1}) == ["a/3", "a/2", "a/1"]


def test_the_queue_above_its_quota_comes_before_one_within_it() -> None:
    assert order({"a": 2, "b": 4}, {"a/1": 3, "b/1": 3}) == ["a/1", "b/1"]


def test_the_worst_queue_comes_first_as_it_stands_without_its_victims_and_the_next() -> None:
    # shares without the next victim: a 4/2, b 4/2 of what is allocatable; by turns as GPUs are counted off
    assert order({"a": 2, "b": 2}, {"a/1": 2, "a/2": 2, "a/3": 2, "b/1": 2, "b/2": 2, "b/3": 2}) == [
        "b/3",
        "a/3",
        "b/2",
        "a/2",
        "b/1",
        "a/1",
    ]


def test_a_large_next_victim_makes_a_queue_look_better() -> None:
    assert order({"a": 2, "b": 2}, {"a/1": 1, "a/2": 5, "b/1": 1, "b/2": 1, "b/3": 4})[0] == "b/3"


def test_a_low_priority_goes_first_whatever_its_age() -> None:
    jobs = [
        (kai_job("a/low", 1, at=0.0, priority=0), {"h0": 1}),
        (kai_job("a/high", 1, at=9.0, priority=50), {"h0": 1}),
    ]
    made = built([8], {"a": 0}, jobs)
    assert [unit.id for unit in in_order(made.cluster, made.cluster.running)] == ["a/low", "a/high"]


def test_a_job_of_priority_100_is_no_victim() -> None:
    jobs = [(kai_job("a/sure", 1, priority=100), {"h0": 1}), (kai_job("a/1", 1, priority=99), {"h0": 1})]
    made = built([8], {"a": 2}, jobs)
    assert [unit.id for unit in in_order(made.cluster, made.cluster.running)] == ["a/1"]
