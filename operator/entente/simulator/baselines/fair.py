"""`fair`: weighted fair sharing of one pool of GPUs, without preemption.

Dominant resource fairness with weights (Ghodsi et al., "Dominant resource fairness: fair allocation of multiple
resource types", NSDI 2011, sections 4.2 and 4.3), the guarantees as weights: again and again the tenant with pending
work whose dominant share is the lowest starts a job. GPUs are the only resource of a pool, so the share in a pool is
GPUs in use over GPUs guaranteed, and the dominant one is the highest of all pools. In the paper everybody waits where
the next task of the lowest tenant does not fit; here its first job that fits starts, and when none does it is the next
tenant's turn, so that nothing idles. What runs is never stopped.
"""

import heapq
import math
from collections.abc import Sequence

from typing_extensions import override

from entente.simulator.baselines.lanes import Backlog
from entente.simulator.baselines.nonpreemptive import NonPreemptive
from entente.simulator.policy import Action, SimJob, Site


class FairPolicy(NonPreemptive):
    """The tenant with the lowest share goes first."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._backlogs: dict[str, Backlog] = {}
        self._weights = {
            name: {pool: terms.guaranteed for pool, terms in tenant.terms.items() if pool in site.pools}
            for name, tenant in site.tenants.items()
        }

    def share(self, tenant: str) -> float:
        """The tenant's dominant share: GPUs in use over GPUs guaranteed; without a guarantee infinite."""
        weights = self._weights.get(tenant, {})
        if not any(weights.values()):
            return math.inf
        used = {pool: hosts.charge(tenant) for pool, hosts in self.floor.hosts.items()}
        return max(
            (gpus / weight if (weight := weights.get(pool, 0)) else math.inf for pool, gpus in used.items() if gpus),
            default=0.0,
        )

    @override
    def queue(self, job: SimJob) -> None:
        if job.tenant not in self._backlogs:
            self._backlogs[job.tenant] = Backlog(self.floor.shape_of)
        self._backlogs[job.tenant].put(job)

    @override
    def freed(self) -> None:
        for backlog in self._backlogs.values():
            backlog.reopen()

    @override
    def decide(self, now: float) -> Sequence[Action]:
        placed = []
        turns = [turn for tenant in self._backlogs if (turn := self._turn(tenant))]
        heapq.heapify(turns)
        while turns:
            tenant = turns[0][-1]
            backlog = self._backlogs[tenant]
            job = backlog.first()
            assert job is not None  # noqa: S101 - it has a turn
            place = self.floor.find(job)
            if place is None:
                backlog.close(job)
            else:
                backlog.take(job)
                placed.append(self.started(job, place))
            turn = self._turn(tenant)
            if turn is None:
                heapq.heappop(turns)
            else:
                heapq.heapreplace(turns, turn)
        return placed

    def _turn(self, tenant: str) -> tuple[float, float, str] | None:
        """When the tenant's next job that may fit is tried: by share, then first come, then name."""
        job = self._backlogs[tenant].first()
        return None if job is None else (self.share(tenant), job.submitted, tenant)
