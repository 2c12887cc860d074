"""The division of GPUs among queues: quotas first, then the rest by weight (rules N2-N6).

After pkg/scheduler/plugins/proportion/resource_division/resource_division.go and .../proportion.go
(`setFairShareForQueues`) of kai-scheduler/KAI-Scheduler. There the rounds go over a map, so that the order of a sum of
floats is left to chance; here queues are taken in the order given.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import floor

from entente.simulator.baselines.kai.queues import Queue

DEFAULT_K = 1.0
"""How much past use counts against a queue's weight."""


def divide(total: int, tops: Sequence[Queue], children: Mapping[str, Sequence[Queue]], k: float = DEFAULT_K) -> None:
    """Set the fair share of all queues of a tree, level by level: children divide their parent's (N6).

    Args:
        total: GPUs of all hosts that are up.
        tops: The queues without a parent.
        children: The queues below each that has some, by its name.
        k: Weight of past use.
    """
    _divide_among(total, tops, k)
    for queue in tops:
        if below := children.get(queue.name):
            divide(queue.fair_share, below, children, k)


def _divide_among(total: int, queues: Sequence[Queue], k: float) -> None:
    left = total
    for queue in queues:
        queue.fair_share = min(total if queue.quota is None else queue.quota, queue.requestable)
        left -= queue.fair_share
    if left <= 0:
        return
    buckets: dict[int, list[Queue]] = {}
    for queue in queues:
        buckets.setdefault(queue.priority, []).append(queue)
    fractions: list[list[tuple[float, Queue]]] = []
    for priority in sorted(buckets, reverse=True):
        left, of_bucket = _by_weight(left, buckets[priority], k)
        fractions.append(of_bucket)
    # what was lost by rounding down is given out only when every bucket had its turn, one GPU each (N5)
    for of_bucket in fractions:
        for _, queue in sorted(of_bucket, key=lambda entry: (-entry[0], entry[1].age, entry[1].name)):
            if not left:
                return
            queue.fair_share += 1
            left -= 1


def _by_weight(total: int, bucket: Sequence[Queue], k: float) -> tuple[int, list[tuple[float, Queue]]]:
    """Rounds by weight, as long as one of them left a queue satisfied (N4).

    Returns:
        What is left, and the fractions that rounding down kept from those that want more.
    """
    left = total
    fractions: dict[str, tuple[float, Queue]] = {}
    again = True
    while again and left:
        again = False
        round_total = left
        for queue, part in _parts(bucket, k):
            if not left:
                break
            wanted = queue.requestable - queue.fair_share
            share = round_total * part
            if wanted <= share:
                given = wanted
                fractions.pop(queue.name, None)
            else:
                given = floor(share)
                if share > given:
                    fractions[queue.name] = (share - given, queue)
            queue.fair_share += given
            left -= given
            again = again or (given > 0 and wanted < share)
    return left, list(fractions.values())


def _parts(bucket: Iterable[Queue], k: float) -> list[tuple[Queue, float]]:
    """The part of a round that is each unsatisfied queue's, its past use held against it."""
    wanting = [queue for queue in bucket if queue.requestable > queue.fair_share]
    weights = sum(queue.weight for queue in wanting)
    if not weights:
        return []
    pulls = [
        (queue, max(0.0, queue.weight / weights + k * (queue.weight / weights - queue.usage))) for queue in wanting
    ]
    pull = sum(value for _, value in pulls)
    return [(queue, value / pull) for queue, value in pulls if queue.weight] if pull else []
