"""The books of every pool: who is guaranteed, entitled, borrowed and lent what; before a decision's holds."""

from collections.abc import Iterable

from entente.engine.cycle import Cycle, walk_all
from entente.engine.decisions import Action, Grow, PoolBook, Shrink, Start, TenantBook
from entente.engine.shares import lent


def books(cycle: Cycle) -> dict[str, PoolBook]:
    """Figures after `Start`, `Grow` and `Shrink`: victims still count, holds of this decision do not."""
    return {pool: _pool_book(cycle, pool) for pool in cycle.quotas}


def _pool_book(cycle: Cycle, pool: str) -> PoolBook:
    quotas = cycle.quotas[pool]
    charged = {name: cycle.estate.charges.of(name, pool) for name in quotas.quotas}
    lending = lent(quotas, charged)
    rows = {}
    for name, quota in quotas.quotas.items():
        walk = cycle.walks[name]
        rows[name] = TenantBook(
            guaranteed=quota.guaranteed,
            entitled=walk.entitled.get(pool, 0),
            borrowed=max(0, charged[name] - quota.guaranteed),
            lent=lending[name],
            fair_surplus=cycle.surplus(pool).get(name, 0),
            charged=charged[name],
            pending=walk.pending.get(pool, 0),
            rounded_down=quota.promised < quota.asked and not quotas.overcommitted,
        )
    idle = cycle.estate.stocks[pool].idle
    return PoolBook(quotas.capacity, idle, rows, overcommitted=quotas.overcommitted, reservations=quotas.covers)


def carried_out(cycle: Cycle, actions: Iterable[Action]) -> None:
    """Apply the starts, growths and shrinks of a decision to an estate as it was before, and walk anew."""
    for action in actions:
        match action:
            case Start(job=key, pool=pool, nodes=nodes, on_call=on_call):
                if key in cycle.estate.holds:
                    cycle.estate.unhold(key)
                cycle.estate.start(cycle.snapshot.jobs[key], pool, nodes, on_call=on_call)
                cycle.out.add(key)
            case Grow(job=key, nodes=nodes):
                cycle.estate.grow(key, nodes)
            case Shrink(job=key, nodes=nodes):
                cycle.estate.keep(key, nodes)
            case _:
                pass
    walk_all(cycle)
