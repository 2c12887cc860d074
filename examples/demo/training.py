"""Simulated training of one job: how far it is, what it has saved, what a stop costs it."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Training:
    """Progress of a job over all its starts, in seconds; what a trainer keeps in its checkpoints outlives a stop.

    It saves every `interval_s` of a run, and when it is told to stop if it can save when told.
    """

    total_s: float
    """Training that the job needs."""
    interval_s: float
    saves_when_told: bool
    saved_s: float = 0.0
    """Training that the last checkpoint has."""
    running_since: float | None = None

    def start(self, now: float) -> None:
        """Go on from the last checkpoint."""
        self.running_since = now

    def stop(self, now: float) -> float:
        """Be told to stop; gives the time of the last checkpoint, now or earlier."""
        if self.running_since is None:
            return now
        ran = now - self.running_since
        kept = ran if self.saves_when_told else math.floor(ran / self.interval_s) * self.interval_s
        self.saved_s = min(self.total_s, self.saved_s + kept)
        saved_at = self.running_since + kept
        self.running_since = None
        return saved_at

    @property
    def ends_at(self) -> float:
        """When it is done if nobody stops it; infinity while it does not run."""
        if self.running_since is None:
            return math.inf
        return self.running_since + self.total_s - self.saved_s

    def next_checkpoint(self, now: float) -> float:
        """The next time that it saves by itself; infinity while it does not run."""
        if self.running_since is None:
            return math.inf
        saves = math.floor((now - self.running_since) / self.interval_s) + 1
        return self.running_since + saves * self.interval_s
