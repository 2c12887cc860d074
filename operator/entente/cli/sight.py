"""What callers may see of an estate: pools, tenants and jobs as far as their rights go, and what they may not see."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from entente.api.job import TrainingJob
from entente.api.names import LABEL_TENANT
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.cli.cluster import ForbiddenError, NotThereError, Object, Reader
from entente.cli.parsing import parsed
from entente.engine.intake import namespaces_of
from entente.kube.kinds import GPU_POOL, NAMESPACE, TENANT, TRAINING_JOB

Read = TypeVar("Read")


@dataclass
class Sight:
    """Reads with the caller's rights; where these do not reach all of something, reads the part of their own tenant.

    Members of a tenant may read the pools, their own Tenant, and the jobs of its namespaces.
    """

    cluster: Reader
    namespace: str
    """The caller's own; its label tells their tenant."""
    kept: list[str] = field(default_factory=list)
    """What the caller may not see, in words."""
    unreadable: list[str] = field(default_factory=list)

    @cached_property
    def pools(self) -> tuple[GPUPool, ...]:
        try:
            found = self.cluster.list(GPU_POOL)
        except ForbiddenError:
            self.kept.append("the pools")
            return ()
        return tuple(sorted(self._read(found, GPUPool.model_validate), key=lambda pool: pool.metadata.name))

    @cached_property
    def tenants(self) -> tuple[Tenant, ...]:
        """All tenants, or the caller's own."""
        try:
            found = self.cluster.list(TENANT)
        except ForbiddenError:
            own = self.own_tenant
            self.kept.append("other tenants" if own else "tenants")
            return (own,) if own else ()
        return tuple(sorted(self._read(found, Tenant.model_validate), key=lambda tenant: tenant.metadata.name))

    @cached_property
    def own_tenant(self) -> Tenant | None:
        """The tenant of the caller's namespace; none where they may not read it."""
        name = self.tenant_of(self.namespace)
        if name is None:
            return None
        try:
            found = self._read([self.cluster.get(TENANT, name)], Tenant.model_validate)
        except (ForbiddenError, NotThereError):
            return None
        return next(iter(found), None)

    def tenant_of(self, namespace: str) -> str | None:
        """Name of the tenant that a namespace is labelled with; none where it has none or may not be read."""
        try:
            labels = self.cluster.get(NAMESPACE, namespace)["metadata"].get("labels") or {}
        except (ForbiddenError, NotThereError):
            return None
        return str(labels[LABEL_TENANT]) if LABEL_TENANT in labels else None

    @cached_property
    def jobs(self) -> tuple[TrainingJob, ...]:
        """All jobs, or those of the caller's own tenant."""
        try:
            return self._jobs(self.cluster.list(TRAINING_JOB))
        except ForbiddenError:
            self.kept.append("jobs of other namespaces")
        own = self.own_tenant
        namespaces = own.held_namespaces if own else (self.namespace,)
        jobs: list[TrainingJob] = []
        for namespace in namespaces:
            try:
                jobs += self.jobs_in(namespace)
            except ForbiddenError:
                self.kept.append(f"jobs of {namespace}")
        return tuple(jobs)

    def jobs_in(self, namespace: str) -> tuple[TrainingJob, ...]:
        """The jobs of a namespace. Raises ClusterError."""
        return self._jobs(self.cluster.list(TRAINING_JOB, namespace))

    @cached_property
    def tenant_by_namespace(self) -> Mapping[str, str]:
        """As far as the tenants can be read."""
        return namespaces_of(self.tenants)

    def _jobs(self, found: Iterable[Object]) -> tuple[TrainingJob, ...]:
        return tuple(sorted(self._read(found, TrainingJob.model_validate), key=lambda job: job.key))

    def _read(self, objects: Iterable[Object], read: Callable[[Object], Read]) -> list[Read]:
        return parsed(objects, read, self.unreadable.append)
