"""What a change does to one job, in a sentence or two."""

from collections.abc import Iterator

from entente.api.amounts import count
from entente.api.job import AllocationClass, EvictionCause
from entente.cli.difference import Right, Turn
from entente.cli.places import place
from entente.cli.words import duration, gpu_hours
from entente.engine.decisions import Decision, Evict, Grow, Hold, Shrink, Start, Wait
from entente.engine.model import Snapshot

_SOON_S = 60.0
"""Two moments nearer than this are told as one."""

_RIGHTS = {
    EvictionCause.GUARANTEE: "which its tenant's guarantee covers",
    EvictionCause.FAIR_SHARE: "whose tenant has less than its fair share",
    EvictionCause.PRIORITY: "which has a higher priority",
    EvictionCause.ON_CALL: "for which its GPUs are named",
}


def told(turn: Turn, before: Snapshot, after: Snapshot) -> str | None:
    """The sentence; none where only numbers of a message differ.

    Args:
        turn: what is decided about the job, today and with the change.
        before: the estate of today.
        after: the changed estate.
    """
    today = turn.today
    text: str | None
    match turn.changed:
        case Start() as it:
            text = _starts(it, today, before, after)
        case Hold() as it:
            text = _gets_freed(it, today, before, after)
        case Evict() as it if turn.goes_to:
            where, now = place(turn.goes_to.nodes, after), _moved_today(turn, before)
            text = f"would be moved to {where} {_for(it)}: {_cost(it)}{now}."
        case Evict() as it:
            text = f"would be told to save and stop {_for(it)}: {_cost(it)}{_today(today)}."
        case Shrink() as it:
            text = f"would be shrunk to {count(it.workers, 'worker')} {_for(it)}: {_cost(it)}{_today(today)}."
        case Grow(workers=workers) if isinstance(today, Grow) and workers == today.workers:
            text = "would grow as it does today, but on other hosts."
        case Grow() as it:
            text = f"would grow to {count(it.workers, 'worker')}{_today(today)}."
        case Wait() as it:
            text = _waits(it, today, before, after)
        case None:
            text = _nothing(today)
    return f"{turn.job} {text}" if text else None


def by_right(right: Right) -> str:
    """A job that keeps its GPUs, and by what right."""
    if right.changed is AllocationClass.BORROWED:
        return f"{right.job} would run on borrowed GPUs; today its tenant's guarantee covers it."
    return f"{right.job} would be covered by its tenant's guarantee; today it runs on borrowed GPUs."


def waits_on(wait: Wait) -> str:
    """A job that waits with the change for the same reason as today."""
    return f"{wait.job} would wait as it does today ({wait.reason}). {wait.message}"


def _starts(it: Start, today: Decision | None, before: Snapshot, after: Snapshot) -> str:
    if not isinstance(today, Start):
        return f"would start at once on {place(it.nodes, after)}{_right(it)}{_today(today)}."
    others = [*_otherwise(it, today, before, after)]
    if not others:
        return "would start on the same hosts as today, with its workers placed otherwise."
    return f"would start {', '.join(others)}."


def _gets_freed(it: Hold, today: Decision | None, before: Snapshot, after: Snapshot) -> str:
    by = duration(it.until - after.now)
    gpus = count(it.workers * after.jobs[it.job].gpus_per_worker, "GPU")
    if not isinstance(today, Hold):
        return f"would have {gpus} freed for it on {place(it.nodes, after)}, within {by}{_today(today)}."
    others = [*_otherwise(it, today, before, after)]
    if abs(it.until - today.until) >= 1:
        others.append(f"within {by} instead of {duration(today.until - before.now)}")
    return f"would have {gpus} freed for it {', '.join(others)}."


def _right(it: Start | Hold) -> str:
    if isinstance(it, Start) and it.on_call:
        return ", on call"
    return ", on borrowed GPUs" if it.class_ is AllocationClass.BORROWED else ""


def _otherwise(it: Start | Hold, today: Start | Hold, before: Snapshot, after: Snapshot) -> Iterator[str]:
    """In what a start, or one to come, differs from that of today."""
    if it.workers != today.workers:
        yield f"with {count(it.workers, 'worker')} instead of {today.workers}"
    if it.nodes.keys() != today.nodes.keys():
        new, old = place(it.nodes, after), place(today.nodes, before)
        yield f"on {new} instead of {old}" if new != old else f"on {new}, but others than today"
    if _right(it) != _right(today):
        yield (_right(it) or ", covered by the guarantee").removeprefix(", ")


def _waits(it: Wait, today: Decision | None, before: Snapshot, after: Snapshot) -> str | None:
    if today is None:
        return f"would wait ({it.reason}). {it.message}"
    if not isinstance(today, Wait):
        return f"would wait ({it.reason}){_today(today)}. {it.message}"
    if it.reason is not today.reason:
        return f"would wait for another reason ({it.reason}{_today(today)}). {it.message}"
    if it.eta is not None and (today.eta is None or abs(it.eta - today.eta) >= _SOON_S):
        was = (
            f", today in {duration(today.eta - before.now)}"
            if today.eta is not None
            else ", of which nothing is known today"
        )
        return f"would be expected to start in {duration(it.eta - after.now)}{was}."
    if it.eta is None and today.eta is not None:
        return (
            f"would wait for longer than is known; today it is expected to start in {duration(today.eta - before.now)}."
        )
    return None


def _moved_today(turn: Turn, before: Snapshot) -> str:
    if isinstance(turn.today, Evict) and turn.goes_to_today:
        return f"; today it is moved to {place(turn.goes_to_today.nodes, before)} {_for(turn.today)}"
    return _today(turn.today)


def _nothing(today: Decision | None) -> str:
    match today:
        case Evict() | Shrink():
            return f"would keep all of its GPUs{_today(today)}."
        case Grow():
            return f"would not grow{_today(today)}."
        case _:
            return f"would neither start nor wait{_today(today)}."


def _today(decision: Decision | None) -> str:
    """What is decided about the job today, as the end of a sentence; empty where nothing is."""
    match decision:
        case None:
            return ""
        case Start():
            does = "it starts at once"
        case Hold():
            does = "GPUs are being freed for it"
        case Evict():
            does = f"it is told to save and stop for {decision.claimant}"
        case Shrink():
            does = f"it is shrunk to {count(decision.workers, 'worker')} for {decision.claimant}"
        case Grow():
            does = f"it grows to {count(decision.workers, 'worker')}"
        case Wait():
            does = f"it waits ({decision.reason})"
    return f"; today {does}"


def _for(it: Evict | Shrink) -> str:
    if it.cause is EvictionCause.MOVE:
        return f"to make room for {it.claimant}"
    right = _RIGHTS.get(it.cause)
    return f"for {it.claimant}, {right}" if right else f"for {it.claimant}"


def _cost(it: Evict | Shrink) -> str:
    lost = gpu_hours(it.at_risk_gpu_s)
    return f"it gives {count(it.gpus, 'GPU')}, and loses {lost} GPU-hours, its next start included"
