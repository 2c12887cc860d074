"""Why a pending job waits, and what ends that, in sentences."""

from collections.abc import Iterator
from datetime import timedelta

from entente.api.amounts import count
from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.cli.case import Case
from entente.cli.words import clock, duration


def waiting(case: Case) -> Iterator[str]:
    """Paragraphs about a job that has no GPUs: reason and numbers, what ends the wait, the promise, the start."""
    queue = case.job.status.queue
    reason = Reason.SUSPENDED if queue.reason is None and case.job.spec.suspend else queue.reason
    if reason is None:
        yield "The operator has not looked at it yet. If that stays so, no operator runs: ask a cluster admin."
        return
    numbers, remedy = reason.parts(queue.message)
    exact = {Reason.HELD: _hold, Reason.BUDGET_SPENT: _budget}.get(reason)
    yield f"The reason is {reason}. {(exact(case) if exact else '') or numbers}"
    yield f"What ends the wait: {remedy}."
    if reason.is_demand:
        yield _promise(case)
    else:
        yield "Until then it is not in the queue."
    yield from _start(case)


def _hold(case: Case) -> str:
    hold = case.job.status.hold
    if hold is None:
        return ""
    gpus = count(sum(hold.nodes.values()) * case.job.spec.gpus_per_worker, "GPU")
    return (
        f"The operator frees {gpus} on {count(len(hold.nodes), 'host')} of pool {hold.pool} for it, and gives them to "
        f"nobody else. It began at {clock(hold.since)} and is done by {clock(hold.until)} at the latest."
    )


def _promise(case: Case) -> str:
    queue, pool = case.job.status.queue, case.pool
    if queue.entitled_since is None:
        return "No time is promised: the guarantee does not cover it, or no hosts fit it now."
    covered = f"Its tenant's guarantee covers it since {clock(queue.entitled_since)}"
    if pool is None:
        return f"{covered}, and the notice of its pool runs from then."
    notice = pool.spec.notice_seconds
    by = queue.entitled_since + timedelta(seconds=notice)
    late = (case.now - by).total_seconds()
    broken = f" That was {duration(late)} ago: the promise is broken." if late > 0 else ""
    return (
        f"{covered}. Pool {pool.metadata.name} promises the GPUs within {duration(notice)}, by {clock(by)}, plus the "
        f"time that pods take to end.{broken}"
    )


def _budget(case: Case) -> str:
    if case.tenant is None or case.tenant.spec.budget is None or case.tenant.status.budget is None:
        return ""
    budget, spent = case.tenant.spec.budget, case.tenant.status.budget
    ends = spent.period_start + timedelta(days=budget.period_days)
    what = "nothing" if budget.when_spent is WhenSpent.BLOCK else "nothing above its guarantee"
    return (
        f"Its tenant spent {spent.spent_gpu_hours:.1f} of {budget.gpu_hours:g} GPU-hours; {what} starts before the "
        f"period is over at {clock(ends)}."
    )


def _start(case: Case) -> Iterator[str]:
    """When it is expected to start; with a hold that is said already."""
    status = case.job.status
    eta = status.queue.eta or status.backoff_until
    if eta is None or status.hold is not None:
        return
    ahead = (eta - case.now).total_seconds()
    yield f"It is expected to start at {clock(eta)}, {'in ' + duration(ahead) if ahead >= 1 else 'any moment now'}."
