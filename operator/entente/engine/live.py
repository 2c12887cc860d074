"""The planner for those who decide again and again: it is told what changed, and decides about what there is then."""

from collections.abc import Iterable
from dataclasses import replace

from entente.engine.model import BarePods, Job, Node, Pool, Snapshot, Tenant
from entente.engine.planner import decide_on
from entente.engine.state import State
from entente.engine.verdict import Verdict


class LivePlanner:
    """Pools, nodes, tenants and jobs as they are now, and the decisions about them.

    A decision equals that of `planner.decide` about `snapshot(now)`, byte for byte, and costs what changed and what is
    decided, not what there is. It changes nothing here: what is carried out of it comes back as changed jobs.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._state = State(snapshot)
        self._verdict: Verdict | None = None

    def put_pool(self, pool: Pool) -> None:
        """A pool is new or changed: everything is looked at anew."""
        snapshot = self.snapshot(self._state.now)
        self._state = State(replace(snapshot, pools={**snapshot.pools, pool.name: pool}))

    def put_node(self, node: Node) -> None:
        """A node is new or changed."""
        self._told().put_node(node)

    def drop_node(self, name: str) -> None:
        """A node is gone. Raises KeyError for one that was not there."""
        self._told().drop_node(name)

    def put_tenant(self, tenant: Tenant) -> None:
        """A tenant is new or changed."""
        self._told().put_tenant(tenant)

    def drop_tenant(self, name: str) -> None:
        """A tenant is gone. Raises KeyError for one that was not there."""
        self._told().drop_tenant(name)

    def put_job(self, job: Job) -> None:
        """A job is new or changed."""
        self._told().put_job(job)

    def drop_job(self, key: str) -> None:
        """A job is gone. Raises KeyError for one that was not there."""
        self._told().drop_job(key)

    def set_bare(self, bare: Iterable[BarePods]) -> None:
        """These are all the GPUs that pods without a living job use."""
        self._told().set_bare(bare)

    def job(self, key: str) -> Job:
        """The job as it was last told. Raises KeyError."""
        return self._state.jobs[key]

    def snapshot(self, now: float) -> Snapshot:
        """What a decision at this moment rests on; it changes with what is told."""
        return self._told().at(now)

    def decide(self, now: float) -> Verdict:
        """Decide about what there is now. The verdict must be read before anything more is told."""
        self._verdict = decide_on(self._told(), now)
        return self._verdict

    def _told(self) -> State:
        if self._verdict is not None:
            self._verdict.close()
            self._verdict = None
        return self._state
