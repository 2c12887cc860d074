"""What is due to each tenant of a pool at a moment: what it asks for inside its guarantee, and a fair part of the rest.

Measured the same way for every policy: weighted max-min over what is asked for, without memory and without placement.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Wish(NamedTuple):
    demand: int
    """GPUs of its running and pending jobs."""
    guaranteed: int
    most: int
    """Guarantee and borrow limit together."""
    weight: int


def dues(capacity: int, wishes: Sequence[Wish]) -> list[float]:
    """GPUs due to each, in the order given; at most what it asks for."""
    wanted = [min(wish.most, wish.demand) for wish in wishes]
    if sum(wanted) <= capacity:
        return [float(gpus) for gpus in wanted]
    by_right = [min(wish.demand, wish.guaranteed) for wish in wishes]
    promised = sum(by_right)
    if promised >= capacity:
        return [capacity * gpus / promised for gpus in by_right]
    extra = _filled(
        capacity - promised, [(w - r, wish.weight) for w, r, wish in zip(wanted, by_right, wishes, strict=True)]
    )
    return [right + more for right, more in zip(by_right, extra, strict=True)]


def _filled(left: float, borrowers: Sequence[tuple[int, int]]) -> list[float]:
    """Weighted max-min: whoever asks for least per weight is served first, from equal parts of what is left."""
    given = [0.0] * len(borrowers)
    weights = sum(weight for wanted, weight in borrowers if wanted)
    for index in sorted(range(len(borrowers)), key=lambda i: borrowers[i][0] / borrowers[i][1]):
        wanted, weight = borrowers[index]
        if wanted:
            given[index] = min(float(wanted), left * weight / weights)
            left -= given[index]
            weights -= weight
    return given
