"""How many requests may be sent: per second, and per object."""

import time
from collections.abc import Callable


class TokenBucket:
    """Allows `rate` a second on average, and `burst` at once.

    Args:
        rate: tokens that come back each second.
        burst: tokens that it holds at most, and holds at first.
        clock: monotonic seconds.
    """

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        if rate <= 0 or burst < 1:
            message = f"rate: {rate}, burst: {burst} given; rate must be above 0 and burst at least 1"
            raise ValueError(message)
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._tokens = float(burst)
        self._at = clock()

    def take(self) -> bool:
        """Take a token if there is one."""
        self._refill()
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def wait_s(self) -> float:
        """Seconds until there is a token."""
        self._refill()
        return max(0.0, (1.0 - self._tokens) / self._rate)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


class WriteBudget:
    """Counts the writes made for an object while it is on its way to some goal (a job until it runs).

    Writes that must be made are counted and never refused; writes that need not be made (events) are refused where
    they would bring the sum above the limit, those still needed included.

    Args:
        limit: writes for one object at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._needed: dict[str, int] = {}
        self._spent: dict[str, int] = {}

    def open(self, uid: str, *, needed: int) -> None:
        """Begin to count. An object that is counted already goes on with the new need.

        Args:
            uid: of the object.
            needed: writes that must still be made for it.
        """
        self._needed[uid] = needed
        self._spent.setdefault(uid, 0)

    def spend(self, uid: str) -> None:
        """Count a write that must be made."""
        if uid in self._spent:
            self._spent[uid] += 1
            self._needed[uid] = max(0, self._needed[uid] - 1)

    def admit(self, uid: str) -> bool:
        """Count a write that need not be made, unless it is refused. Objects that are not counted may have it."""
        if uid not in self._spent:
            return True
        if self._spent[uid] + self._needed[uid] >= self.limit:
            return False
        self._spent[uid] += 1
        return True

    def close(self, uid: str) -> int:
        """The goal is reached, or the object is gone: forget it. Writes that were made for it."""
        self._needed.pop(uid, None)
        return self._spent.pop(uid, 0)
