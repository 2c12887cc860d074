"""Why a pending job waits, and what ends that, in sentences."""

from collections.abc import Iterator
from datetime import timedelta

from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.cli.case import Case
from entente.cli.words import clock, count, duration, listed


def waiting(case: Case) -> Iterator[str]:
    """Paragraphs about a job that has no GPUs."""
    it, status = case.job.status.queue, case.job.status
    yield _asked(case)
    reason = Reason.SUSPENDED if it.reason is None and case.job.spec.suspend else it.reason
    if reason is None:
        yield "The operator has not looked at it yet. If that stays so, it does not run: ask an admin of the cluster."
        return
    yield f"It waits for the reason {reason}: {reason.meaning}"
    if it.message:
        yield it.message
    if reason is Reason.BUDGET_SPENT:
        yield from _budget(case)
    if it.position and reason.is_demand:
        yield f"It is number {it.position} of its tenant's pending jobs."
    if not reason.is_demand:
        yield "As long as that is so it is no demand: it takes no part of its tenant's guarantee."
    else:
        yield _promise(case)
    if status.hold is not None:
        workers = sum(status.hold.nodes.values())
        gpus = workers * case.job.spec.gpus_per_worker
        hosts = count(len(status.hold.nodes), "host")
        yield (
            f"{gpus} GPUs on {hosts} of pool {status.hold.pool} are held for it since {clock(status.hold.since)}; they "
            f"are free by {clock(status.hold.until)} at the latest, and nobody else gets them."
        )
    yield f"What ends the wait: {reason.remedy}"
    if reason.is_demand or reason is Reason.BACKOFF:
        yield from _eta(case)


def _asked(case: Case) -> str:
    spec = case.job.spec
    per = count(spec.gpus_per_worker, "GPU")
    text = f"It asks for {count(spec.workers, 'worker')} of {per}, {spec.workers * spec.gpus_per_worker} GPUs in all,"
    if spec.elastic is not None:
        least, most = spec.elastic.min_workers, spec.elastic.max_workers
        text += f" starts with {least} where there is no room for more, and may grow to {most},"
    named = spec.pools or (tuple(terms.name for terms in case.tenant.spec.pools) if case.tenant else ())
    text += f" of pool {listed(named, 'or')}" if named else " of any pool of its tenant"
    if spec.topology is not None:
        text += f", {'all' if spec.topology.mode == 'Required' else 'best'} inside one {spec.topology.level}"
    priority = spec.priority or "its tenant's default"
    return f"{text}; priority: {priority}."


def _promise(case: Case) -> str:
    entitled, pool = case.job.status.queue.entitled_since, case.pool
    if entitled is None:
        return (
            "The notice of the pool does not run for it now: with it its tenant would be above its guarantee, or no "
            "hosts can hold it beside what nobody may take from. It gets what others leave, and no time is promised."
        )
    text = f"It is within its tenant's guarantee since {clock(entitled)}"
    if pool is None:
        return f"{text}, and the notice of the pool runs from then."
    notice = pool.spec.notice_seconds
    by = entitled + timedelta(seconds=notice)
    late = (
        "" if by >= case.now else f" That was {duration((case.now - by).total_seconds())} ago: the promise is broken."
    )
    return (
        f"{text}: pool {pool.metadata.name} promises the GPUs within {duration(notice)} of that, by {clock(by)}, plus "
        f"the time that pods take to end.{late}"
    )


def _budget(case: Case) -> Iterator[str]:
    if case.tenant is None or case.tenant.spec.budget is None or case.tenant.status.budget is None:
        return
    budget, spent = case.tenant.spec.budget, case.tenant.status.budget
    ends = spent.period_start + timedelta(days=budget.period_days)
    what = "nothing starts" if budget.when_spent is WhenSpent.BLOCK else "nothing above the guarantee starts"
    yield (
        f"Its tenant spent {spent.spent_gpu_hours:.1f} of {budget.gpu_hours:g} GPU-hours of the period that ends at "
        f"{clock(ends)}; until then {what}."
    )


def _eta(case: Case) -> Iterator[str]:
    status = case.job.status
    eta = status.queue.eta or status.backoff_until
    if eta is not None:
        ahead = (eta - case.now).total_seconds()
        yield f"It is expected to start at {clock(eta)}, {'in ' + duration(ahead) if ahead >= 1 else 'any moment now'}."
    elif status.hold is None:
        yield "No time can be given: nothing that it waits for has a known end."
