"""When the running jobs of a pool end, as far as that is known, kept in order: the next ends are found at once."""

from bisect import bisect_left, bisect_right, insort

from entente.engine.model import Job

_LAST = "\U0010ffff"
"""Behind every key."""


class Ends:
    """Ends of running jobs: enforced by their limit, and estimated by their users."""

    def __init__(self) -> None:
        self._enforced: list[tuple[float, str]] = []
        self._estimated: list[tuple[float, str]] = []

    def put(self, job: Job) -> None:
        """A job runs."""
        enforced, estimated = _ends(job)
        if enforced is not None:
            insort(self._enforced, (enforced, job.key))
        if estimated is not None:
            insort(self._estimated, (estimated, job.key))

    def drop(self, job: Job) -> None:
        """A job that was put runs no longer."""
        enforced, estimated = _ends(job)
        if enforced is not None:
            del self._enforced[bisect_left(self._enforced, (enforced, job.key))]
        if estimated is not None:
            del self._estimated[bisect_left(self._estimated, (estimated, job.key))]

    def enforced_by(self, moment: float) -> set[str]:
        """Jobs that have ended by a moment whatever happens."""
        return {key for _, key in self._enforced[: bisect_right(self._enforced, (moment, _LAST))]}

    def estimated_by(self, moment: float, now: float) -> set[str]:
        """Jobs that have ended by a moment by their users' estimates; one that has passed already says nothing."""
        after = bisect_right(self._estimated, (now, _LAST))
        return {key for _, key in self._estimated[after : bisect_right(self._estimated, (moment, _LAST))]}

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
