"""What stands between two decisions: the estate, who waits, and the quotas. Told of changes, it pays for these only."""

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from entente.api.reasons import Reason
from entente.engine.estate import Estate
from entente.engine.gpu_walk import walk_gpus
from entente.engine.guarantees import PoolQuotas, past_borrowing, pool_quotas
from entente.engine.host_walk import walk_hosts
from entente.engine.model import BarePods, Job, Node, Snapshot, Tenant, Terms
from entente.engine.queues import Queue
from entente.engine.screening import Refusal, Screen, priority_of
from entente.engine.walk import Walk, Walker


class State:
    """The estate with the jobs that wait for it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.now = snapshot.now
        self.tenants = dict(sorted(snapshot.tenants.items()))
        self.jobs = dict(snapshot.jobs)
        self.nodes = dict(snapshot.nodes)
        self.bare = snapshot.bare
        self.estate = Estate(snapshot)
        self.queues: dict[str, Queue] = {name: self._queue(tenant) for name, tenant in self.tenants.items()}
        self.refused: dict[str, Refusal] = {}
        """By job."""
        self.holding: set[str] = set()
        """Jobs that were told to have a hold."""
        self._walks: dict[str, dict[object, tuple[object, Walk]]] = {}
        """By tenant and kind: the last walk, and what it rested on."""
        self._of_tenant: dict[str, set[str]] = {}
        self._built = dict(self.estate.built)
        self._screen = Screen(self.estate, self.tenants)
        self._quotas: dict[str, tuple[object, PoolQuotas]] = {}
        for job in self.jobs.values():
            self._count(job)
            self._sort(job)

    def put_node(self, node: Node) -> None:
        self.nodes[node.name] = node
        self.estate.put_node(node)
        self._sort_again(node.name)

    def drop_node(self, name: str) -> None:
        del self.nodes[name]
        self.estate.drop_node(name)
        self._sort_again(name)

    def set_bare(self, bare: Iterable[BarePods]) -> None:
        """These are all the pods that use GPUs and belong to no living job."""
        self.bare = tuple(bare)
        self.estate.set_bare(self.bare)

    def put_tenant(self, tenant: Tenant) -> None:
        old = self.tenants.get(tenant.name)
        self.tenants[tenant.name] = tenant
        if old is not None and _choices(old) == _choices(tenant):
            return  # what it borrowed changes often, and nothing but that
        if old is None:
            self._in_order()
        self.queues[tenant.name] = self._queue(tenant)
        for key in self._of_tenant.get(tenant.name, ()):
            self._sort(self.jobs[key])

    def drop_tenant(self, name: str) -> None:
        del self.tenants[name], self.queues[name]
        for key in self._of_tenant.get(name, ()):
            self._sort(self.jobs[key])

    def put_job(self, job: Job) -> None:
        if old := self.jobs.get(job.key):
            self._forget(old)
        self.jobs[job.key] = job
        self.estate.put_job(job)
        self._count(job)
        self._sort(job)

    def drop_job(self, key: str) -> None:
        self._forget(self.jobs.pop(key))

    def at(self, now: float) -> Snapshot:
        """Time has passed: what a decision at this moment rests on."""
        self.now = self.estate.now = now
        if self._built != self.estate.built:
            self._built = dict(self.estate.built)
            for job in self.jobs.values():
                self._sort(job)
        for key in [k for k, refusal in self.refused.items() if refusal.reason is Reason.BACKOFF]:
            self._sort(self.jobs[key])
        for queue in self.queues.values():
            queue.age(now)
        return Snapshot(
            now,
            MappingProxyType(self.estate.pools),
            MappingProxyType(self.nodes),
            MappingProxyType(self.tenants),
            MappingProxyType(self.jobs),
            self.bare,
        )

    def quotas(self, pool: str) -> PoolQuotas:
        """What each tenant of a pool can count on at this moment."""
        promises, sharers = self.estate.pools[pool], [t for t in self.tenants.values() if pool in t.terms]
        basis = (self.estate.built[pool], tuple((t.name, _promised(t.terms[pool])) for t in sharers))
        known = self._quotas.get(pool)
        if known is None or known[0] != basis or promises.windows:
            nodes = [h.node for h in self.estate.by_pool[pool]]
            known = self._quotas[pool] = (basis, pool_quotas(promises, nodes, sharers, self.now))
        if promises.half_life_s <= 0:
            return known[1]
        quotas = {}
        for tenant in sharers:
            terms, quota = tenant.terms[pool], known[1].quotas[tenant.name]
            past = past_borrowing(promises, terms.borrowed_gpu_s, terms.as_of, self.now)
            quotas[tenant.name] = quota if past == quota.past else replace(quota, past=past)
        return replace(known[1], quotas=quotas)

    def walk(self, walker: Walker, kind: object) -> Walk:
        """The walk of a tenant: the last of its kind, if nothing that it rests on has changed."""
        walks, basis = self._walks.setdefault(walker.tenant.name, {}), walker.basis()
        known = walks.get(kind)
        if known is None or known[0] != basis:
            exclusive = any(self.estate.pools[pool].exclusive for pool in walker.bounds)
            known = walks[kind] = (basis, (walk_hosts if exclusive else walk_gpus)(walker))
        return known[1]

    def forget_walks(self, tenant: str) -> None:
        """A tenant's walk is changed by whoever has it."""
        self._walks.pop(tenant, None)

    def _forget(self, job: Job) -> None:
        self.estate.drop_job(job)
        self.holding.discard(job.key)
        self._of_tenant[job.tenant or ""].discard(job.key)
        self._unsort(job)

    def _count(self, job: Job) -> None:
        self._of_tenant.setdefault(job.tenant or "", set()).add(job.key)
        if job.hold is not None:
            self.holding.add(job.key)

    def _sort(self, job: Job) -> None:
        """Put a job where it waits, if it does: in its tenant's queue, or among the refused."""
        self._unsort(job)
        if not self._screen.waits(job):
            return
        found = self._screen.look(job, self.now)
        if isinstance(found, Refusal):
            self.refused[job.key] = found
        elif job.tenant is not None:
            self.queues[job.tenant].put(job, found, priority_of(job, self.tenants[job.tenant]) or 0)

    def _unsort(self, job: Job) -> None:
        self.refused.pop(job.key, None)
        if queue := self.queues.get(job.tenant or ""):
            queue.drop(job.key)

    def _sort_again(self, node: str) -> None:
        for job in self.estate.told_of(node):
            self._sort(job)

    def _queue(self, tenant: Tenant) -> Queue:
        return Queue(tenant, {name: pool.min_runtime_s for name, pool in self.estate.pools.items()}, self.now)

    def _in_order(self) -> None:
        """Tenants in the order of their names: the screen looks at this very mapping."""
        for name, tenant in sorted(self.tenants.items()):
            del self.tenants[name]
            self.tenants[name] = tenant


def _promised(terms: Terms) -> tuple[object, ...]:
    return (terms.guaranteed, terms.lend_limit, terms.borrow_limit, terms.weight)


def _choices(tenant: Tenant) -> tuple[object, ...]:
    """All of a tenant that the order and the screening of its jobs rest on."""
    return (
        tuple(tenant.terms),
        tenant.priorities,
        tenant.default_priority,
        tenant.shortest_first,
        tenant.spent,
        tenant.leaving,
    )
