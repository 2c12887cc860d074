"""What a run of a job achieves, and what of it is lost when it is cut short."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    began: float
    restart_s: float
    """Until its work goes on; nothing at the first start."""
    interval_s: float
    """It saves after each so many seconds of the run."""
    speed: float = 1.0
    """Seconds of work done in a second: 1 with all the workers that were asked for."""

    def ends(self, work_s: float) -> float:
        """When so many seconds of work are done."""
        return self.began + self.restart_s + work_s / self.speed

    def cut(self, now: float, *, saves: bool) -> "Cut":
        """What an end now leaves. `saves`: the job is told before, and has the time to save."""
        ran = max(0.0, now - self.began)
        saved_at = ran if saves else ran // self.interval_s * self.interval_s
        worked, saved = (max(0.0, s - self.restart_s) for s in (ran, saved_at))
        return Cut(kept_s=saved, lost_s=worked - saved, restart_s=min(ran, self.restart_s), work_s=saved * self.speed)


@dataclass(frozen=True, slots=True)
class Cut:
    """A run that is over, in seconds: kept, lost and restarting are all of it."""

    kept_s: float
    lost_s: float
    restart_s: float
    work_s: float
    """Work that need not be done again."""
