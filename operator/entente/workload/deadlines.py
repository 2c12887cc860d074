"""When a job must be looked at again though nothing has happened to it."""

from entente.api.job import Phase, TrainingJob
from entente.workload.accounting import run_seconds
from entente.workload.moments import seconds, seconds_or_none
from entente.workload.wanted import expiry


def next_deadline(job: TrainingJob, now: float, start_timeout_s: float) -> float | None:
    """The next time, past or future, at which the job changes by itself; none when only events change it."""
    status = job.status
    match status.phase:
        case Phase.PENDING:
            times = (seconds_or_none(status.backoff_until), seconds_or_none(status.hold.until if status.hold else None))
            return min((time for time in times if time is not None and time > now), default=None)
        case Phase.STARTING:
            placed = status.allocation.placed if status.allocation else None
            return seconds(placed) + start_timeout_s + 1 if placed else None
        case Phase.RUNNING:
            limit = job.spec.max_seconds
            return now + limit - status.run_seconds - run_seconds(status, now) if limit is not None else None
        case Phase.SUCCEEDED | Phase.FAILED:
            return expiry(job)
        case Phase.STOPPING | Phase.SUSPENDED:
            return None
