import pytest

from entente.kube.budget import TokenBucket, WriteBudget
from tests.support.clock import FakeClock


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = FakeClock()
    bucket = TokenBucket(rate=2.0, burst=3, clock=clock)

    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s() == pytest.approx(0.5)

    clock.now += 0.5
    assert [bucket.take(), bucket.take()] == [True, False]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    clock = FakeClock()
    bucket = TokenBucket(rate=2.0, burst=3, clock=clock)

    clock.now += 1e6

    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(("rate", "burst"), [(0.0, 1), (-1.0, 1), (1.0, 0)])
def test_a_bucket_that_could_never_give_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="rate must be above 0 and burst at least 1"):
        TokenBucket(rate, burst)


def test_writes_that_are_still_needed_leave_no_room_for_others() -> None:
    budget = WriteBudget(limit=4)
    budget.open("job", needed=4)

    assert not budget.admit("job")
    for _ in range(4):
        budget.spend("job")
    assert not budget.admit("job")

    assert budget.close("job") == 4


def test_what_needed_writes_leave_over_is_given_away_once() -> None:
    budget = WriteBudget(limit=4)
    budget.open("job", needed=3)

    assert [budget.admit("job"), budget.admit("job")] == [True, False]

    for _ in range(3):
        budget.spend("job")
    assert budget.close("job") == 4


def test_an_object_that_reached_its_goal_may_have_any_number() -> None:
    budget = WriteBudget(limit=1)
    budget.open("job", needed=1)
    budget.close("job")

    assert all(budget.admit("job") for _ in range(10))
    budget.spend("job")
    assert budget.close("job") == 0
