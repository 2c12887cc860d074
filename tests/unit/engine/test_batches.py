"""Pending jobs of a lane in batches: served in order, and set aside together."""

from math import inf

import pytest

from entente.engine.batches import Batch, Batches
from entente.engine.queues import Ask, Pending, Rank
from tests.support.estates import a_job


def entries(*places: int) -> list[Pending]:
    """Jobs with these places in their tenant's order."""
    return [Pending(a_job(f"a/{place}"), ("h100",), 0, (0.0, 0.0, float(place), f"a/{place}")) for place in places]


def ask(gpus: int, priority: int = 0) -> Ask:
    return Ask(priority, ("h100",), required=False, level=None, workers=gpus, gpus_per_worker=1)


def lane(*batches: Batch) -> Batches:
    found = Batches()
    for batch in batches:
        found.put(batch, min(e[0].rank for e in batch.untouched))
    return found


def served(batches: Batches) -> list[str]:
    """The names of all jobs, in the order in which they come."""
    names = []
    while batch := batches.head():
        if entry := batch.head():
            names.append(entry.job.key)
            batch.go_on()
        batches.settle(batch)
    return names


def test_jobs_of_all_batches_come_in_order() -> None:
    batches = lane(Batch(ask(1), [entries(1, 4, 5), entries(2, 9)]), Batch(ask(8), [entries(3, 6)]))
    assert served(batches) == ["a/1", "a/2", "a/3", "a/4", "a/5", "a/6", "a/9"]


NONE_YET = (-inf, 0.0, 0.0, "")


def after(place: int) -> Rank:
    """The job with this place was served last."""
    return (0.0, 0.0, float(place), f"a/{place}")


def test_a_run_that_is_passed_over_does_not_come_again() -> None:
    batches = lane(Batch(ask(1), [entries(1, 4), entries(2)]), Batch(ask(8), [entries(3)]))
    first = batches.head()
    assert first is not None
    assert first.head() is not None
    batches.pass_over(first)
    assert batches.head() is first
    assert served(batches) == ["a/2", "a/3"]


def test_the_last_run_of_a_batch_can_be_passed_over() -> None:
    batches = lane(Batch(ask(1), [entries(1)]), Batch(ask(8), [entries(3)]))
    batch = batches.head()
    assert batch is not None
    assert batch.head() is not None
    batches.pass_over(batch)
    assert served(batches) == ["a/3"]


def test_what_is_out_of_reach_stays_aside_and_with_it_whatever_asks_for_more() -> None:
    asked = {1: 8, 2: 2, 3: 4, 4: 16}
    batches = lane(*(Batch(ask(gpus), [entries(place)]) for place, gpus in asked.items()))
    while batch := batches.head():
        assert batch.ask is not None
        batches.set_aside(batch, batch.ask)
    looked_at = []

    def beyond(batch: Batch) -> bool:
        assert batch.ask is not None
        looked_at.append(batch.ask.gpus)
        return batch.ask.gpus > 4

    batches.return_beyond(NONE_YET, beyond)
    assert served(batches) == ["a/2", "a/3"]
    assert looked_at == [2, 4, 8]


def test_batches_of_other_priorities_are_looked_at_by_themselves() -> None:
    batches = lane(Batch(ask(8), [entries(1)]), Batch(ask(16, priority=5), [entries(2)]))
    while batch := batches.head():
        assert batch.ask is not None
        batches.set_aside(batch, batch.ask)
    batches.return_beyond(NONE_YET, lambda batch: batch.ask == ask(8))
    assert served(batches) == ["a/2"]


@pytest.mark.parametrize("waits", [True, False], ids=["would wait", "out of reach"])
@pytest.mark.parametrize("touched", [True, False], ids=["looked at", "not looked at"])
def test_runs_that_had_their_turn_do_not_come_again_when_their_batch_does(*, waits: bool, touched: bool) -> None:
    batches = lane(Batch(ask(1), [entries(1, 4), entries(3, 5), entries(6)]), Batch(ask(8), [entries(2, 7)]))
    batch = batches.head()
    assert batch is not None
    if touched:
        assert batch.head() is not None
    if waits:
        batches.let_wait(batch)
        batches.return_waiting(after(2))
    else:
        batches.set_aside(batch, ask(1))
        batches.return_beyond(after(2), lambda _: False)
    assert served(batches) == ["a/2", "a/3", "a/5", "a/6", "a/7"]
