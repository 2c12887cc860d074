"""The hosts of all pools, as policies that never stop a job use them."""

from collections.abc import Iterable

from entente.engine.model import Node
from entente.simulator.baselines.lanes import Shape, gang_of
from entente.simulator.hosts import Hosts, Placed
from entente.simulator.policy import Place, SimJob, Site


class Floor:
    """Hosts by pool, and the running jobs on them.

    Args:
        site: Pools, and all hosts.
        nodes: Those of the hosts that this floor has.
    """

    def __init__(self, site: Site, nodes: Iterable[Node]) -> None:
        mine: dict[str, dict[str, int]] = {pool: {} for pool in site.pools}
        self._pool_of: dict[str, str] = {}
        for node in nodes:
            mine[node.pool][node.name] = node.capacity
            self._pool_of[node.name] = node.pool
        self.hosts = {name: Hosts(gpus, exclusive=site.pools[name].exclusive) for name, gpus in mine.items()}
        self._untouched = {name: hosts.copy() for name, hosts in self.hosts.items()}
        self._by_tenant = any(pool.exclusive for pool in site.pools.values())
        self._running: dict[str, str] = {}
        """Pools of the running jobs."""
        self._too_large: set[Shape] = set()
        """Shapes that do not fit, as long as nothing comes free."""

    def shape_of(self, job: SimJob) -> Shape:
        """What makes jobs equal here; on exclusive hosts the tenant counts, too."""
        return (job.tenant if self._by_tenant else "", job.workers, job.gpus_per_worker, job.pools)

    def ever_fits(self, job: SimJob) -> bool:
        """Whether the job could start if nothing else ran and all hosts were up."""
        return any(self._untouched[pool].fits(job.tenant, gang_of(job)) for pool in job.pools)

    def find(self, job: SimJob) -> Place | None:
        """Where the job can start now: in the first of its pools that has room."""
        shape = self.shape_of(job)
        if shape in self._too_large:
            return None
        for pool in job.pools:
            workers_on = self.hosts[pool].find(job.tenant, gang_of(job))
            if workers_on is not None:
                return Place(job.key, workers_on)
        self._too_large.add(shape)
        return None

    def start(self, job: SimJob, place: Place) -> str:
        """The job starts there; returns the pool."""
        pool = self._pool_of[next(iter(place.workers_on))]
        self.hosts[pool].restore(job.key, Placed(job.tenant, gang_of(job), place.workers_on))
        self._running[job.key] = pool
        return pool

    def pool_of(self, key: str) -> str:
        """Where a running job is."""
        return self._running[key]

    def end(self, key: str) -> str:
        """A running job is off its hosts; returns the pool."""
        pool = self._running.pop(key)
        self.hosts[pool].release(key)
        self._too_large.clear()
        return pool

    def lose(self, host: str) -> None:
        self.hosts[self._pool_of[host]].lose(host)

    def regain(self, host: str) -> None:
        self.hosts[self._pool_of[host]].regain(host)
        self._too_large.clear()
