"""Rules 6 and 7 for a single job: what it would lose, when it ends by itself, how long it gets to stop."""

from entente.api.job import EvictionCause, Phase
from entente.engine.model import DAY_S, DEFAULT_INTERVAL_S, MIN_GRACE_S, RESTART_S, Job, Pool

_BY_OTHERS = frozenset({EvictionCause.GUARANTEE, EvictionCause.FAIR_SHARE})

MAX_EVICTIONS_BY_OTHERS = 3
"""After as many in 24 h no borrowed job of another tenant can evict a job."""


def saves_when_told(job: Job, pool: Pool) -> bool:
    """Whether the job declares that it saves when told to stop, within the notice."""
    return job.grace_s is not None and job.grace_s <= pool.notice_s


def evictions_by_others(job: Job, now: float) -> int:
    """Evictions for other tenants' claims in the last 24 h."""
    return sum(e.cause in _BY_OTHERS and 0 <= now - e.at < DAY_S for e in job.evictions)


def unsaved_seconds(job: Job, pool: Pool, now: float) -> float:
    """Seconds of work that an eviction now would lose, at most the pool's bound."""
    if saves_when_told(job, pool) or job.started is None:
        return 0.0
    ran = max(0.0, now - job.started)
    if job.last_checkpoint is not None:
        lost = min(ran, max(0.0, now - job.last_checkpoint))
    else:
        lost = ran % (job.interval_s or DEFAULT_INTERVAL_S)
    return min(lost, pool.max_at_risk_s)


def work_at_risk(job: Job, pool: Pool, now: float) -> float:
    """GPU-seconds that the job would lose if it were evicted now."""
    restart = RESTART_S if job.restart_s is None else min(RESTART_S, job.restart_s)
    once = (unsaved_seconds(job, pool, now) + restart) * job.gpus
    return once * float(2 ** evictions_by_others(job, now))


def enforced_end(job: Job, pool: Pool, now: float) -> float | None:
    """When the job ends whatever happens: its limit, or the end of its grace when it is stopping."""
    if job.phase is Phase.STOPPING:
        return stopped_by(job, pool, now)
    if job.started is None or job.max_s is None:
        return None
    return job.started + job.max_s - job.run_s


def stopped_by(job: Job, pool: Pool, now: float) -> float:
    """When a job that is on its way out is gone: what it was told, else now plus the grace that it may have."""
    return now + grace(job, pool, pool.notice_s) if job.stopping_until is None else max(now, job.stopping_until)


def estimated_end(job: Job, now: float) -> float | None:
    """When the job ends by its user's estimate, as long as that lies in the future."""
    if job.started is None or job.expected_s is None:
        return None
    end = job.started + job.expected_s
    return end if end > now else None


def known_end(job: Job, pool: Pool, now: float) -> float | None:
    """The earlier of the enforced and the estimated end."""
    ends = [e for e in (enforced_end(job, pool, now), estimated_end(job, now)) if e is not None]
    return min(ends) if ends else None


def known_length(job: Job) -> float | None:
    """How long a pending job runs at the most: its limit less what it ran already, else its estimate."""
    if job.max_s is not None:
        return max(0.0, job.max_s - job.run_s)
    return job.expected_s


def needed_grace(job: Job, pool: Pool) -> float:
    """Seconds that the job needs to stop well: its own where it saves when told, else the least there is."""
    if saves_when_told(job, pool) and job.grace_s is not None:
        return max(MIN_GRACE_S, job.grace_s)
    return MIN_GRACE_S


def grace(job: Job, pool: Pool, notice_left_s: float) -> float:
    """Seconds that the job gets: what it asks for, bounded by what is left of the notice less the handover."""
    bound = notice_left_s - (pool.handover_s or 0.0)
    return max(MIN_GRACE_S, min(job.grace_s if job.grace_s is not None else MIN_GRACE_S, bound))
