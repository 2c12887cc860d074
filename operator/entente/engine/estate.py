"""Who uses, leaves and holds GPUs on which host, and what that charges: the state that a decision works on.

It is told of jobs and nodes as they change, and a decision's own steps are taken back by `undo`: either costs what it
changes, whatever the size of the estate.
"""

from bisect import insort
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from entente.api.job import Phase
from entente.engine.charges import Charges
from entente.engine.ends import Ends
from entente.engine.host import Host, Layout, Use
from entente.engine.model import HOLDING_PHASES, BarePods, Job, Node, Pool, Snapshot
from entente.engine.running import Running
from entente.engine.stock import Stock

Steps = list[Callable[[], None]]
"""Changes of an estate, each of which takes one step back; the latest comes last."""


class Estate:
    """All pools' hosts, with the running jobs and the holds on them.

    A decision changes it only by `start`, `leave`, `keep`, `hold`, `unhold` and `grow`, so that charges and stock
    always fit the hosts.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.now = snapshot.now
        self.pools: dict[str, Pool] = dict(snapshot.pools)
        self.hosts: dict[str, Host] = {}
        self.by_pool: dict[str, list[Host]] = {pool: [] for pool in sorted(snapshot.pools)}
        self.stocks: dict[str, Stock] = {pool: Stock() for pool in self.by_pool}
        self.built = dict.fromkeys(self.by_pool, 0)
        """How often the hosts of each pool changed in what they are."""
        self.running: dict[str, Running] = {}
        self.holds: dict[str, Running] = {}
        self.by_tenant: dict[str, dict[str, Running]] = {}
        """Running jobs of each tenant."""
        self.changed: Counter[str] = Counter()
        """How often each tenant's running jobs, or its pods without a job, changed."""
        self.barred: dict[str, set[str]] = {pool: set() for pool in self.by_pool}
        """Hosts of each pool whose last handover failed: not everybody gets them."""
        self.elastic: dict[str, Running] = {}
        """Running jobs that may shrink and grow."""
        self.ends: dict[str, Ends] = {pool: Ends() for pool in self.by_pool}
        """Of the running jobs of each pool that were not started or grown in this decision."""
        self.graces: dict[str, Counter[float]] = {pool: Counter() for pool in self.by_pool}
        """By pool: how many running jobs ask for so many seconds to stop."""
        self.charges = Charges(self.pools, self.hosts, self.running)
        self.touched: dict[str, list[str]] = {pool: [] for pool in self.by_pool}
        """Hosts of each pool on which something changed since `watch`, one after the other."""
        self._layouts: dict[str, tuple[int, Layout]] = {}
        self._placed_on: dict[str, dict[str, Job]] = {}
        """By node, there or not: the jobs that were told to have workers on it."""
        self._bare: tuple[BarePods, ...] = ()
        self._undo: Steps | None = None
        for _, node in sorted(snapshot.nodes.items()):
            self.put_node(node)
        self.set_bare(snapshot.bare)
        for _, job in sorted(snapshot.jobs.items()):
            self.put_job(job)

    def put_node(self, node: Node) -> None:
        old = self.hosts.get(node.name)
        self.barred[node.pool].discard(node.name)
        if node.handover_failed:
            self.barred[node.pool].add(node.name)
        if old is not None and _stands(old.node) == _stands(node):
            old.node = node  # who used it last changes often, and nothing but that
            return
        if old is not None:
            self.drop_node(node.name)
        host = self.hosts[node.name] = Host(node, node.capacity)
        insort(self.by_pool[node.pool], host, key=lambda h: h.node.name)
        self.stocks[node.pool].put(host)
        self.built[node.pool] += 1
        self._settle_again(node.name)

    def layout(self, pool: str) -> Layout:
        """What the hosts of a pool are, kept until that changes."""
        built, known = self.built[pool], self._layouts.get(pool)
        if known is None or known[0] != built:
            known = self._layouts[pool] = (built, Layout(self.pools[pool].levels, self.by_pool[pool]))
        return known[1]

    def drop_node(self, name: str) -> None:
        """A node is gone, with what is on it."""
        host = self.hosts[name]
        for side in (host.using, host.going, host.held):
            for key in list(side):
                self._set(host, side, key, None)
        self.stocks[host.node.pool].take(host)
        self.barred[host.node.pool].discard(name)
        self.by_pool[host.node.pool].remove(host)
        self.built[host.node.pool] += 1
        del self.hosts[name]
        self._settle_again(name)

    def _settle_again(self, name: str) -> None:
        for job in self.told_of(name):
            self.drop_job(job)
            self.put_job(job)
        self.set_bare(self._bare)

    def set_bare(self, bare: Sequence[BarePods]) -> None:
        """These are all the pods that use GPUs and belong to no living job."""
        for pods in self._bare:
            if host := self.hosts.get(pods.node):
                self._set(host, host.using, bare_key(pods.tenant), None)
                self._set(host, host.going, bare_key(pods.tenant), None)
        self.changed.update({pods.tenant for pods in (*self._bare, *bare)})
        self._bare = tuple(bare)
        for pods in self._bare:
            if host := self.hosts.get(pods.node):
                side, key = host.going if pods.going else host.using, bare_key(pods.tenant)
                before = side.get(key)
                self._set(host, side, key, Use(pods.tenant, pods.gpus + (before.gpus if before else 0)))

    def bare_on(self, tenant: str, pool: str) -> dict[str, int]:
        """GPUs on each host of a pool that a tenant's pods without a job use and do not leave."""
        found: dict[str, int] = {}
        for pods in self._bare:
            host = self.hosts.get(pods.node)
            if pods.tenant == tenant and not pods.going and host and host.node.pool == pool:
                found[pods.node] = found.get(pods.node, 0) + pods.gpus
        return found

    def put_job(self, job: Job) -> None:
        """A job is there; it was not, or was dropped as it was before."""
        if job.tenant is None or job.placement is None or job.phase not in HOLDING_PHASES:
            return
        for name in job.placement.nodes:
            self._placed_on.setdefault(name, {})[job.key] = job
        if job.phase is Phase.STOPPING or self.broken(job):
            self._put(job, job.placement.nodes, "going")
        elif job.placement.pool in self.pools:
            running = Running(job, job.tenant, job.placement.pool, dict(job.placement.nodes), on_call=job.on_call)
            self._set_running(job.key, running)
            self._put(job, job.placement.nodes, "using")

    def drop_job(self, job: Job) -> None:
        """A job is not there any more, or not as it was told."""
        if job.tenant is None or job.placement is None or job.phase not in HOLDING_PHASES:
            return
        for name in job.placement.nodes:
            del self._placed_on[name][job.key]
            if host := self.hosts.get(name):
                self._set(host, host.using, job.key, None)
                self._set(host, host.going, job.key, None)
        self._set_running(job.key, None)

    def broken(self, job: Job) -> bool:
        """Whether a worker of the gang is on a lost node: then the job counts as pending in its old place."""
        if job.placement is None or job.phase not in HOLDING_PHASES or job.phase is Phase.STOPPING:
            return False
        if job.placement.pool not in self.pools:
            return False  # its hosts may well be up: it runs until somebody stops it
        return any(n not in self.hosts or self.hosts[n].node.lost for n in job.placement.nodes)

    def told_of(self, name: str) -> list[Job]:
        """The jobs that were told to have workers on a node, there or not."""
        return list(self._placed_on.get(name, {}).values())

    def watch(self) -> None:
        """From now on, remember how to take back what is done."""
        self._undo = []
        for hosts in self.touched.values():
            hosts.clear()

    def undo(self) -> Steps:
        """Take back everything since `watch`, and return what does it again."""
        taken, self._undo = self._undo or [], []
        for step in reversed(taken):
            step()
        again, self._undo = self._undo, None
        return again

    def redo(self, again: Steps) -> None:
        """Do again what was taken back, if nothing was done since."""
        self._undo = []
        for step in reversed(again):
            step()

    def start(self, job: Job, pool: str, nodes: Mapping[str, int], *, on_call: bool = False) -> None:
        """Give a job GPUs that are idle."""
        assert job.tenant is not None  # noqa: S101 - screened before
        self._set_running(job.key, Running(job, job.tenant, pool, dict(nodes), on_call=on_call, new=True))
        self._put(job, nodes, "using")

    def leave(self, key: str) -> None:
        """A running job is told to stop: its GPUs are on their way out and no longer charged."""
        gone = self.running[key]
        self._set_running(key, None)
        for name in gone.nodes:
            if host := self.hosts.get(name):
                use = host.using.get(key)
                self._set(host, host.using, key, None)
                if use and not host.node.lost:
                    self._set(host, host.going, key, use)

    def keep(self, key: str, nodes: Mapping[str, int]) -> None:
        """A running job keeps only these workers: the rest is on its way out."""
        running = self.running[key]
        per_worker = running.job.gpus_per_worker
        for name, workers in running.nodes.items():
            host, left = self.hosts.get(name), nodes.get(name, 0)
            if host is None or left == workers:
                continue
            before = host.going.get(key)
            going = (workers - left) * per_worker + (before.gpus if before else 0)
            self._set(host, host.going, key, Use(running.tenant, going))
            self._set(host, host.using, key, Use(running.tenant, left * per_worker) if left else None)
        self._set_running(key, replace(running, nodes=dict(nodes), shrunk=True))

    def grow(self, key: str, nodes: Mapping[str, int]) -> None:
        """A running job restarts with more workers, on idle GPUs beside its own."""
        running = self.running[key]
        self._set_running(key, replace(running, nodes=dict(nodes), new=True, shrunk=False))
        self._put(running.job, nodes, "using")

    def hold(self, job: Job, pool: str, nodes: Mapping[str, int]) -> None:
        """Promise GPUs to a job; they are charged to it from now on."""
        assert job.tenant is not None  # noqa: S101 - screened before
        self._set_hold(job.key, Running(job, job.tenant, pool, dict(nodes), new=True))
        self._put(job, nodes, "held")

    def unhold(self, key: str) -> None:
        gone = self.holds[key]
        self._set_hold(key, None)
        for name in gone.nodes:
            if host := self.hosts.get(name):
                self._set(host, host.held, key, None)

    def _put(self, job: Job, nodes: Mapping[str, int], side: str) -> None:
        assert job.tenant is not None  # noqa: S101 - only jobs of a tenant have GPUs
        for name, workers in nodes.items():
            host = self.hosts.get(name)
            if host is None or (side == "going" and host.node.lost):
                continue
            self._set(host, getattr(host, side), job.key, Use(job.tenant, workers * job.gpus_per_worker))

    def _set(self, host: Host, side: dict[str, Use], key: str, use: Use | None) -> None:
        """Every change of a host: with the charges and the stock, and so that it can be taken back."""
        before = side.get(key)
        if before == use:
            return
        if self._undo is not None:
            self._undo.append(lambda: self._set(host, side, key, before))
            self.touched[host.node.pool].append(host.name)
        stock = self.stocks[host.node.pool]
        stock.take(host)
        if side is host.going:
            host.set(side, key, use)
        else:
            self.charges.note(host, before, use, -1)
            host.set(side, key, use)
            self.charges.note(host, before, use, 1)
        stock.put(host)

    def _set_running(self, key: str, running: Running | None) -> None:
        before = self.running.get(key)
        if self._undo is not None:
            self._undo.append(lambda: self._set_running(key, before))
        if before is not None:
            del self.running[key]
            del self.by_tenant[before.tenant][key]
            if before.job.grace_s is not None:
                self.graces[before.pool][before.job.grace_s] -= 1
            if not before.new:
                self.ends[before.pool].drop(before.job)
            self.elastic.pop(key, None)
            self.changed[before.tenant] += 1
        if running is not None:
            self.running[key] = running
            self.by_tenant.setdefault(running.tenant, {})[key] = running
            self.changed[running.tenant] += 1
            if running.job.grace_s is not None:
                self.graces[running.pool][running.job.grace_s] += 1
            if running.job.elastic:
                self.elastic[key] = running
            if not running.new:
                self.ends[running.pool].put(running.job)

    def _set_hold(self, key: str, hold: Running | None) -> None:
        before = self.holds.get(key)
        if self._undo is not None:
            self._undo.append(lambda: self._set_hold(key, before))
        if hold is None:
            self.holds.pop(key, None)
        else:
            self.holds[key] = hold


def bare_key(tenant: str) -> str:
    """What stands for a tenant's pods without a job, in place of a job's key: no key of a job has a space."""
    return f"pods of {tenant}"


def _stands(node: Node) -> tuple[object, ...]:
    """All of a node that its host's sums rest on."""
    return (node.pool, node.gpus, node.domains, node.usable, node.lost, node.foreign)
