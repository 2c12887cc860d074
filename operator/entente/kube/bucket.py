"""How many requests may be sent in a second."""

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
