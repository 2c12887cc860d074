"""The course of a pool in few points: averages over equal parts of the time."""

import itertools
from dataclasses import dataclass

from entente.simulator.meter import Series


@dataclass(frozen=True, slots=True)
class Course:
    """Averages, one for each part of the time."""

    at_s: list[float]
    """Begin of each part."""
    held: list[float]
    """GPUs in use."""
    pending: list[float]
    """GPUs asked for by pending jobs."""


def course(series: Series, end_s: float, parts: int) -> Course:
    """Average a series up to an end. The time is cut into so many parts."""
    width = end_s / parts if end_s > 0 else 1.0
    held, pending = [0.0] * parts, [0.0] * parts
    ends = itertools.chain(series.at[1:], [end_s])
    for begin, end, gpus, asked in zip(series.at, ends, series.held, series.pending, strict=False):
        stop = min(end, end_s)
        part = min(parts - 1, int(begin / width))
        while begin < stop:
            until = stop if part == parts - 1 else min(stop, (part + 1) * width)
            held[part] += gpus * max(0.0, until - begin) / width
            pending[part] += asked * max(0.0, until - begin) / width
            begin, part = until, part + 1  # noqa: PLW2901 - what is left of this stretch
            if part >= parts:
                break
    return Course([part * width for part in range(parts)], held, pending)
