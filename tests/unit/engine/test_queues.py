"""Pending jobs of one tenant."""

import itertools
import random

import pytest

from entente.engine.queues import Queue
from tests.support.estates import NOW, a_job, a_tenant


def most_by_brute_force(sizes: list[int], room: int) -> int:
    """The largest sum of some of them within the room."""
    sets = itertools.chain.from_iterable(itertools.combinations(sizes, n) for n in range(len(sizes) + 1))
    return max(total for total in map(sum, sets) if total <= room)


@pytest.mark.parametrize("seed", range(30))
def test_no_more_gpus_are_started_on_than_the_bound_says_and_none_when_none_fits(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - a repeatable draw, no secret
    queue = Queue(a_tenant("a", 8), {"h100": 600.0, "a100": 600.0}, NOW)
    sizes: list[int] = []
    for index in range(order.randint(0, 7)):
        workers, per = order.randint(1, 3), order.choice((1, 2, 4))
        pools = ("h100",) if order.random() < 0.7 else ("a100", "h100")
        queue.put(a_job(f"a/{index}", workers=workers, gpus_per_worker=per), pools, 0)
        sizes.append(workers * per)
    queue.put(a_job("a/elsewhere", gpus_per_worker=1), ("a100",), 0)
    for room in range(-1, 20):
        least = most_by_brute_force(sizes, max(0, room))
        assert least <= queue.starting("h100", room) <= max(0, room)
        assert bool(least) == bool(queue.starting("h100", room))


def test_the_bound_follows_the_queue() -> None:
    queue = Queue(a_tenant("a", 8), {"h100": 600.0}, NOW)
    assert queue.starting("h100", 8) == 0
    queue.put(a_job("a/x", gpus_per_worker=4), ("h100",), 0)
    assert queue.starting("h100", 8) == 4
    queue.drop("a/x")
    assert queue.starting("h100", 8) == 0
