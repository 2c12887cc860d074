"""The working state of one decision: who uses, leaves, holds and reserves GPUs on which host, and what that charges."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from entente.api.job import Phase
from entente.engine.model import HOLDING_PHASES, Job, Node, Pool, Snapshot


@dataclass(slots=True)
class Use:
    """GPUs of one job (or bare pods) on a host."""

    tenant: str
    gpus: int


@dataclass(slots=True)
class Host:
    """A node of a pool and what is on it."""

    node: Node
    capacity: int
    using: dict[str, Use] = field(default_factory=dict)
    """By job: in use and staying."""
    going: dict[str, Use] = field(default_factory=dict)
    """By job: in use, and on its way out for sure."""
    held: dict[str, Use] = field(default_factory=dict)
    """By job: promised to a claimant."""

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def staying_gpus(self) -> int:
        """GPUs in use by work that is not on its way out."""
        return sum(u.gpus for u in self.using.values())

    @property
    def going_gpus(self) -> int:
        """GPUs in use by work on its way out."""
        return sum(u.gpus for u in self.going.values())

    @property
    def held_gpus(self) -> int:
        """GPUs promised."""
        return sum(u.gpus for u in self.held.values())

    @property
    def idle(self) -> int:
        """GPUs that nothing uses now, held or not."""
        return max(0, self.capacity - self.staying_gpus - self.going_gpus)


@dataclass(slots=True)
class Running:
    """A job that has GPUs and keeps them: started earlier or in this decision."""

    job: Job
    tenant: str
    pool: str
    nodes: dict[str, int]
    """Workers on each node."""
    on_call: bool = False
    new: bool = False
    """Started or grown in this decision: no victim in it."""
    shrunk: bool = False
    """Shrunk in this decision: it may be shrunk further, but not evicted."""

    @property
    def workers(self) -> int:
        """All of them."""
        return sum(self.nodes.values())

    @property
    def gpus(self) -> int:
        """GPUs that it has."""
        return self.workers * self.job.gpus_per_worker


class Estate:
    """All pools' hosts, with the running jobs and the holds on them.

    Changed only by `start`, `leave`, `keep`, `hold` and `unhold`, so that the charges always fit the hosts.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.now = snapshot.now
        self.pools: Mapping[str, Pool] = snapshot.pools
        self.hosts: dict[str, Host] = {name: Host(node, node.capacity) for name, node in sorted(snapshot.nodes.items())}
        self.by_pool: dict[str, list[Host]] = {pool: [] for pool in sorted(snapshot.pools)}
        for host in self.hosts.values():
            self.by_pool[host.node.pool].append(host)
        self.running: dict[str, Running] = {}
        self.holds: dict[str, Running] = {}
        self._charges: dict[tuple[str, str], int] = {}
        self._take_in()

    def _take_in(self) -> None:
        for bare in self.snapshot.bare:
            if host := self.hosts.get(bare.node):
                side = host.going if bare.going else host.using
                key = f"pods of {bare.tenant}"
                before = side.get(key)
                with self._recharged(host, bare.tenant):
                    side[key] = Use(bare.tenant, bare.gpus + (before.gpus if before else 0))
        for key, job in sorted(self.snapshot.jobs.items()):
            if job.tenant is None or job.placement is None or job.phase not in HOLDING_PHASES:
                continue
            if job.phase is Phase.STOPPING or self.broken(job):
                self._put(job, job.placement.nodes, "going")
            elif job.placement.pool in self.pools:
                self.running[key] = Running(
                    job, job.tenant, job.placement.pool, dict(job.placement.nodes), on_call=job.on_call
                )
                self._put(job, job.placement.nodes, "using")

    def broken(self, job: Job) -> bool:
        """Whether a worker of the gang is on a lost node: then the job counts as pending in its old place."""
        if job.placement is None or job.phase not in HOLDING_PHASES or job.phase is Phase.STOPPING:
            return False
        if job.placement.pool not in self.pools:
            return False  # its hosts may well be up: it runs until somebody stops it
        return any(n not in self.hosts or self.hosts[n].node.lost for n in job.placement.nodes)

    def _put(self, job: Job, nodes: Mapping[str, int], side: str) -> None:
        assert job.tenant is not None  # noqa: S101 - only jobs of a tenant have GPUs
        for name, workers in nodes.items():
            host = self.hosts.get(name)
            if host is None or (side == "going" and host.node.lost):
                continue
            with self._recharged(host, job.tenant):
                getattr(host, side)[job.key] = Use(job.tenant, workers * job.gpus_per_worker)

    @contextmanager
    def _recharged(self, host: Host, tenant: str) -> Iterator[None]:
        """Keep the tenant's charge equal to what its hosts add up to, over a change of one host."""
        before = self._host_charge(host, tenant)
        yield
        key = (tenant, host.node.pool)
        self._charges[key] = self._charges.get(key, 0) + self._host_charge(host, tenant) - before

    def _host_charge(
        self,
        host: Host,
        tenant: str,
        without: frozenset[str] = frozenset(),
        cuts: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
    ) -> int:
        gpus = 0
        for key, use in (*host.using.items(), *host.held.items()):
            if use.tenant == tenant and key not in without:
                gpus += cuts[key].get(host.name, 0) if key in cuts else use.gpus
        return host.node.offered if gpus and self.pools[host.node.pool].exclusive else gpus

    def start(self, job: Job, pool: str, nodes: Mapping[str, int], *, on_call: bool = False) -> None:
        """Give a job GPUs that are idle."""
        assert job.tenant is not None  # noqa: S101 - screened before
        self.running[job.key] = Running(job, job.tenant, pool, dict(nodes), on_call=on_call, new=True)
        self._put(job, nodes, "using")

    def leave(self, key: str) -> None:
        """A running job is told to stop: its GPUs are on their way out and no longer charged."""
        gone = self.running.pop(key)
        for name in gone.nodes:
            if host := self.hosts.get(name):
                with self._recharged(host, gone.tenant):
                    use = host.using.pop(key, None)
                if use and not host.node.lost:
                    host.going[key] = use

    def keep(self, key: str, nodes: Mapping[str, int]) -> None:
        """A running job keeps only these workers: the rest is on its way out."""
        running = self.running[key]
        per_worker = running.job.gpus_per_worker
        for name, workers in running.nodes.items():
            host, left = self.hosts.get(name), nodes.get(name, 0)
            if host is None or left == workers:
                continue
            before = host.going.get(key)
            host.going[key] = Use(running.tenant, (workers - left) * per_worker + (before.gpus if before else 0))
            with self._recharged(host, running.tenant):
                if left:
                    host.using[key] = Use(running.tenant, left * per_worker)
                else:
                    del host.using[key]
        running.nodes, running.shrunk = dict(nodes), True

    def hold(self, job: Job, pool: str, nodes: Mapping[str, int]) -> None:
        """Promise GPUs to a job; they are charged to it from now on."""
        assert job.tenant is not None  # noqa: S101 - screened before
        self.holds[job.key] = Running(job, job.tenant, pool, dict(nodes), new=True)
        self._put(job, nodes, "held")

    def unhold(self, key: str) -> None:
        """A hold ends."""
        gone = self.holds.pop(key)
        for name in gone.nodes:
            if host := self.hosts.get(name):
                with self._recharged(host, gone.tenant):
                    host.held.pop(key, None)

    def charged(self, tenant: str, pool: str) -> int:
        """GPUs that a tenant is charged in a pool: running and held."""
        return self._charges.get((tenant, pool), 0)

    def charged_without(
        self,
        tenant: str,
        pool: str,
        without: frozenset[str],
        cuts: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
    ) -> int:
        """The charge if some jobs were gone and others had only the GPUs on each host that `cuts` leave them."""
        total = self.charged(tenant, pool)
        touched = {n for key in (*without, *cuts) if key in self.running for n in self.running[key].nodes}
        for name in touched:
            if (host := self.hosts.get(name)) and host.node.pool == pool:
                total += self._host_charge(host, tenant, without, cuts) - self._host_charge(host, tenant)
        return total

    def added_charge(self, tenant: str, pool: str, nodes: Mapping[str, int], gpus_per_worker: int) -> int:
        """What a placement adds to the tenant's charge."""
        if not self.pools[pool].exclusive:
            return sum(nodes.values()) * gpus_per_worker
        return sum(self.hosts[n].node.offered for n in nodes if not self.holds_host(tenant, self.hosts[n]))

    @staticmethod
    def holds_host(tenant: str, host: Host) -> bool:
        """Whether the tenant is charged for the host already."""
        return any(u.tenant == tenant for u in (*host.using.values(), *host.held.values()))

    def idle(self, pool: str) -> int:
        """GPUs of a pool that nothing uses now."""
        return sum(h.idle for h in self.by_pool[pool])


def gpus_on(nodes: Mapping[str, int], per_worker: int) -> dict[str, int]:
    """GPUs on each node of a placement."""
    return {name: workers * per_worker for name, workers in nodes.items()}


def without_workers(nodes: Mapping[str, int], count: int) -> dict[str, int]:
    """What a job keeps when it gives up `count` workers: the hosts with the fewest of its workers are emptied first."""
    left = dict(nodes)
    for name in sorted(nodes, key=lambda n: (nodes[n], n)):
        taken = min(count, left[name])
        left[name] -= taken
        count -= taken
        if not count:
            break
    return {name: workers for name, workers in left.items() if workers}
