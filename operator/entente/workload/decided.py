"""What a decision of the engine makes of a job's status. Pure; the pods follow the status."""

from collections.abc import Mapping
from datetime import datetime

from entente.api.amounts import count
from entente.api.job import Allocation, Eviction, Hold, Phase, Queue, StopCause, TrainingJob, TrainingJobStatus
from entente.api.reasons import Reason
from entente.engine import decisions
from entente.engine.decisions import Standing
from entente.engine.model import DAY_S
from entente.workload.moments import moment, seconds
from entente.workload.notes import Note
from entente.workload.stopping import Step, stop

_REMEMBERED = 50
"""Evictions kept in a status at most; the rules look at those of the last day."""


def start(job: TrainingJob, decision: decisions.Start, standing: Standing | None, now: float) -> Step:
    """A pending job has GPUs and is about to get its pods."""
    status = job.status
    since = status.admitted_time or moment(now)
    allocation = Allocation(
        pool=decision.pool,
        workers=decision.workers,
        gpus=decision.workers * job.spec.gpus_per_worker,
        class_=decision.class_,
        nodes=dict(decision.nodes),
        since=since,
        placed=moment(now),
        entitled_workers=standing.entitled_workers if standing else None,
        on_call=decision.on_call,
    )
    update = {
        "phase": Phase.STARTING,
        "allocation": allocation,
        "starts": status.starts + 1,
        "restarts": status.starts,
        "admitted_time": since,
        "queue": Queue(),
        "hold": None,
        "backoff_until": None,
    }
    return Step(status.model_copy(update=update))


def hold(job: TrainingJob, decision: decisions.Hold, now: float) -> Step:
    """GPUs are being freed for a job, which stays where it is until they are."""
    until = moment(decision.until)
    kept = job.status.hold
    since = kept.since if kept and kept.nodes == decision.nodes and kept.pool == decision.pool else moment(now)
    held = Hold(pool=decision.pool, nodes=dict(decision.nodes), since=since, until=until)
    update: dict[str, object] = {"hold": held}
    if kept == held:
        return Step(job.status)
    gpus = count(decision.workers * job.spec.gpus_per_worker, "GPU")
    freed = f"{gpus} on {count(len(decision.nodes), 'host')} of pool {decision.pool}"
    by = f"by {until:%H:%M:%S} UTC at the latest"
    if job.status.phase is Phase.PENDING:
        message = Reason.HELD.message(f"The operator frees {freed} for it, {by}.")
        update["queue"] = job.status.queue.model_copy(update={"reason": Reason.HELD, "message": message, "eta": until})
    return Step(job.status.model_copy(update=update), (Note("Held", f"the operator frees {freed} for the job, {by}"),))


def evict(job: TrainingJob, decision: decisions.Evict, now: float) -> Step:
    """A job is told to save and stop. Nothing says for whom."""
    text = (
        f"the job was told to save and stop within {decision.grace_s:.0f} s ({decision.cause}); then it waits in its "
        "old place in the queue"
    )
    step = stop(job, now, StopCause.EVICTED, text, grace_s=decision.grace_s)
    return Step(_remembering(job, step.status, decision, now), step.notes)


def shrink(job: TrainingJob, decision: decisions.Shrink, now: float) -> Step:
    """An elastic job is told to start again with fewer workers, on nodes that it keeps."""
    text = f"{_resized(decision)} ({decision.cause})"
    step = stop(job, now, StopCause.RESIZED, text, grace_s=decision.grace_s)
    kept = _kept(step.status, decision.pool, decision.nodes)
    return Step(_remembering(job, kept, decision, now), step.notes)


def shrink_further(job: TrainingJob, decision: decisions.Shrink) -> Step:
    """A job that was told to shrink in the same plan gives more workers, for another claim."""
    return Step(_kept(job.status, decision.pool, decision.nodes))


def grow(job: TrainingJob, decision: decisions.Grow, now: float) -> Step:
    """An elastic job is told to start again with more workers."""
    step = stop(job, now, StopCause.RESIZED, _resized(decision), grace_s=decision.grace_s)
    return Step(_kept(step.status, decision.pool, decision.nodes), step.notes)


def wait(job: TrainingJob, decision: decisions.Wait, standing: Standing | None, now: float) -> Step:
    """A pending job stays where it is; what its owner reads is brought up to date."""
    status = job.status
    queue = status.queue.model_copy(
        update={
            "position": decision.position,
            "reason": decision.reason,
            "message": decision.message,
            "eta": moment(decision.eta) if decision.eta is not None else None,
            "entitled_since": _entitled_since(status, standing, now),
        }
    )
    keeps = decision.reason is Reason.HELD or status.phase is not Phase.PENDING
    return Step(status.model_copy(update={"queue": queue, "hold": status.hold if keeps else None}))


def stand(job: TrainingJob, standing: Standing, now: float) -> TrainingJobStatus:
    """By what right a job runs now, and since when its notice runs: both change with what others do."""
    status = job.status
    if status.phase is Phase.PENDING:
        since = _entitled_since(status, standing, now)
        if since == status.queue.entitled_since:
            return status
        return status.model_copy(update={"queue": status.queue.model_copy(update={"entitled_since": since})})
    allocation = status.allocation
    if status.phase not in {Phase.STARTING, Phase.RUNNING} or allocation is None:
        return status
    update = {
        "class_": standing.class_,
        "entitled_workers": standing.entitled_workers,
        "on_call": allocation.on_call and standing.on_call,
    }
    if all(getattr(allocation, name) == value for name, value in update.items()):
        return status
    return status.model_copy(update={"allocation": allocation.model_copy(update=update)})


def _entitled_since(status: TrainingJobStatus, standing: Standing | None, now: float) -> datetime | None:
    if standing is None or not standing.notice_runs:
        return None
    return status.queue.entitled_since or moment(now)


def _resized(decision: decisions.Shrink | decisions.Grow) -> str:
    workers = count(decision.workers, "worker")
    return f"the job was told to save within {decision.grace_s:.0f} s and start again with {workers}"


def _kept(status: TrainingJobStatus, pool: str, nodes: Mapping[str, int]) -> TrainingJobStatus:
    """The stopping job with a place to start again."""
    if status.stopping is None:
        return status
    held = Hold(pool=pool, nodes=dict(nodes), since=status.stopping.since, until=status.stopping.until)
    return status.model_copy(update={"hold": held})


def _remembering(
    job: TrainingJob, status: TrainingJobStatus, decision: decisions.Evict | decisions.Shrink, now: float
) -> TrainingJobStatus:
    pool = job.status.allocation.pool if job.status.allocation else ""
    recent = [past for past in status.evictions if now - seconds(past.at) < DAY_S]
    fresh = Eviction(at=moment(now), pool=pool, cause=decision.cause)
    return status.model_copy(update={"evictions": (*recent, fresh)[-_REMEMBERED:]})
