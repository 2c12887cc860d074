"""A pool as Kueue sees it: a resource flavor, with its quotas in a cohort and its hosts in a topology."""

from collections import Counter
from collections.abc import Mapping

from entente.simulator.baselines.kueue.ceiling import Ceiling
from entente.simulator.baselines.kueue.quota import QuotaNode
from entente.simulator.baselines.kueue.workloads import ClusterQueue, Workload
from entente.simulator.hosts import Gang, Hosts, Placed


class Cohort:
    """The ClusterQueues that share the quota of a pool, and the pool's hosts.

    Args:
        flavor: The pool.
        quota: Root of its tree of quotas; the leaves are the ClusterQueues' own.
        queues: All ClusterQueues by name.
        gpus: GPUs of each host.
        exclusive: Never two tenants on a host at once.
    """

    def __init__(
        self,
        flavor: str,
        quota: QuotaNode,
        queues: Mapping[str, ClusterQueue],
        gpus: Mapping[str, int],
        *,
        exclusive: bool = False,
    ) -> None:
        self.flavor = flavor
        self.quota = quota.checked()
        self.queues = queues
        self.hosts = Hosts(gpus, exclusive=exclusive)
        self.ceiling: Ceiling | None = None
        """Known after a search in vain, as long as it holds."""
        self._gpus = gpus
        self._up = set(gpus)
        self._sizes = Counter(gpus.values())

    def could_hold(self, gang: Gang) -> bool:
        """Whether the gang would fit if nothing else ran.

        After kubernetes-sigs/kueue `pkg/cache/scheduler/tas_flavor_snapshot.go` (`WithSimulateEmpty`).
        """
        return sum(count * (size // gang.gpus) for size, count in self._sizes.items()) >= gang.workers

    def admit(self, workload: Workload, gang: Gang, workers_on: Mapping[str, int], now: float) -> None:
        """A workload gets quota and hosts.

        Raises:
            ValueError: A host does not have the GPUs free.
        """
        self.hosts.restore(workload.key, Placed(workload.queue, gang, workers_on))
        workload.gang = gang
        queue = self.queues[workload.queue]
        queue.reserve(workload, self.flavor, now)
        if workload.evicted or queue.reserving(self.flavor, evicted=False)[0][-1] is not workload:
            self.ceiling = None

    def evict(self, workload: Workload) -> None:
        """A workload is told to stop; it has its quota and its hosts until its pods are gone."""
        self.queues[workload.queue].evict(workload)
        if self.ceiling is not None:
            self.ceiling.raise_by(self.hosts.placed[workload.key])

    def free(self, workload: Workload) -> Placed:
        """A workload gives back its quota and its hosts. Returns where it was."""
        self.queues[workload.queue].release(workload)
        placed = self.hosts.release(workload.key)
        if self.ceiling is not None:
            self.ceiling.raise_by(placed)
        return placed

    def free_by_host(self) -> dict[str, int]:
        """Free GPUs of the hosts that are up."""
        return {host: self.hosts.free_on(host) for host in self._gpus if host in self._up}

    def lose(self, host: str) -> None:
        """A host is down; nothing runs there any more. Quotas stay: nobody edits them in time."""
        self.hosts.lose(host)
        if host in self._up:
            self._up.remove(host)
            self._sizes[self._gpus[host]] -= 1

    def regain(self, host: str) -> None:
        self.hosts.regain(host)
        self.ceiling = None
        if host not in self._up:
            self._up.add(host)
            self._sizes[self._gpus[host]] += 1
