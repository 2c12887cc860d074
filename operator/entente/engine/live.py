"""The planner for those who decide again and again: it is told what changed, and decides about what there is then."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from entente.engine.decisions import Plan
from entente.engine.model import BarePods, Job, Node, Pool, Snapshot, Tenant
from entente.engine.planner import decide_on
from entente.engine.state import State
from entente.engine.verdict import Verdict

T = TypeVar("T")


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
        self._told().put_node(node)

    def drop_node(self, name: str) -> None:
        """A node is gone. Raises KeyError for one that was not there."""
        self._told().drop_node(name)

    def put_tenant(self, tenant: Tenant) -> None:
        self._told().put_tenant(tenant)

    def drop_tenant(self, name: str) -> None:
        """A tenant is gone. Raises KeyError for one that was not there."""
        self._told().drop_tenant(name)

    def put_job(self, job: Job) -> None:
        self._told().put_job(job)

    def drop_job(self, key: str) -> None:
        """A job is gone. Raises KeyError for one that was not there."""
        self._told().drop_job(key)

    def set_bare(self, bare: Iterable[BarePods]) -> None:
        """These are all the GPUs that pods without a living job use."""
        self._told().set_bare(bare)

    def tell(self, snapshot: Snapshot) -> None:
        """This is all that there is now: what differs from before is taken in. The moment is told to `decide`."""
        state = self._told()
        if state.estate.pools != snapshot.pools:
            self._state = State(snapshot)
            return
        _take_in(state.jobs, snapshot.jobs, state.put_job, state.drop_job)
        _take_in(state.nodes, snapshot.nodes, state.put_node, state.drop_node)
        _take_in(state.tenants, snapshot.tenants, state.put_tenant, state.drop_tenant)
        if state.bare != snapshot.bare:
            state.set_bare(snapshot.bare)

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


class Successive:
    """Decides about snapshots that follow each other: as `planner.decide`, at the cost of what differs.

    After an error nothing is kept: the next snapshot is looked at as the first one.
    """

    def __init__(self) -> None:
        self._planner: LivePlanner | None = None

    def decide(self, snapshot: Snapshot) -> Plan:
        planner, self._planner = self._planner, None
        if planner is None:
            planner = LivePlanner(snapshot)
        else:
            planner.tell(snapshot)
        plan = planner.decide(snapshot.now).plan()
        self._planner = planner
        return plan


def _take_in(was: Mapping[str, T], now: Mapping[str, T], put: Callable[[T], None], drop: Callable[[str], None]) -> None:
    """What is gone, then what is new or changed."""
    for name in sorted(was.keys() - now.keys()):
        drop(name)
    for name, it in now.items():
        if was.get(name) != it:
            put(it)
