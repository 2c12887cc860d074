"""The figures that last from one cycle to the next: what tenants borrowed and spent, and when they are written down.

They live in `Tenant.status` and `GPUPool.status`. Between writes they are kept here, and a restarted operator goes on
from what was written: the time in between counts with what is in use when it comes back.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from entente.api.amounts import count
from entente.api.base import Condition
from entente.api.pool import GPUPool, GPUPoolStatus
from entente.api.tenant import Budget, Tenant, TenantBudgetStatus, TenantPoolStatus, TenantTotal
from entente.engine.decisions import PoolBook, TenantBook
from entente.engine.model import DAY_S
from entente.engine.windows import Cover
from entente.workload.moments import moment, seconds
from entente.workload.notes import with_condition, without_condition

HOUR_S = 3600.0

_SHORT = "ReservationShort"
"""True while what nobody is guaranteed does not cover a reservation that is not over."""


class Accounts:
    """Borrowing and budgets of all tenants."""

    def __init__(self) -> None:
        self._borrowed: dict[tuple[str, str], float] = {}
        """GPU-seconds borrowed by tenant and pool, decayed to `_as_of`."""
        self._spent: dict[str, tuple[float, float]] = {}
        """Start of the period and GPU-hours spent in it, by tenant."""
        self._as_of: dict[str, float] = {}
        """By tenant."""

    def take_over(self, tenant: Tenant, now: float) -> None:
        """Go on from what was written of a tenant that is not known yet."""
        name = tenant.metadata.name
        if name in self._as_of:
            return
        times = [seconds(pool.as_of) for pool in tenant.status.pools if pool.as_of]
        self._as_of[name] = min(now, max(times, default=now))
        for pool in tenant.status.pools:
            self._borrowed[name, pool.name] = pool.borrowed_gpu_seconds
        budget = tenant.status.budget
        if budget is not None:
            self._spent[name] = (seconds(budget.period_start), budget.spent_gpu_hours)

    def advance(
        self, tenants: Iterable[Tenant], pools: Mapping[str, GPUPool], books: Mapping[str, PoolBook], now: float
    ) -> None:
        """Count the time since the last cycle with the figures that the cycle before it left."""
        for tenant in tenants:
            self.take_over(tenant, now)
            name = tenant.metadata.name
            elapsed = max(0.0, now - self._as_of[name])
            used = 0
            for pool, book in books.items():
                figures = book.tenants.get(name)
                half_life = pools[pool].spec.usage.half_life_seconds if pool in pools else 0
                borrowed = figures.borrowed if figures else 0
                before = self._borrowed.get((name, pool), 0.0)
                self._borrowed[name, pool] = decayed(before, borrowed, elapsed, half_life)
                used += figures.charged if figures else 0
            if tenant.spec.budget is not None:
                self._spend(name, tenant.spec.budget, used * elapsed / HOUR_S, now)
            self._as_of[name] = now

    def _spend(self, name: str, budget: Budget, gpu_hours: float, now: float) -> None:
        period = budget.period_days * DAY_S
        start, spent = self._spent.get(name, (now, 0.0))
        if now - start >= period:
            start, spent = start + math.floor((now - start) / period) * period, 0.0
        self._spent[name] = (start, spent + gpu_hours)

    def current(self, tenant: Tenant, now: float) -> Tenant:
        """The tenant with its figures as they are now, for the engine."""
        self.take_over(tenant, now)
        name = tenant.metadata.name
        written = {pool.name: pool for pool in tenant.status.pools}
        pools = tuple(
            written.get(terms.name, TenantPoolStatus(name=terms.name)).model_copy(
                update={
                    "borrowed_gpu_seconds": self._borrowed.get((name, terms.name), 0.0),
                    "as_of": moment(self._as_of[name]),
                }
            )
            for terms in tenant.spec.pools
        )
        status = tenant.status.model_copy(update={"pools": pools, "budget": self._budget(tenant, now)})
        return tenant.model_copy(update={"status": status})

    def _budget(self, tenant: Tenant, now: float) -> TenantBudgetStatus | None:
        if tenant.spec.budget is None:
            return None
        start, spent = self._spent.get(tenant.metadata.name, (now, 0.0))
        return TenantBudgetStatus(period_start=moment(start), spent_gpu_hours=round(spent, 3))

    def tenant_figures(self, tenant: Tenant, books: Mapping[str, PoolBook], now: float) -> dict[str, Any]:
        """What `Tenant.status` says about pools and budget; the rest of the status is not touched."""
        name = tenant.metadata.name
        pools = []
        for terms in tenant.spec.pools:
            book = books[terms.name].tenants.get(name) if terms.name in books else None
            figures = book or TenantBook(0, 0, 0, 0, 0, 0, 0)
            pools.append(
                TenantPoolStatus(
                    name=terms.name,
                    guaranteed=figures.guaranteed,
                    entitled=figures.entitled,
                    borrowed=figures.borrowed,
                    lent=figures.lent,
                    due=figures.due,
                    borrowed_gpu_seconds=round(self._borrowed.get((name, terms.name), 0.0), 3),
                    as_of=moment(self._as_of.get(name, now)),
                )
            )
        budget = self._budget(tenant, now)
        return {
            "pools": [pool.to_wire() for pool in pools],
            "total": TenantTotal.of(pools).to_wire(),
            "budget": budget.to_wire() if budget else None,
        }


def decayed(gpu_seconds: float, borrowed: int, elapsed_s: float, half_life_s: float) -> float:
    """GPU-seconds borrowed, after so much more time at a constant rate; without a half-life nothing is remembered."""
    if half_life_s <= 0:
        return 0.0
    rate = math.log(2) / half_life_s
    lost = -math.expm1(-rate * elapsed_s)  # exact for the short times between cycles
    return gpu_seconds * (1 - lost) + borrowed * lost / rate


def pool_status(
    pool: GPUPool, book: PoolBook | None, *, nodes: int, promised: int, conditions: tuple[Condition, ...], now: float
) -> dict[str, Any]:
    """What `GPUPool.status` says.

    Args:
        pool: the pool.
        book: its figures; none before the first decision about it.
        nodes: hosts that its selector selects.
        promised: sum of all guarantees as promised.
        conditions: those that it has now.
        now: seconds since the epoch.
    """
    capacity = book.capacity if book else 0
    overcommitted = promised > capacity
    text = f"tenants are guaranteed {count(promised, 'GPU')}, and the pool has {capacity}"
    told = with_condition(
        conditions,
        "Overcommitted",
        holds=overcommitted,
        reason="GuaranteesExceedCapacity" if overcommitted else "GuaranteesCovered",
        message=text + ("; the operator shrinks all guarantees in proportion until they fit" if overcommitted else ""),
        now=now,
    )
    if book is not None:
        told = _told_of_reservations(told, pool, book.reservations, now)
    status = GPUPoolStatus(
        nodes=nodes,
        capacity=capacity,
        free=book.free if book else 0,
        guaranteed=promised,
        observed_generation=pool.metadata.generation,
        conditions=told,
        as_of=moment(now),
    )
    return status.to_wire()


def _told_of_reservations(
    conditions: tuple[Condition, ...], pool: GPUPool, covers: Iterable[Cover], now: float
) -> tuple[Condition, ...]:
    """Say which reservations are covered in part only: by their place in the spec, since tenants read this, too."""
    covers = tuple(covers)
    if not covers:
        return without_condition(conditions, _SHORT)
    places = {(r.tenant, seconds(r.start)): place for place, r in enumerate(pool.spec.reservations)}
    short = [
        f"spec.reservations[{places[at]}]: {cover.gpus} of {count(cover.window.gpus, 'GPU')}"
        for cover in covers
        if cover.gpus < cover.window.gpus and (at := (cover.window.tenant, cover.window.start)) in places
    ]
    text = "the GPUs that nobody is guaranteed cover all reservations"
    if short:
        text = f"the GPUs that nobody is guaranteed do not cover all reservations: {'; '.join(short)}"
    reason = "NotCovered" if short else "Covered"
    return with_condition(conditions, _SHORT, holds=bool(short), reason=reason, message=text, now=now)
