"""Rules N22-N24: how long a job is safe after its start."""

import pytest

from entente.simulator.baselines.kai import minruntime
from entente.simulator.baselines.kai.queues import Queue
from entente.simulator.baselines.kai.work import Work
from entente.simulator.policy import SimJob


def tree() -> dict[str, Queue]:
    """Two tops; below the first two departments with leaves."""
    found = {"top": Queue("top", None), "other": Queue("other", None)}
    for name, parent in [("x", "top"), ("y", "top"), ("x1", "x"), ("x2", "x"), ("y1", "y"), ("o1", "other")]:
        found[name] = Queue(name, None, parent=found[parent])
    return found


@pytest.mark.parametrize(
    ("given", "victim", "expected"),
    [
        pytest.param({}, "x1", 0.0, id="0 where nothing is set"),
        pytest.param({"x1": 5.0, "x": 7.0}, "x1", 5.0, id="the leaf's own"),
        pytest.param({"x": 7.0, "top": 9.0}, "x1", 7.0, id="the next above"),
        pytest.param({"y": 7.0}, "x1", 0.0, id="not a sibling's"),
    ],
)
def test_preemption_in_a_queue_waits_for_the_first_value_upwards(
    given: dict[str, float], victim: str, expected: float
) -> None:
    queues = tree()
    for name, seconds in given.items():
        queues[name].preempt_min_runtime_s = seconds
    assert minruntime.for_preempt(queues[victim]) == expected


@pytest.mark.parametrize(
    ("given", "claimant", "victim", "expected"),
    [
        pytest.param({}, "x1", "y1", 0.0, id="0 where nothing is set"),
        pytest.param({"y": 5.0, "y1": 7.0}, "x1", "y1", 5.0, id="just below the common ancestor, not the leaf"),
        pytest.param({"x2": 3.0, "x": 5.0}, "x1", "x2", 3.0, id="of sisters the victim's leaf"),
        pytest.param({"top": 9.0}, "x1", "y1", 9.0, id="else the next above"),
        pytest.param({"x": 4.0}, "x1", "y1", 0.0, id="the claimant's side says nothing"),
        pytest.param({"other": 6.0, "o1": 8.0}, "x1", "o1", 6.0, id="of different tops the victim's top"),
        pytest.param({"o1": 8.0}, "x1", "o1", 0.0, id="of different tops the victim's top alone"),
    ],
)
def test_reclaim_waits_as_the_queue_below_the_common_ancestor_says(
    given: dict[str, float], claimant: str, victim: str, expected: float
) -> None:
    queues = tree()
    for name, seconds in given.items():
        queues[name].reclaim_min_runtime_s = seconds
    assert minruntime.for_reclaim(queues[claimant], queues[victim]) == expected


def test_a_job_is_safe_from_its_last_start_on_and_workers_beyond_its_least_never_are() -> None:
    work = Work(SimJob("t/a", "t", 3, 1, 0.0, ("p",), min_workers=2), Queue("t", None), started=100.0)
    assert minruntime.safe(work.core, 60.0, 159.0)
    assert not minruntime.safe(work.core, 60.0, 160.0)
    assert [minruntime.safe(unit, 60.0, 101.0) for unit in work.surplus] == [False]
