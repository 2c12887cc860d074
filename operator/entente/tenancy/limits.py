"""Priority classes of a tenant's workers, and the quota that keeps GPUs from all other pods.

How many GPUs a tenant may have is the engine's decision, for each job, over all namespaces, with lending and borrowing.
A quota on that number would only get in its way: its usage lags behind pods that have ended. So the quota says just
this: in a tenant's namespaces, pods without one of the tenant's priority classes have no GPUs.
"""

from collections.abc import Collection, Iterable

from entente.api.names import IMPLICIT_PRIORITY, MANAGED_BY, priority_class_name
from entente.api.tenant import Tenant
from entente.kube.kinds import PRIORITY_CLASS, RESOURCE_QUOTA
from entente.tenancy.wanted import Wanted, wanted

QUOTA = f"{MANAGED_BY}-gpus-by-jobs-only"

WORKER_PRIORITY = 1_000_000
"""Of all workers alike, so that the scheduler never orders or preempts one tenant's by another's.

Tenants' own priorities are compared by the engine alone. Above ordinary pods, so none of those pushes one out.
"""


def in_cluster(tenant: Tenant) -> Iterable[Wanted]:
    """A class for each of the tenant's priorities."""
    name = tenant.metadata.name
    for priority in _priorities(tenant):
        yield wanted(
            PRIORITY_CLASS,
            name,
            priority_class_name(name, priority),
            value=WORKER_PRIORITY,
            preemptionPolicy="Never",
            description=f"Workers of training jobs of priority {priority} of the tenant {name}",
        )


def in_namespace(tenant: Tenant, namespace: str, resources: Collection[str]) -> Iterable[Wanted]:
    """No GPUs, of whatever pool, for pods that are not workers."""
    name = tenant.metadata.name
    classes = [priority_class_name(name, priority) for priority in _priorities(tenant)]
    outside = {"scopeName": "PriorityClass", "operator": "NotIn", "values": classes}
    yield wanted(
        RESOURCE_QUOTA,
        name,
        QUOTA,
        namespace,
        spec={
            "hard": {f"requests.{resource}": "0" for resource in sorted(resources)},
            "scopeSelector": {"matchExpressions": [outside]},
        },
    )


def _priorities(tenant: Tenant) -> list[str]:
    declared = [priority.name for priority in tenant.spec.priorities]
    return declared if IMPLICIT_PRIORITY in declared else [*declared, IMPLICIT_PRIORITY]
