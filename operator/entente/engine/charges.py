"""What a tenant's use counts as: in a shared pool the GPUs of its workers, in an exclusive one all of its hosts."""

from collections.abc import Mapping
from types import MappingProxyType

from entente.engine.host import Host, Use
from entente.engine.model import Pool
from entente.engine.running import Running


class Charges:
    """The charges of all tenants, kept up with every change of a host.

    Args:
        pools: by name.
        hosts: by name; the estate's own.
        running: by job; the estate's own.
    """

    def __init__(self, pools: Mapping[str, Pool], hosts: Mapping[str, Host], running: Mapping[str, Running]) -> None:
        self._pools, self._hosts, self._running = pools, hosts, running
        self._sums: dict[str, dict[str, int]] = {pool: {} for pool in pools}
        """By pool and tenant."""

    def note(self, host: Host, before: Use | None, after: Use | None, sign: int) -> None:
        """Take off the charges that a change touches (-1), or put them on again as they are after it (1)."""
        pool = host.node.pool
        if self._pools[pool].exclusive:
            for tenant in {u.tenant for u in (before, after) if u}:
                if tenant in host.tenants:
                    self._add(tenant, pool, sign * host.node.offered)
        elif use := before if sign < 0 else after:
            self._add(use.tenant, pool, sign * use.gpus)

    def _add(self, tenant: str, pool: str, gpus: int) -> None:
        sums = self._sums[pool]
        sums[tenant] = sums.get(tenant, 0) + gpus

    def of(self, tenant: str, pool: str) -> int:
        """GPUs that a tenant is charged in a pool: running and held."""
        sums = self._sums.get(pool)
        return sums.get(tenant, 0) if sums else 0

    def in_pool(self, pool: str) -> Mapping[str, int]:
        """GPUs that each tenant is charged in a pool; none of it for one that is not there."""
        return self._sums[pool]

    def without(
        self,
        tenant: str,
        pool: str,
        without: frozenset[str],
        cuts: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
    ) -> int:
        """The charge if some jobs were gone and others had only the GPUs on each host that `cuts` leave them."""
        total = self.of(tenant, pool)
        if not self._pools[pool].exclusive:
            return total - sum(self._given(key, tenant, pool, cuts.get(key)) for key in (*without, *cuts))
        touched = {n for key in (*without, *cuts) if key in self._running for n in self._running[key].nodes}
        for name in touched:
            if (host := self._hosts.get(name)) and host.node.pool == pool and tenant in host.tenants:
                total -= 0 if _keeps(host, tenant, without, cuts) else host.node.offered
        return total

    def _given(self, key: str, tenant: str, pool: str, keeps: Mapping[str, int] | None) -> int:
        """GPUs of a shared pool that a tenant is charged no more when one of its jobs is gone, or keeps only these."""
        running = self._running.get(key)
        if running is None or running.tenant != tenant:
            return 0
        given, per = 0, running.job.gpus_per_worker
        for name, workers in running.nodes.items():
            if (host := self._hosts.get(name)) and host.node.pool == pool:
                given += workers * per - (keeps.get(name, 0) if keeps else 0)
        return given

    def added(self, tenant: str, pool: str, nodes: Mapping[str, int], gpus_per_worker: int) -> int:
        """What a placement adds to the tenant's charge."""
        if not self._pools[pool].exclusive:
            return sum(nodes.values()) * gpus_per_worker
        return sum(self._hosts[n].node.offered for n in nodes if not self.holds_host(tenant, self._hosts[n]))

    @staticmethod
    def holds_host(tenant: str, host: Host) -> bool:
        """Whether the tenant is charged for the host already."""
        return tenant in host.tenants


def _keeps(host: Host, tenant: str, without: frozenset[str], cuts: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether a tenant still has GPUs on a host when some of its jobs are gone or cut."""
    return any(
        cuts[key].get(host.name, 0) if key in cuts else use.gpus
        for key, use in (*host.using.items(), *host.held.items())
        if use.tenant == tenant and key not in without
    )
