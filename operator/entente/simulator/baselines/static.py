"""`static`: isolated partitions. Each tenant has hosts of its own, and nobody uses another's.

What organisations have that do not share: each a cluster of its own, of a size in proportion to its guarantee. A
tenant's queue is in the order of submission with greedy backfill: every job that fits may start (see `backfill`). It is
what sharing is compared to in the studies of GPU clusters with several tenants ("private cluster" in Zhao et al.,
"HiveD: sharing a GPU cluster for deep learning with guarantees", OSDI 2020; 1/n of the cluster for each in Mahajan et
al., "Themis", NSDI 2020).
"""

from collections.abc import Mapping, Sequence

from entente.engine.model import Node
from entente.simulator.baselines.backfill import fill
from entente.simulator.baselines.floor import Floor
from entente.simulator.baselines.lanes import Backlog
from entente.simulator.policy import Action, SimJob, Site


def partition(nodes: Sequence[Node], guaranteed: Mapping[str, int], least: Mapping[str, int]) -> dict[str, list[Node]]:
    """Whole hosts of a pool for each tenant, in proportion to the guarantees.

    First everybody gets the hosts that make up its least, then each host goes to the tenant that is furthest below
    its part, ties by name: for hosts of equal size that is the method of largest remainders. Larger hosts are given
    away first.

    Args:
        nodes: The pool's hosts.
        guaranteed: GPUs guaranteed to each tenant; who has none gets no host.
        least: GPUs below which a tenant's hosts should not be, as long as that is possible for all together.

    Returns:
        Each tenant's hosts, in the order of the pool.
    """
    weights = {tenant: gpus for tenant, gpus in sorted(guaranteed.items()) if gpus > 0}
    shares: dict[str, list[Node]] = {tenant: [] for tenant in weights}
    if not weights:
        return shares
    whole, capacity = sum(weights.values()), sum(node.capacity for node in nodes)
    # in units of 1/whole GPUs, so that all is integer
    missing = {tenant: capacity * weight for tenant, weight in weights.items()}
    needed = {tenant: least.get(tenant, 0) for tenant in weights}
    for node in sorted(nodes, key=lambda node: -node.capacity):
        short = [tenant for tenant in weights if needed[tenant] > 0] or list(weights)
        tenant = max(short, key=missing.__getitem__)
        shares[tenant].append(node)
        missing[tenant] -= node.capacity * whole
        needed[tenant] -= node.capacity
    order = {node.name: i for i, node in enumerate(nodes)}
    return {tenant: sorted(mine, key=lambda node: order[node.name]) for tenant, mine in shares.items()}


class StaticPolicy:
    """Isolated partitions with greedy backfill in each.

    Args:
        site: The estate; guarantees say how it is split, and largest gangs below what size no partition should be.
            Where nothing is known of these, nobody with a guarantee should be without any host.
    """

    def __init__(self, site: Site) -> None:
        least = dict.fromkeys(site.tenants, 1) | dict(site.largest)
        mine: dict[str, list[Node]] = {tenant: [] for tenant in site.tenants}
        for pool in site.pools:
            nodes = [node for node in site.nodes.values() if node.pool == pool]
            terms = {name: tenant.terms[pool] for name, tenant in site.tenants.items() if pool in tenant.terms}
            shares = partition(nodes, {name: t.guaranteed for name, t in terms.items()}, least)
            for tenant, share in shares.items():
                mine[tenant] += share
        self.floors = {tenant: Floor(site, nodes) for tenant, nodes in mine.items()}
        self._backlogs = {tenant: Backlog(floor.shape_of) for tenant, floor in self.floors.items()}
        self._tenant_of = {node.name: tenant for tenant, nodes in mine.items() for node in nodes}
        self._jobs: dict[str, SimJob] = {}
        self._stirred: dict[str, None] = {}
        """Tenants to which something happened since the last decision."""

    def arrived(self, job: SimJob, now: float) -> None:  # noqa: ARG002 - the protocol's
        """A job was submitted. One that its tenant's partition can never hold is left out."""
        floor = self.floors.get(job.tenant)
        if floor is not None and floor.ever_fits(job):
            self._jobs[job.key] = job
            self._backlogs[job.tenant].put(job)
            self._stirred[job.tenant] = None

    def finished(self, key: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        self._end(self._jobs.pop(key))

    def stopped(self, key: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        job = self._jobs[key]
        self._end(job)
        self._backlogs[job.tenant].put(job)

    def restarted(self, key: str, now: float) -> None:
        """A worker failed; the gang stays where it is."""

    def host_lost(self, host: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        if tenant := self._tenant_of.get(host):
            self.floors[tenant].lose(host)

    def host_back(self, host: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        if tenant := self._tenant_of.get(host):
            self.floors[tenant].regain(host)
            self._reopen(tenant)

    def decide(self, now: float) -> Sequence[Action]:  # noqa: ARG002 - the protocol's
        placed = []
        for tenant in self._stirred:
            floor = self.floors[tenant]
            for job, place in fill(self._backlogs[tenant], floor.find):
                floor.start(job, place)
                placed.append(place)
        self._stirred.clear()
        return placed

    def next_wake(self) -> float | None:
        """Nothing happens by itself."""
        return None

    def _end(self, job: SimJob) -> None:
        self.floors[job.tenant].end(job.key)
        self._reopen(job.tenant)

    def _reopen(self, tenant: str) -> None:
        self._backlogs[tenant].reopen()
        self._stirred[tenant] = None
