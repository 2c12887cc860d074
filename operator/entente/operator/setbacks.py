"""Jobs that something unforeseen went wrong with: each is tried again later and later, and stops nobody else."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from entente.metrics.stage import Stage
from entente.operator.tracked import Tracked

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 300.0


@dataclass(frozen=True, slots=True)
class _Setback:
    uid: str
    pause_s: float
    until: float


class Setbacks:
    """Jobs that are left alone for a while.

    Args:
        count: told of each error.
    """

    def __init__(self, count: Callable[[Stage], None]) -> None:
        self._count = count
        self._by_key: dict[str, _Setback] = {}

    def until(self, tracked: Tracked, now: float) -> float | None:
        """When a job is to be tried again; none when it may be tried now."""
        found = self._by_key.get(tracked.key)
        return found.until if found is not None and found.uid == tracked.uid and found.until > now else None

    def failed(self, tracked: Tracked, stage: Stage, error: Exception, now: float) -> None:
        """Something went wrong with a job that nobody foresaw.

        The log gets the kind of error and where it happened. Not its text: that may quote what the job's owner wrote.
        """
        pause = self._next_pause(tracked, now)
        self._by_key[tracked.key] = _Setback(tracked.uid, pause, now + pause)
        self._count(stage)
        where = "".join(traceback.format_tb(error.__traceback__)).rstrip()
        _log.error(
            "job %s: unforeseen %s (%s); trying again in %.0f s\n%s",
            tracked.key,
            type(error).__name__,
            stage,
            pause,
            where,
        )

    def forget(self, key: str) -> None:
        self._by_key.pop(key, None)

    def _next_pause(self, tracked: Tracked, now: float) -> float:
        """Twice the last one; the first one again, when the job was all right for long."""
        last = self._by_key.get(tracked.key)
        if last is None or last.uid != tracked.uid or now - last.until > _LAST_PAUSE_S:
            return _FIRST_PAUSE_S
        return min(_LAST_PAUSE_S, 2 * last.pause_s)
