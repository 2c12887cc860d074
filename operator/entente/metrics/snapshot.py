"""What the operator publishes at the end of each cycle, and a scrape reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from entente.api.job import Phase
from entente.engine.decisions import PoolBook


@dataclass(frozen=True, slots=True)
class OperatorSnapshot:
    """The state of the estate after one cycle.

    It is immutable and replaced as a whole, so a scrape never sees half of a cycle.
    """

    leader: bool
    """Only the leader's books are shown: a standby's would be counted a second time."""
    cycle: int
    """Cycles done since the operator started."""
    cycle_ended: float
    """When the last one ended, in seconds since the epoch."""
    books: Mapping[str, PoolBook] = field(default_factory=dict)
    """By pool. A tenant's figures are in the book of each pool that it has terms for or uses."""
    jobs: Mapping[tuple[str | None, Phase], int] = field(default_factory=dict)
    """Number of jobs by tenant and phase; no tenant: the namespace belongs to none."""
    unusable_gpus: Mapping[str, int] = field(default_factory=dict)
    """By pool: GPUs that are there, but no capacity: on nodes out of service, or in use by others than tenants."""

    @property
    def grants(self) -> frozenset[tuple[str, str]]:
        """Pairs of tenant and pool that have figures."""
        return frozenset((tenant, pool) for pool, book in self.books.items() for tenant in book.tenants)


NOTHING_YET = OperatorSnapshot(leader=False, cycle=0, cycle_ended=0.0)
"""Before the first cycle, and on a standby."""
