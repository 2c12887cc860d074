"""By what right a job has its GPUs, who may take them, and what that would cost it, in sentences."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from entente.api.amounts import count
from entente.api.job import Allocation, AllocationClass, Phase
from entente.api.pool import GPUPool
from entente.cli.case import Case
from entente.cli.words import clock, duration, gpu_hours
from entente.engine import risk
from entente.engine.intake import job_of, pool_of
from entente.engine.model import DEFAULT_INTERVAL_S, RESTART_S, Job, Pool

_OWN = "a job of its own tenant with a higher priority"


def holding(case: Case) -> Iterator[str]:
    """Paragraphs about a job that starts or runs."""
    status = case.job.status
    if status.phase is Phase.STARTING:
        yield "The operator makes its workers; it runs once all of them are ready."
    yield from _right(case)
    yield from _loss(case)
    yield from _known_end(case)


def _right(case: Case) -> Iterator[str]:
    allocation, pool = case.job.status.allocation, case.pool
    if allocation is None:
        return
    if allocation.on_call:
        yield (
            "It is on call: its GPUs are named for another job. It is evicted as soon as that job can start on them."
        )
    entitled = allocation.workers if allocation.entitled_workers is None else allocation.entitled_workers
    more = allocation.workers - entitled
    if allocation.class_ is AllocationClass.ENTITLED:
        part = f"{entitled} of its {allocation.workers} workers"
        covered, gpus = (part, "theirs") if more > 0 else ("it", "its GPUs")
        yield (
            f"It is Entitled: its tenant's guarantee covers {covered}. No other tenant can take {gpus} as long as the "
            f"pool has what it guarantees; {_OWN} can."
        )
        if more > 0:
            others = "The other worker is borrowed" if more == 1 else f"The other {more} workers are borrowed"
            yield (
                f"{others}: a job within another tenant's guarantee can take their GPUs at any time. Then the job goes "
                "on with fewer workers."
            )
    else:
        yield (
            "It is Borrowed: its tenant's guarantee does not cover it. A job within another tenant's guarantee can "
            f"take its GPUs at any time, and so can {_OWN}."
        )
        yield _fair_share(case, pool)
        yield from _spare(case, allocation)


def _spare(case: Case, allocation: Allocation) -> Iterator[str]:
    """How much smaller a borrowed job of several sizes can be made."""
    elastic = case.job.spec.elastic
    spare = 0 if elastic is None else allocation.workers - elastic.min_workers
    if spare > 0:
        yield f"It is elastic: it can lose {count(spare, 'worker')} before it is evicted as a whole."


def _fair_share(case: Case, pool: GPUPool | None) -> str:
    allocation = case.job.status.allocation
    engine = _engine(case)
    if engine is not None and risk.evictions_by_others(engine[0], case.now.timestamp()) >= risk.MAX_EVICTIONS_BY_OTHERS:
        return (
            "Other tenants had it evicted three times in the last 24 hours: none of their borrowed jobs can do so now."
        )
    if pool is None or allocation is None or allocation.since is None:
        return "After the pool's minimum runtime a job of a tenant that is below its due can take its GPUs, too."
    until = allocation.since + timedelta(seconds=pool.spec.min_runtime_seconds)
    if until <= case.now:
        return "Its minimum runtime is over: a job of a tenant that is below its due can take its GPUs, too."
    return f"Until {clock(until)}, its minimum runtime, no borrowed job of another tenant can take its GPUs."


def _engine(case: Case) -> tuple[Job, Pool] | None:
    """The job and its pool as the engine sees them."""
    if case.pool is None:
        return None
    namespace = case.job.metadata.namespace or ""
    job = job_of(case.job, {namespace: "its own"}, case.now)
    return None if job is None else (job, pool_of(case.pool))


def _loss(case: Case) -> Iterator[str]:
    engine = _engine(case)
    if engine is None:
        return
    job, pool = engine
    now, gpus = case.now.timestamp(), case.job.status.allocation.gpus if case.job.status.allocation else 0
    unsaved = risk.unsaved_seconds(job, pool, now)
    restart = RESTART_S if job.restart_s is None else min(RESTART_S, job.restart_s)
    lost = gpu_hours((unsaved + restart) * gpus)
    measured = "measured" if job.restart_s is not None else "not measured yet"
    yield (
        f"If it were evicted now, it would lose {lost} GPU-hours on {count(gpus, 'GPU')}: {duration(unsaved)} of work "
        f"and {duration(restart)} to start again ({measured}). {_saving(job, pool)}"
    )
    past = risk.evictions_by_others(job, now)
    if past:
        weighs = gpu_hours(risk.work_at_risk(job, pool, now))
        times = count(past, "time")
        yield f"Other tenants had it evicted {times} in the last 24 hours, so this loss counts as {weighs} GPU-hours."
    grace = risk.grace(job, pool, pool.notice_s)
    yield f"It would get {duration(grace)} to save and stop, and go back to its old place in the queue."


def _saving(job: Job, pool: Pool) -> str:
    if risk.saves_when_told(job, pool):
        return f"It saves within {duration(job.grace_s or 0)} when it is told to, so no work counts as unsaved."
    if job.last_checkpoint is not None:
        return f"Its last checkpoint was at {clock(datetime.fromtimestamp(job.last_checkpoint, UTC))}."
    every = duration(job.interval_s or DEFAULT_INTERVAL_S)
    said = "as its spec says" if job.interval_s else "the usual interval"
    return f"It has reported no checkpoint; the operator assumes one every {every}, {said}."


def _known_end(case: Case) -> Iterator[str]:
    engine = _engine(case)
    if engine is None:
        return
    enforced = risk.enforced_end(*engine, case.now.timestamp())
    estimated = risk.estimated_end(engine[0], case.now.timestamp())
    if enforced is not None:
        yield f"The operator stops it at {clock(datetime.fromtimestamp(enforced, UTC))} at the latest (maxSeconds)."
    if estimated is not None and (enforced is None or estimated < enforced):
        yield f"It is expected to end at {clock(datetime.fromtimestamp(estimated, UTC))} (expectedSeconds)."
