"""Means, percentiles and fairness of lists of numbers."""

import math
from collections.abc import Iterable, Sequence

HOUR_S = 3600.0
_DIGITS = 6


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean; none of nothing."""
    return math.fsum(values) / len(values) if values else None


def percentile(values: Iterable[float], percent: int) -> float | None:
    """By nearest rank: the least value that at least so many percent of all do not exceed; none of nothing."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None


def jain(shares: Sequence[float]) -> float | None:
    """Jain's index: 1 when all are equal, 1/n when one has all (Jain, Chiu and Hawe, DEC-TR-301, 1984)."""
    squares = math.fsum(share * share for share in shares)
    return math.fsum(shares) ** 2 / (len(shares) * squares) if squares else None


def hours(seconds: float | None) -> float | None:
    """Seconds as hours, rounded for a report."""
    return None if seconds is None else rounded(seconds / HOUR_S)


def ratio(part: float, whole: float) -> float | None:
    """A part of a whole; none where there is no whole."""
    return rounded(part / whole) if whole else None


def rounded(value: float | None) -> float | None:
    """Rounded for a report, so that it does not change with the order of sums."""
    return None if value is None else round(value, _DIGITS)
