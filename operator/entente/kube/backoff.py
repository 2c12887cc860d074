"""How long to wait before trying again."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter above a floor, all in seconds."""

    first_s: float = 0.1
    factor: float = 2.0
    cap_s: float = 10.0
    patience_s: float = 60.0
    """Give up when the next wait would end later than this after the first attempt."""

    def delay(self, attempt: int, rng: random.Random, *, at_least_s: float = 0.0) -> float:
        """Seconds before attempt number `attempt` + 1 (the first attempt is number 0).

        Jitter is added above what the server asked for, never below: all who were refused together would come back
        together otherwise.
        """
        # The exponent is bounded, since a float power overflows after a thousand attempts.
        step = min(self.cap_s, self.first_s * self.factor ** min(attempt, 64))
        return at_least_s + rng.uniform(0.0 if at_least_s else step / 2, step)


def retry_after(header: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for; none if there is none that can be read.

    Args:
        header: a number of seconds or an HTTP date.
        now: the time that a date is compared with; the clock by default.
    """
    if not header:
        return None
    text = header.strip()
    if text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
