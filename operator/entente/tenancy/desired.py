"""Everything that a tenant is to have, from its spec alone."""

from collections.abc import Collection, Iterable

from entente.api.names import GPU_RESOURCE
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.tenancy import access, isolation, limits
from entente.tenancy.findings import UNKNOWN_POOL, Finding
from entente.tenancy.wanted import Wanted


def desired(tenant: Tenant, namespaces: Iterable[str], pools: Collection[GPUPool]) -> list[Wanted]:
    """The objects of a tenant.

    Args:
        tenant: whose.
        namespaces: those that it has, not those that it names.
        pools: all there are: their GPUs are for jobs only, also those of pools that the tenant has no part in.
    """
    resources = {GPU_RESOURCE, *(pool.spec.resource for pool in pools)}
    objects = [*limits.in_cluster(tenant), *access.in_cluster(tenant)]
    for namespace in namespaces:
        objects += isolation.in_namespace(tenant, namespace)
        objects += limits.in_namespace(tenant, namespace, resources)
        objects += access.in_namespace(tenant, namespace)
    return objects


def unknown_pools(tenant: Tenant, pools: Collection[GPUPool]) -> list[Finding]:
    """Pools that the tenant has terms for, and that do not exist."""
    known = sorted(pool.metadata.name for pool in pools)
    there = f"there are {', '.join(known)}" if known else "there are none yet"
    return [
        Finding(UNKNOWN_POOL, UNKNOWN_POOL, f"spec.pools[{place}].name: there is no GPUPool {terms.name}; {there}")
        for place, terms in enumerate(tenant.spec.pools)
        if terms.name not in known
    ]
