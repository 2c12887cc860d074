"""What carrying out a decision makes of a job's record, for all who do so without a cluster."""

from dataclasses import replace

from entente.api.job import Phase
from entente.engine.decisions import Evict, Grow, Shrink, Start
from entente.engine.model import Job, PastEviction, Placement


def started(job: Job, start: Start, now: float) -> Job:
    return replace(
        job,
        phase=Phase.RUNNING,
        placement=Placement(start.pool, dict(start.nodes)),
        since=now if job.since is None else job.since,
        started=now,
        on_call=start.on_call,
        hold=None,
        hold_until=None,
        pending_since=None,
        entitled_since=None,
    )


def told_to_stop(job: Job, action: Evict | Shrink | Grow, now: float) -> Job:
    """It has its grace to save and stop; only an evicted one is pending again after it."""
    past = job.evictions if isinstance(action, Grow) else (*job.evictions, PastEviction(now, action.cause))
    return replace(
        job,
        phase=Phase.STOPPING,
        since=None if isinstance(action, Evict) else job.since,
        stopping_until=now + action.grace_s,
        evictions=past,
    )


def stopped(job: Job, now: float) -> Job:
    """Its workers are gone: it waits, for what is held for it or in its old place."""
    return replace(
        job,
        phase=Phase.PENDING,
        placement=None,
        started=None,
        on_call=False,
        run_s=job.run_s + ran_s(job, now),
        pending_since=now,
        stopping_until=None,
    )


def ran_s(job: Job, now: float) -> float:
    """Seconds since its last start."""
    return 0.0 if job.started is None else max(0.0, now - job.started)
