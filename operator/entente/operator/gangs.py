"""What a job's allocation means for its pods, given its tenant and its pool."""

from collections.abc import Callable

from entente.api.job import TrainingJob
from entente.api.names import GPU_RESOURCE, IMPLICIT_PRIORITY, priority_class_name
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.workload.pods import Gang


def gang_of(
    job: TrainingJob, tenant_of: Callable[[str], Tenant | None], pool_of: Callable[[str], GPUPool | None]
) -> Gang | None:
    """The gang that a job's allocation stands for; none without an allocation or a tenant.

    Args:
        job: with the status that counts.
        tenant_of: the tenant that a namespace belongs to.
        pool_of: the pool of a name; of one that is gone, the usual resource is taken.
    """
    allocation = job.status.allocation
    tenant = tenant_of(job.metadata.namespace or "")
    if allocation is None or tenant is None:
        return None
    pool = pool_of(allocation.pool)
    return Gang(
        job=job,
        start=job.status.starts - 1,
        pool=allocation.pool,
        resource=pool.spec.resource if pool else GPU_RESOURCE,
        gpus_per_worker=allocation.gpus // max(1, allocation.workers),
        class_=allocation.class_.value,
        tenant=tenant.metadata.name,
        priority_class=priority_class_name(tenant.metadata.name, job.spec.priority or default_priority(tenant)),
        nodes=allocation.nodes,
    )


def default_priority(tenant: Tenant) -> str:
    return next((priority.name for priority in tenant.spec.priorities if priority.default), IMPLICIT_PRIORITY)
