"""Hosts that change tenants in a replay: the handover of pools that have one takes its whole time, and succeeds."""

from dataclasses import replace

from entente.engine.live import LivePlanner
from entente.engine.model import Job, Node, Placement
from entente.simulator.policy import Site


class Handovers:
    """The hosts, as the planner is told of them."""

    def __init__(self, site: Site) -> None:
        self._seconds = {name: pool.handover_s for name, pool in site.pools.items() if pool.handover_s is not None}
        self._nodes = dict(site.nodes)
        self._busy: dict[str, int] = {}
        """Jobs with pods there, by host."""
        self._under_way: dict[str, tuple[float, str]] = {}
        """When it is done, and for whom."""

    def came(self, planner: LivePlanner, job: Job) -> None:
        if job.placement is None or job.placement.pool not in self._seconds:
            return
        for host in job.placement.nodes:
            self._busy[host] = self._busy.get(host, 0) + 1
            self._put(planner, replace(self._nodes[host], last_tenant=job.tenant))

    def left(self, job: Job) -> None:
        if job.placement is not None and job.placement.pool in self._seconds:
            for host in job.placement.nodes:
                self._busy[host] -= 1

    def begin(self, job: Job, hold: Placement, now: float) -> None:
        """Hand over the hosts that are held for another tenant and that nothing is on any more."""
        seconds = self._seconds.get(hold.pool)
        if seconds is None:
            return
        for host in hold.nodes:
            idle = not self._busy.get(host) and host not in self._under_way
            if idle and self._nodes[host].last_tenant not in (None, job.tenant):
                self._under_way[host] = (now + seconds, job.tenant or "")

    def advance(self, planner: LivePlanner, now: float) -> None:
        """Those whose handover is done are the new tenant's."""
        for host, (end, tenant) in tuple(self._under_way.items()):
            if end <= now:
                del self._under_way[host]
                self._put(planner, replace(self._nodes[host], last_tenant=tenant))

    def next_end(self) -> float | None:
        """When the next handover is done."""
        return min((end for end, _ in self._under_way.values()), default=None)

    def change(self, planner: LivePlanner, host: str, *, usable: bool) -> None:
        """A host is lost, or there again."""
        if not usable:
            self._under_way.pop(host, None)
        self._put(planner, replace(self._nodes[host], usable=usable, lost=not usable))

    def _put(self, planner: LivePlanner, node: Node) -> None:
        if self._nodes[node.name] != node:
            self._nodes[node.name] = node
            planner.put_node(node)
