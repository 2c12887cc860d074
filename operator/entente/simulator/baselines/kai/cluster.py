"""The state of one pool under KAI: its queues, its hosts, and which job has what.

KAI runs one scheduler for each pool of nodes (a `SchedulingShard`). Its configuration here: one leaf queue for each
tenant (quota = guaranteed, over-quota weight = weight, limit = guaranteed + borrow limit), all below one parent without
a limit. A lending limit is unknown to it.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping

from entente.engine.model import Terms
from entente.simulator.baselines.kai.fairshare import divide
from entente.simulator.baselines.kai.ordering import JobRank
from entente.simulator.baselines.kai.queues import Queue, may_have
from entente.simulator.baselines.kai.work import State, Unit, Work
from entente.simulator.hosts import Hosts, Placed
from entente.simulator.policy import Site


class Cluster:
    """A pool's queues, hosts and running jobs.

    `hosts` is the future as decided: jobs that were told to stop are off it, jobs that wait for their end are on it.
    """

    def __init__(self, site: Site, pool: str) -> None:
        gpus = {name: node.capacity for name, node in site.nodes.items() if node.pool == pool}
        self.hosts = Hosts(gpus, exclusive=site.pools[pool].exclusive)
        self.gpus = gpus
        self.total = sum(gpus.values())
        self.parent = Queue(pool, quota=None)
        self.leaves = {
            name: _leaf(name, tenant.terms[pool], self.parent, age)
            for age, (name, tenant) in enumerate(sorted(site.tenants.items()))
            if pool in tenant.terms
        }
        self._below = {pool: list(self.leaves.values())}
        self.held = dict.fromkeys(gpus, 0)
        """GPUs of each host that pods take, running or stopping."""
        self._holder: dict[str, str] = {}
        """The tenant of the pods that came first to each host that has some."""
        self.running: dict[str, list[JobRank]] = {name: [] for name in self.leaves}
        """Units of each leaf that run and may be evicted, as ranked."""
        self._units: dict[JobRank, Unit] = {}
        self._reach: dict[str, dict[str, int]] = {name: {} for name in self.leaves}
        """GPUs of each host that units of each leaf have that may be evicted."""

    def share(self) -> None:
        """Divide the cluster among the queues."""
        divide(self.total, [self.parent], self._below)

    def unit(self, rank: JobRank) -> Unit:
        return self._units[rank]

    def place_of(self, unit: Unit) -> dict[str, int] | None:
        """Where the unit would go now, if no limit forbids it and it fits."""
        if not may_have(unit.queue, unit.gang.total, non_preemptible=not unit.work.preemptible):
            return None
        return self.hosts.find(unit.queue.name, unit.gang)

    def put(self, unit: Unit, workers_on: Mapping[str, int]) -> None:
        self.hosts.restore(unit.id, Placed(unit.queue.name, unit.gang, workers_on))
        unit.queue.take(unit.gang.total, non_preemptible=not unit.work.preemptible)

    def lift(self, unit: Unit) -> Mapping[str, int]:
        """The unit loses its place; returns it."""
        workers_on = self.hosts.release(unit.id).workers_on
        unit.queue.take(-unit.gang.total, non_preemptible=not unit.work.preemptible)
        return workers_on

    def may_start(self, work: Work) -> bool:
        """Whether no pods, of others or its own, are left where the job has its place."""
        each, tenant, exclusive = work.job.gpus_per_worker, work.queue.name, self.hosts.exclusive
        return all(
            self.held[host] + workers * each <= self.gpus[host]
            and not (exclusive and self._holder.get(host, tenant) != tenant)
            for host, workers in work.workers_on().items()
        )

    def start(self, work: Work, now: float) -> dict[str, int]:
        """The job starts in its place; returns that."""
        workers_on = work.workers_on()
        work.state, work.started = State.RUNNING, now
        work.held = {host: workers * work.job.gpus_per_worker for host, workers in workers_on.items()}
        for host, gpus in work.held.items():
            self.held[host] += gpus
            self._holder.setdefault(host, work.queue.name)
        if work.preemptible:
            for unit in work.placed():
                insort(self.running[work.queue.name], unit.rank)
                self._units[unit.rank] = unit
            _add(self._reach[work.queue.name], work.held, 1)
        return workers_on

    def stop(self, work: Work) -> None:
        """The job stops; its pods still take what they took, its places are as decided."""
        work.state = State.STOPPING
        self._off(work)

    def ended(self, work: Work) -> None:
        if work.state is State.RUNNING:
            self._off(work)
        for host, gpus in work.held.items():
            self.held[host] -= gpus
            if not self.held[host]:
                del self._holder[host]
        work.held = {}

    def vacate(self, work: Work) -> None:
        """The job has no place any more, nor is kept one."""
        for unit in work.placed():
            self.lift(unit)
        work.places = {}

    def reach(self, leaves: Iterable[str]) -> dict[str, int]:
        """GPUs of each host that all victims in these leaves together would free."""
        freed: dict[str, int] = {}
        for leaf in leaves:
            _add(freed, self._reach[leaf], 1)
        return freed

    def lost(self, host: str) -> None:
        """A host is gone; what ran on it was ended before."""
        self.hosts.lose(host)
        self.total -= self.gpus[host]

    def back(self, host: str) -> None:
        self.hosts.regain(host)
        self.total += self.gpus[host]

    def _off(self, work: Work) -> None:
        """Its units are no candidates for eviction any more."""
        if work.core.rank in self._units:
            _add(self._reach[work.queue.name], work.held, -1)
        ranks = self.running[work.queue.name]
        for unit in (work.core, *work.surplus):
            if self._units.pop(unit.rank, None) is not None:
                del ranks[bisect_left(ranks, unit.rank)]


def slots(cluster: Cluster, gpus: int, freed: Mapping[str, int], base: int) -> int:
    """How many workers of so many GPUs fit when these GPUs are freed on their hosts.

    Args:
        cluster: As it is.
        gpus: Of each worker.
        freed: GPUs on each host.
        base: How many fit as it is.
    """
    hosts = cluster.hosts
    count = base
    for host, more in freed.items():
        free = hosts.free_on(host)
        count += (free + more) // gpus - free // gpus
    return count


def _add(sums: dict[str, int], gpus: Mapping[str, int], sign: int) -> None:
    for host, count in gpus.items():
        sums[host] = sums.get(host, 0) + sign * count


def freed_by(units: Iterable[Unit]) -> dict[str, int]:
    """GPUs that the units have on each host."""
    freed: dict[str, int] = {}
    for unit in units:
        for host, workers in unit.work.places[unit.id].items():
            freed[host] = freed.get(host, 0) + workers * unit.gang.gpus
    return freed


def _leaf(name: str, terms: Terms, parent: Queue, age: int) -> Queue:
    limit = None if terms.borrow_limit is None else terms.guaranteed + terms.borrow_limit
    return Queue(name, terms.guaranteed, limit, terms.weight, parent=parent, age=age)
