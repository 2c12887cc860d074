"""The books of every pool: who is guaranteed, entitled, borrowed and lent what; before a decision's holds."""

from entente.engine.cycle import Cycle, walk_all
from entente.engine.decisions import Grow, PoolBook, Shrink, Start, TenantBook
from entente.engine.shares import lent


def books(cycle: Cycle) -> dict[str, PoolBook]:
    """Figures after `Start`, `Grow` and `Shrink`: victims still count, holds of this decision do not."""
    return {pool: _pool_book(cycle, pool) for pool in cycle.quotas}


def _pool_book(cycle: Cycle, pool: str) -> PoolBook:
    quotas = cycle.quotas[pool]
    charged = {name: cycle.estate.charged(name, pool) for name in quotas.quotas}
    lending = lent(quotas, charged)
    rows = {}
    for name, quota in quotas.quotas.items():
        walk = cycle.walks[name]
        rows[name] = TenantBook(
            guaranteed=quota.guaranteed,
            entitled=walk.entitled.get(pool, 0),
            borrowed=max(0, charged[name] - quota.guaranteed),
            lent=lending[name],
            fair_surplus=cycle.surplus[pool].get(name, 0),
            charged=charged[name],
            pending=walk.pending.get(pool, 0),
            rounded_down=quota.promised < quota.asked and not quotas.overcommitted,
        )
    return PoolBook(
        quotas.capacity, cycle.estate.idle(pool), rows, overcommitted=quotas.overcommitted, reservations=quotas.covers
    )


def standing_after(before: Cycle, decided: Cycle) -> Cycle:
    """The estate as it was, with only the starts, growths and shrinks of the decision applied, and walked anew."""
    for decision in decided.decisions:
        match decision:
            case Start(job=key, pool=pool, nodes=nodes, on_call=on_call):
                if key in before.estate.holds:
                    before.estate.unhold(key)
                before.estate.start(before.snapshot.jobs[key], pool, nodes, on_call=on_call)
                tenant = before.snapshot.jobs[key].tenant or ""
                before.pending[tenant] = [e for e in before.pending[tenant] if e.job.key != key]
            case Grow(job=key, pool=pool, nodes=nodes):
                job = before.snapshot.jobs[key]
                old = before.estate.running[key]
                before.estate.leave(key)
                for name in old.nodes:
                    before.estate.hosts[name].going.pop(key, None)
                before.estate.start(job, pool, nodes, on_call=old.on_call)
            case Shrink(job=key, nodes=nodes):
                before.estate.keep(key, nodes)
            case _:
                pass
    walk_all(before)
    return before
