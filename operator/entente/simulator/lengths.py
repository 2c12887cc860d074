"""How long jobs ran, by tenant and size: what `engine.learning` finds in finished jobs, kept up in a replay.

Jobs of a trace have no names of their own, so that those of one tenant and size are alike.
"""

import bisect

from entente.simulator.policy import SimJob

Likeness = tuple[str, int, int]
"""Tenant, workers and GPUs of each."""

_NEWS = 1.25
"""Jobs that wait are told anew when the median has changed by this factor: the order hardly depends on less."""


def likeness(job: SimJob) -> Likeness:
    """What jobs have in common that are expected to run about as long."""
    return (job.tenant, job.workers, job.gpus_per_worker)


class Lengths:
    """The median length of finished jobs, by what they have in common."""

    def __init__(self) -> None:
        self._found: dict[Likeness, list[float]] = {}
        self._told: dict[Likeness, float] = {}

    def learn(self, like: Likeness, seconds: float) -> bool:
        """One more has finished; whether those that wait are to be told."""
        bisect.insort(self._found.setdefault(like, []), seconds)
        median, told = self.median(like) or 0.0, self._told.get(like)
        news = told is None or not told / _NEWS <= median <= told * _NEWS
        if news:
            self._told[like] = median
        return news

    def median(self, like: Likeness) -> float | None:
        """Of all that have finished; none before the first."""
        found = self._found.get(like)
        if not found:
            return None
        middle = len(found) // 2
        return found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2
