"""A plan as JSON (the format of the offline tools) and as tables for people."""

from datetime import UTC, datetime
from typing import Any

from entente.api.amounts import count
from entente.cli.columns import in_columns
from entente.cli.words import known_width, wrapped
from entente.engine.decisions import Decision, Evict, Grow, Hold, Plan, PoolBook, Shrink, Start, Wait

Rows = list[tuple[str, ...]]


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as an object that `json` can print."""
    return {
        "decisions": [decision_as_json(d) for d in plan.decisions],
        "pools": {name: _pool(book) for name, book in sorted(plan.books.items())},
    }


def decision_as_json(decision: Decision) -> dict[str, Any]:
    """One entry of the plan's `decisions`."""
    head = {"job": decision.job, "action": type(decision).__name__}
    match decision:
        case Start() | Hold():
            body: dict[str, Any] = {
                "pool": decision.pool,
                "workers": decision.workers,
                "class": decision.class_.value,
                "nodes": dict(sorted(decision.nodes.items())),
            }
            if isinstance(decision, Start) and decision.on_call:
                body["onCall"] = True
        case Evict():
            body = {
                "for": decision.claimant,
                "gpus": decision.gpus,
                "atRiskGpuSeconds": _number(decision.at_risk_gpu_s),
            }
        case Shrink():
            body = {
                "for": decision.claimant,
                "workers": decision.workers,
                "gpus": decision.gpus,
                "atRiskGpuSeconds": _number(decision.at_risk_gpu_s),
                "nodes": dict(sorted(decision.nodes.items())),
            }
        case Grow():
            body = {"workers": decision.workers, "nodes": dict(sorted(decision.nodes.items()))}
        case Wait():
            body = {"reason": decision.reason.value, "message": decision.message, "eta": _moment(decision.eta)}
    return head | body


def _pool(book: PoolBook) -> dict[str, Any]:
    row: dict[str, Any] = {
        "capacity": book.capacity,
        "free": book.free,
        "tenants": {
            name: {
                "guaranteed": t.guaranteed,
                "entitled": t.entitled,
                "borrowed": t.borrowed,
                "lent": t.lent,
                "fairSurplus": t.fair_surplus,
            }
            for name, t in sorted(book.tenants.items())
        },
    }
    if book.overcommitted:
        row["overcommitted"] = True
    if book.reservations:
        row["reservations"] = [
            {
                "tenant": cover.window.tenant,
                "gpus": cover.window.gpus,
                "covered": cover.gpus,
                "start": _moment(cover.window.start),
                "end": _moment(cover.window.end),
            }
            for cover in book.reservations
        ]
    return row


def _number(value: float) -> int | float:
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def as_table(plan: Plan) -> str:
    """The plan for reading: decisions first, then the books.

    A decision is one line, so that lines can be searched and sorted; where that is wider than the terminal, its detail
    stands below it.
    """
    decisions: Rows = [("ACTION", "JOB", "POOL", "WORKERS", "CLASS", "DETAIL"), *map(_row, plan.decisions)]
    pools: Rows = [("POOL", "TENANT", "GUARANTEED", "ENTITLED", "BORROWED", "LENT", "SURPLUS")]
    reservations: Rows = [("POOL", "RESERVED FOR", "GPUS", "COVERED", "FROM", "TO")]
    for name, book in sorted(plan.books.items()):
        pools.append((name, f"{book.free} of {book.capacity} free", "", "", "", "", ""))
        for tenant, t in sorted(book.tenants.items()):
            figures = (t.guaranteed, t.entitled, t.borrowed, t.lent, t.fair_surplus)
            pools.append(("", tenant, *map(str, figures)))
        for cover in book.reservations:
            window = cover.window
            times = (_moment(window.start) or "", _moment(window.end) or "")
            reservations.append((name, window.tenant, str(window.gpus), str(cover.gpus), *times))
    tables = [_fitting(decisions), in_columns(pools)]
    if len(reservations) > 1:
        tables.append(in_columns(reservations))
    return "\n".join("".join(f"{line}\n" for line in table) for table in tables)


def _fitting(rows: Rows) -> list[str]:
    """The lines of a table whose last column may be long."""
    lines, room = in_columns(rows), known_width()
    if room is None or max(map(len, lines)) <= room:
        return lines
    heads = in_columns([row[:-1] for row in rows], gap=2)
    details = ["", *(row[-1] for row in rows[1:])]
    return [line for head, detail in zip(heads, details, strict=True) for line in _below(head, detail)]


def _below(head: str, detail: str) -> list[str]:
    return [head, *wrapped(detail, "    ", "    ").splitlines()] if detail else [head]


def _row(decision: Decision) -> tuple[str, ...]:
    action = type(decision).__name__
    match decision:
        case Start() | Hold():
            where = ", ".join(f"{n}x{w}" for n, w in sorted(decision.nodes.items()))
            return action, decision.job, decision.pool, str(decision.workers), decision.class_.value, where
        case Evict():
            return action, decision.job, "", "", "", _price(decision)
        case Shrink():
            return action, decision.job, decision.pool, str(decision.workers), "", _price(decision)
        case Grow():
            return action, decision.job, decision.pool, str(decision.workers), "", ""
        case Wait():
            eta = f" (until {_moment(decision.eta)})" if decision.eta is not None else ""
            return action, decision.job, "", "", decision.reason.value, decision.message + eta


def _price(decision: Evict | Shrink) -> str:
    at_risk = _number(decision.at_risk_gpu_s)
    return f"for {decision.claimant}: {count(decision.gpus, 'GPU')}, {at_risk} GPU-s at risk"
