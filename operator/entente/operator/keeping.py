"""Keeping tenants as their specs say: who is looked at when. What is then done is `tenancy.reconciler`'s matter."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from entente.api.amounts import count
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.kube.errors import ApiError, FencedError
from entente.kube.writer import Writer
from entente.operator.estate import ResourceStore
from entente.tenancy.reconciler import TenantReconciler

_log = logging.getLogger(__name__)

_RESYNC_S = 15.0
"""How often a tenant is looked at though no event concerns it: what is changed by hand comes back within this."""

_UNSETTLED_S = 3.0
"""How often one is looked at that waits for something: a namespace that is going, jobs that are left."""

_TICK_S = 0.25


class TenantKeeper:
    """Reconciles tenants when they change, when others change, and now and then.

    Args:
        reconciler: does it.
        writer: runs it, one tenant in order, several together.
        tenants: all there are.
        pools: all there are.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        reconciler: TenantReconciler,
        writer: Writer,
        tenants: ResourceStore[Tenant],
        pools: ResourceStore[GPUPool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reconciler = reconciler
        self._writer = writer
        self._tenants = tenants
        self._pools = pools
        self._clock = clock
        self._due: dict[str, float] = {}

    def all_due(self) -> None:
        """Have all tenants looked at: one came, went or changed, or a pool did."""
        for tenant in self._tenants:
            self._due[tenant.metadata.name] = 0.0

    async def run(self) -> None:
        """Look at whoever is due, until cancelled."""
        while True:
            now = self._clock()
            for tenant in tuple(self._tenants):
                name = tenant.metadata.name
                if self._due.setdefault(name, 0.0) <= now:
                    self._due[name] = now + _RESYNC_S
                    self._writer.submit(f"tenancy/{name}", partial(self._reconcile, name), slot="tenancy")
            for name in [name for name in self._due if self._tenants.get(name) is None]:
                del self._due[name]
            await asyncio.sleep(_TICK_S)

    async def _reconcile(self, name: str) -> None:
        tenant = self._tenants.get(name)
        if tenant is None:
            return
        try:
            outcome = await self._reconciler.reconcile(tenant, tuple(self._tenants), tuple(self._pools))
        except FencedError:
            return
        except ApiError as error:
            _log.warning("cannot reconcile tenant %s: %s %s", name, error.status, error.reason)
            self._sooner(name)
            return
        if outcome.corrected:
            _log.info("tenant %s: made, corrected or removed %s", name, count(outcome.corrected, "object"))
        if not outcome.settled:
            self._sooner(name)

    def _sooner(self, name: str) -> None:
        self._due[name] = min(self._due.get(name, 0.0), self._clock() + _UNSETTLED_S)
