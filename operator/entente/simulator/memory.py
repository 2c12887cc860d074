"""Rule 3's memory of past borrowing, kept up in a replay as the operator does in a cluster, at a coarser grain.

Who borrows how much is looked at once in `TELL_EVERY_S` and taken to last until the next time: a half-life is a
thousand times as long.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from entente.engine.decisions import PoolBook
from entente.engine.model import Tenant
from entente.simulator.policy import Site

TELL_EVERY_S = 600.0
"""The planner is told new figures at most so often: each telling concerns all jobs."""


class Memory:
    """GPU-seconds borrowed by tenant and pool, decayed."""

    def __init__(self, site: Site) -> None:
        self._half_lives = {name: pool.half_life_s for name, pool in site.pools.items() if pool.half_life_s > 0}
        self._tenants = dict(site.tenants)
        self._borrowed = {
            (t.name, pool): terms.borrowed_gpu_s
            for t in site.tenants.values()
            for pool, terms in t.terms.items()
            if pool in self._half_lives
        }
        self._rates: dict[tuple[str, str], int] = {}
        self._told = 0.0

    def due(self, now: float) -> bool:
        """Whether the planner is to be told again."""
        return bool(self._half_lives) and now - self._told >= TELL_EVERY_S

    def see(self, books: Mapping[str, PoolBook]) -> None:
        """Who borrows how much until the next time."""
        for tenant, pool in self._borrowed:
            book = books[pool].tenants.get(tenant)
            self._rates[tenant, pool] = book.borrowed if book else 0

    def tenants(self, now: float) -> Iterator[Tenant]:
        """The tenants with their figures as they are now, for the planner."""
        elapsed, self._told = now - self._told, now
        for key, before in self._borrowed.items():
            rate = math.log(2) / self._half_lives[key[1]]
            faded = -math.expm1(-rate * elapsed)
            self._borrowed[key] = before * (1 - faded) + self._rates.get(key, 0) * faded / rate
        for name, tenant in self._tenants.items():
            terms = {
                pool: replace(row, borrowed_gpu_s=self._borrowed[name, pool], as_of=now)
                if (name, pool) in self._borrowed
                else row
                for pool, row in tenant.terms.items()
            }
            yield replace(tenant, terms=terms)
