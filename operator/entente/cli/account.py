"""Why a job is where it is, in sentences.

What is told comes from the job itself, its own Tenant and the pools' promises: nothing of another tenant can be in it.
"""

from collections.abc import Iterator

from entente.api.amounts import count
from entente.api.job import EvictionCause, Phase
from entente.cli.case import Case
from entente.cli.holding import holding
from entente.cli.waiting import waiting
from entente.cli.words import clock, duration, gpu_hours

_CAUSES = {
    EvictionCause.GUARANTEE: "another tenant needed its guarantee back",
    EvictionCause.FAIR_SHARE: "another tenant was below what was due to it",
    EvictionCause.PRIORITY: "a job of its own tenant with a higher priority needed the GPUs",
    EvictionCause.ON_CALL: "it ran on call, and the job that its GPUs are named for could start",
    EvictionCause.MOVE: "it moved to other hosts, so that another job fits on these",
    EvictionCause.SHRINK: "it goes on with fewer workers",
}


def account(case: Case) -> Iterator[str]:
    """Paragraphs, the most important first; items of a list start with a dash."""
    status = case.job.status
    yield _where(case)
    if case.job.metadata.deletion_timestamp is not None:
        yield "It is being deleted: its workers were told to save and stop."
        return
    match status.phase:
        case Phase.PENDING | Phase.SUSPENDED:
            yield from waiting(case)
        case Phase.STARTING | Phase.RUNNING:
            yield from holding(case)
        case Phase.STOPPING:
            yield from _stopping(case)
        case Phase.SUCCEEDED | Phase.FAILED:
            yield from _ended(case)
    yield from _past(case)
    for condition in status.conditions:
        if condition.type == "Readable" and condition.status == "False":
            yield f"The operator cannot read it as it is now: {condition.message}"


def _where(case: Case) -> str:
    job, status = case.job, case.job.status
    phase = f"{case.key} is {status.phase}"
    allocation = status.allocation
    if status.phase in {Phase.STARTING, Phase.RUNNING, Phase.STOPPING} and allocation is not None:
        since = status.start_time if status.phase is Phase.RUNNING else allocation.placed
        began = f" since {clock(since)} ({duration((case.now - since).total_seconds())})" if since else ""
        hosts = f" on {count(len(allocation.nodes), 'host')}" if allocation.nodes else ""
        per = job.spec.gpus_per_worker
        gang = f"{count(allocation.workers, 'worker')} of {count(per, 'GPU')}"
        return f"{phase}{began}: {gang}{hosts} of pool {allocation.pool}, {count(allocation.gpus, 'GPU')} in all."
    since = status.queue.since or job.metadata.creation_timestamp
    if status.phase is Phase.PENDING and since is not None:
        waited = f"{phase} since {clock(since)} ({duration((case.now - since).total_seconds())})"
        place = status.queue.position
        return f"{waited}, number {place} in the queue." if place else f"{waited}."
    return f"{phase}."


def _stopping(case: Case) -> Iterator[str]:
    stopping, hold = case.job.status.stopping, case.job.status.hold
    if stopping is None:
        yield "Its workers are being stopped."
        return
    why = f" ({stopping.cause})" if stopping.cause else ""
    yield f"It was told to stop at {clock(stopping.since)}{why} and is gone by {clock(stopping.until)} at the latest."
    if stopping.message:
        yield f"The operator says: {stopping.message}."
    if hold is not None:
        workers = sum(hold.nodes.values())
        hosts = count(len(hold.nodes), "host")
        yield f"It starts again with {count(workers, 'worker')} on {hosts} of pool {hold.pool}."


def _ended(case: Case) -> Iterator[str]:
    status = case.job.status
    told = next((c for c in status.conditions if c.type == status.phase and c.status == "True"), None)
    if told is not None:
        yield f"{told.reason}: {told.message}" if told.message else f"{told.reason}."
    if status.completion_time is not None:
        yield f"It ended at {clock(status.completion_time)}."


def _past(case: Case) -> Iterator[str]:
    """What it went through, and what that cost."""
    status = case.job.status
    if status.evictions:
        yield f"It was evicted {count(len(status.evictions), 'time')} lately:"
        for past in status.evictions:
            yield f"- {clock(past.at)} in pool {past.pool}: {past.cause}, {_CAUSES[past.cause]}."
    if status.failures and status.phase is not Phase.FAILED:
        yield f"It failed {count(status.failures, 'time')}, and spec.retry.limit is {case.job.spec.retry.limit}."
    if status.starts > 1 or status.wasted_gpu_seconds:
        used, wasted = gpu_hours(status.gpu_seconds), gpu_hours(status.wasted_gpu_seconds)
        yield (
            f"It started {count(status.starts, 'time')}. The starts that are over used {used} GPU-hours; evictions and "
            f"failures lost {wasted} of these."
        )
