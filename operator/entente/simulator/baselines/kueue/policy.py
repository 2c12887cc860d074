"""The policy `kueue`: a tenant's ClusterQueue per tenant, all in one cohort, classic preemption."""

from collections.abc import Sequence

from entente.simulator.baselines.kueue.assignment import Assigner
from entente.simulator.baselines.kueue.cohort import Cohort
from entente.simulator.baselines.kueue.cycle import Cycle
from entente.simulator.baselines.kueue.quota import QuotaNode
from entente.simulator.baselines.kueue.workloads import ClusterQueue, Shape, Workload
from entente.simulator.hosts import Gang
from entente.simulator.policy import Action, SimJob, Site


class KueuePolicy:
    """Kueue under replay.

    A tenant has one ClusterQueue: its guarantee is the nominal quota of a pool, its limits are the lending and the
    borrowing limit. All are in one cohort, which has as quota of its own what nobody is guaranteed. Preemption is
    classic: `reclaimWithinCohort: Any`, `withinClusterQueue: LowerPriority`, `borrowWithinCohort: Never`;
    `queueingStrategy: BestEffortFIFO`, and topology-aware scheduling with the host as the only level. An elastic job
    may start with fewer workers (partial admission) and keeps them.

    What was parked is woken at once when something is freed; Kueue collects such events for a second
    (kubernetes-sigs/kueue `pkg/cache/queue/inadmissible_workloads.go`).
    """

    def __init__(self, site: Site) -> None:
        self._queues = {name: _queue(site, name) for name in sorted(site.tenants)}
        self._cohorts = {pool: _cohort(site, pool, self._queues) for pool in site.pools}
        self._pool_of = {name: node.pool for name, node in site.nodes.items()}
        self._assigner = Assigner(self._cohorts)
        self._workloads: dict[str, Workload] = {}

    def arrived(self, job: SimJob, now: float) -> None:
        """A job is a workload in its tenant's queue."""
        queue, gang = self._queues[job.tenant], Gang(job.workers, job.gpus_per_worker)
        flavors = tuple(pool for pool in queue.quotas if pool in job.pools)
        shape = Shape(job.priority, gang, min(job.min_workers or job.workers, job.workers), flavors)
        self._workloads[job.key] = workload = Workload(job.key, job.tenant, shape, now, gang)
        queue.pending.push(workload)

    def finished(self, key: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        self._free(self._workloads.pop(key))

    def stopped(self, key: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        """A workload's pods are gone: it waits again, as old as it is (K26)."""
        workload = self._workloads[key]
        self._free(workload)
        self._queues[workload.queue].pending.push(workload)

    def restarted(self, key: str, now: float) -> None:
        """A worker failed and is started again: Kueue has no part in that."""

    def host_lost(self, host: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        self._cohorts[self._pool_of[host]].lose(host)

    def host_back(self, host: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        """A host is up again, which wakes what is parked."""
        self._cohorts[self._pool_of[host]].regain(host)
        self._wake()

    def decide(self, now: float) -> Sequence[Action]:
        """Cycles until one changes nothing."""
        actions: list[Action] = []
        while (cycle := Cycle(self._cohorts, self._queues, self._assigner, now)).run():
            actions += cycle.actions
        return actions

    def next_wake(self) -> float | None:
        """Nothing happens by itself."""
        return None

    def _free(self, workload: Workload) -> None:
        if workload.flavor is not None:
            self._cohorts[workload.flavor].free(workload)
            workload.evicted = False
        self._wake()

    def _wake(self) -> None:
        """All queues of the cohort try again what they parked."""
        self._assigner.generation += 1
        for queue in self._queues.values():
            queue.pending.wake()


def _queue(site: Site, tenant: str) -> ClusterQueue:
    return ClusterQueue(
        tenant,
        {
            pool: QuotaNode(
                tenant,
                terms.guaranteed,
                lending_limit=None if terms.lend_limit is None else min(terms.lend_limit, terms.guaranteed),
                borrowing_limit=terms.borrow_limit,
            )
            for pool, terms in site.tenants[tenant].terms.items()
            if pool in site.pools
        },
    )


def _cohort(site: Site, pool: str, queues: dict[str, ClusterQueue]) -> Cohort:
    """A pool, its quotas in one cohort."""
    quotas = [queue.quotas[pool] for queue in queues.values() if pool in queue.quotas]
    spare = max(0, site.capacity(pool) - sum(quota.nominal for quota in quotas))
    gpus = {node.name: node.capacity for node in site.nodes.values() if node.pool == pool}
    return Cohort(pool, QuotaNode(pool, spare, children=quotas), queues, gpus, exclusive=site.pools[pool].exclusive)
