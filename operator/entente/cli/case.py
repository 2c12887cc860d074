"""A job and what may be told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from entente.api.job import TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Case:
    """A job, and all that may be told beside it."""

    job: TrainingJob
    pools: Mapping[str, GPUPool]
    """As far as the caller may read them."""
    tenant: Tenant | None
    """The job's own; none when the caller may not read it."""
    now: datetime

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return self.job.key

    @property
    def pool(self) -> GPUPool | None:
        """The pool that it has GPUs of, or a hold in, or else would have first."""
        status, spec = self.job.status, self.job.spec
        granted = [terms.name for terms in self.tenant.spec.pools] if self.tenant else []
        named = [
            status.allocation.pool if status.allocation else None,
            status.hold.pool if status.hold else None,
            *(spec.pools or granted),
        ]
        return self.pools.get(next((name for name in named if name), ""))
