"""The queue of pending jobs, by shape."""

from hypothesis import given
from hypothesis import strategies as st

from entente.simulator.baselines.lanes import UNKNOWN, Backlog, Lane
from entente.simulator.policy import SimJob


def pending(name: str, gpus: int) -> SimJob:
    return SimJob(name, "t", 1, gpus, 0.0, ("p",))


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), max_size=60), st.integers(0, 10))
def test_a_lane_finds_the_first_job_that_is_short_enough(calls: list[tuple[int, int]], longest: int) -> None:
    lane, places, waiting = Lane(), list[str](), dict[str, float]()
    for number, length in calls:
        key = str(number)
        if key in waiting:
            lane.take(key)
            del waiting[key]
        else:
            if key not in places:
                places.append(key)
            waiting[key] = float(length) if length else UNKNOWN
            lane.put(key, waiting[key])
        in_order = [key for key in places if key in waiting]
        assert lane.first() == next(iter(in_order), None)
        assert lane.first(longest) == next((k for k in in_order if waiting[k] <= longest), None)


def test_the_first_of_all_lanes_is_the_one_submitted_first() -> None:
    backlog = Backlog(lambda job: job.gpus)
    small, large, later = pending("small", 1), pending("large", 8), pending("later", 1)
    for job in (small, large, later):
        backlog.put(job)
    assert backlog.first() is small
    backlog.take(small)
    assert backlog.first() is large
    backlog.close(large)
    assert backlog.first() is later
    backlog.put(small)  # again, in its old place
    assert backlog.first() is small
    backlog.close(small)
    assert backlog.first() is None
    backlog.reopen()
    assert backlog.first() is small


def test_a_lane_that_is_closed_stays_so_when_more_jobs_come() -> None:
    backlog = Backlog(lambda job: job.gpus)
    backlog.put(pending("one", 8))
    backlog.close(pending("one", 8))
    backlog.put(pending("two", 8))
    assert backlog.first() is None
