"""Time that passes only when somebody sleeps."""

import asyncio


class FakeClock:
    """A monotonic clock; sleeping moves it on and lets others run."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
