"""How much a tenant may be charged after it took from others: rules 1 and 4."""

from collections.abc import Sequence

from entente.engine.cycle import Claim, Cycle
from entente.engine.option import Option


def cap_of(cycle: Cycle, claim: Claim, options: Sequence[Option]) -> int | None:
    """The most that the claim's tenant may be charged after taking these."""
    pool, name = claim.pool.name, claim.tenant.name
    quota = cycle.quotas[pool].quotas[name]
    called = {o.job for o in options if cycle.estate.running[o.job].on_call}
    if any(o.tenant != name and not o.moves for o in options):
        return quota.guaranteed if claim.entitled and not called else cycle.due(name, pool)
    takes_entitled = any(
        o.own and o.keeps is None and cycle.walks[name].entitled_workers.get(o.job, 0) for o in options
    )
    if not claim.entitled and takes_entitled:
        return cycle.due(name, pool)
    return None
