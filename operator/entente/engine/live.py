"""The planner for those who decide again and again: it is told what changed, and decides about what there is then."""

from collections.abc import Iterable
from types import MappingProxyType

from entente.engine.decisions import Plan
from entente.engine.model import BarePods, Job, Node, Pool, Snapshot, Tenant
from entente.engine.planner import decide


class LivePlanner:
    """Pools, nodes, tenants and jobs as they are now, and the decisions about them.

    A decision equals that of `planner.decide` about `snapshot(now)`, byte for byte. It changes nothing here: what is
    carried out of it comes back as changed jobs.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._pools = dict(snapshot.pools)
        self._nodes = dict(snapshot.nodes)
        self._tenants = dict(snapshot.tenants)
        self._jobs = dict(snapshot.jobs)
        self._bare = snapshot.bare

    def put_pool(self, pool: Pool) -> None:
        """A pool is new or changed."""
        self._pools[pool.name] = pool

    def put_node(self, node: Node) -> None:
        """A node is new or changed."""
        self._nodes[node.name] = node

    def drop_node(self, name: str) -> None:
        """A node is gone. Raises KeyError for one that was not there."""
        del self._nodes[name]

    def put_tenant(self, tenant: Tenant) -> None:
        """A tenant is new or changed."""
        self._tenants[tenant.name] = tenant

    def drop_tenant(self, name: str) -> None:
        """A tenant is gone. Raises KeyError for one that was not there."""
        del self._tenants[name]

    def put_job(self, job: Job) -> None:
        """A job is new or changed."""
        self._jobs[job.key] = job

    def drop_job(self, key: str) -> None:
        """A job is gone. Raises KeyError for one that was not there."""
        del self._jobs[key]

    def set_bare(self, bare: Iterable[BarePods]) -> None:
        """These are all the GPUs that pods without a living job use."""
        self._bare = tuple(bare)

    def job(self, key: str) -> Job:
        """The job as it was last told. Raises KeyError."""
        return self._jobs[key]

    def snapshot(self, now: float) -> Snapshot:
        """What a decision at this moment rests on."""
        return Snapshot(
            now,
            MappingProxyType(self._pools),
            MappingProxyType(self._nodes),
            MappingProxyType(self._tenants),
            MappingProxyType(self._jobs),
            self._bare,
        )

    def decide(self, now: float) -> Plan:
        """Decide about what there is now."""
        return decide(self.snapshot(now))
