"""When the running jobs of a pool end, as far as that is known, kept in order: the next ends are found at once."""

import math
from bisect import bisect_left, bisect_right, insort

from entente.engine.model import Job

_LAST = "\U0010ffff"
"""Behind every key."""


class Ends:
    """Ends of running jobs: enforced by their limit, and estimated by their users."""

    def __init__(self) -> None:
        self._enforced: list[tuple[float, str]] = []
        self._estimated: list[tuple[float, str]] = []
        self._over: dict[tuple[float, float, float], frozenset[str]] = {}
        """What was asked for since the last change."""

    def put(self, job: Job) -> None:
        enforced, estimated = _ends(job)
        self._over.clear()
        if enforced is not None:
            insort(self._enforced, (enforced, job.key))
        if estimated is not None:
            insort(self._estimated, (estimated, job.key))

    def drop(self, job: Job) -> None:
        enforced, estimated = _ends(job)
        self._over.clear()
        if enforced is not None:
            del self._enforced[bisect_left(self._enforced, (enforced, job.key))]
        if estimated is not None:
            del self._estimated[bisect_left(self._estimated, (estimated, job.key))]

    def over_by(self, moment: float, estimated: float = -math.inf, now: float = 0.0) -> frozenset[str]:
        """Jobs that have ended by a moment whatever happens, and those that have by another by their users' estimates.

        An estimate that has passed already says nothing.
        """
        key = (moment, estimated, now)
        found = self._over.get(key)
        if found is None:
            after = bisect_right(self._estimated, (now, _LAST))
            enforced = self._enforced[: bisect_right(self._enforced, (moment, _LAST))]
            likely = self._estimated[after : bisect_right(self._estimated, (estimated, _LAST))]
            found = self._over[key] = frozenset(key for _, key in (*enforced, *likely))
        return found

    def known_by(self, moment: float, now: float) -> list[tuple[float, str]]:
        """The ends up to a moment that are known, the earlier of both kinds, in order; none is in the past."""
        known: dict[str, float] = {}
        after = bisect_right(self._estimated, (now, _LAST))
        for end, key in (
            *self._enforced[: bisect_right(self._enforced, (moment, _LAST))],
            *self._estimated[after : bisect_right(self._estimated, (moment, _LAST))],
        ):
            known[key] = min(known.get(key, end), end)
        return sorted((max(now, end), key) for key, end in known.items())


def _ends(job: Job) -> tuple[float | None, float | None]:
    """As in `risk`, for a job that runs."""
    if job.started is None:
        return None, None
    enforced = None if job.max_s is None else job.started + job.max_s - job.run_s
    return enforced, None if job.expected_s is None else job.started + job.expected_s
