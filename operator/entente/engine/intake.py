"""From Kubernetes objects to the engine's snapshot. Pure: the same objects, in any order, give the same snapshot."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from entente.api.core import NodeRecord, PodRecord
from entente.api.job import Phase, TrainingJob
from entente.api.names import HOSTNAME, LABEL_HANDOVER, LABEL_LAST_TENANT, SUSPECT
from entente.api.pool import GPUPool, NodeSharing
from entente.api.tenant import Order, WhenSpent
from entente.api.tenant import Tenant as TenantResource
from entente.engine.learning import learnt_lengths, likeness
from entente.engine.model import (
    FINAL_PHASES,
    HOLDING_PHASES,
    BarePods,
    Job,
    Node,
    PastEviction,
    Placement,
    Pool,
    Snapshot,
    Tenant,
    Terms,
    Window,
)
from entente.engine.packing import SOMEWHERE, packed, seen


def snapshot(
    now: datetime,
    pools: Iterable[GPUPool],
    tenants: Iterable[TenantResource],
    jobs: Iterable[TrainingJob],
    nodes: Iterable[NodeRecord],
    pods: Iterable[PodRecord],
) -> Snapshot:
    """The engine's view of a cluster at a moment.

    Where no node of any pool exists, pools with a `simulated` block get the hosts that it describes.
    """
    pools = sorted(pools, key=lambda p: p.metadata.name)
    tenants = sorted(tenants, key=lambda t: t.metadata.name)
    records = sorted(nodes, key=lambda n: n.name)
    hosts = _real_nodes(pools, records) if records else _simulated_nodes(pools)
    tenant_of = namespaces_of(tenants)
    jobs = sorted(jobs, key=lambda j: j.key)
    lengths, known = learnt_lengths(jobs, tenant_of), {}
    for job in jobs:
        if (taken := job_of(job, tenant_of, now)) is not None:
            learnt = lengths.expected(likeness(job, taken.tenant or ""), taken.run_s)
            known[taken.key] = replace(taken, learnt_s=learnt)
    pods = tuple(pods)
    known = seen(known, pods)
    hosts, bare = _count_pods(hosts, pools, tenants, tenant_of, known, pods)
    return Snapshot(
        now=now.timestamp(),
        pools={p.metadata.name: pool_of(p) for p in pools},
        nodes=hosts,
        tenants={t.metadata.name: tenant_model(t, now) for t in tenants},
        jobs=packed(known, hosts, {p.metadata.name: pool_of(p) for p in pools}, bare),
        bare=bare,
    )


def namespaces_of(tenants: Iterable[TenantResource]) -> dict[str, str]:
    """The tenant of each namespace; of two that name the same, the one created first has it."""
    found: dict[str, str] = {}
    oldest_first = sorted(tenants, key=lambda t: (_seconds(t.metadata.creation_timestamp) or 0.0, t.metadata.name))
    for tenant in oldest_first:
        for namespace in tenant.held_namespaces:
            found.setdefault(namespace, tenant.metadata.name)
    return found


def pool_of(pool: GPUPool) -> Pool:
    spec = pool.spec
    return Pool(
        name=pool.metadata.name,
        levels=spec.topology,
        notice_s=spec.notice_seconds,
        min_runtime_s=spec.min_runtime_seconds,
        max_at_risk_s=spec.max_at_risk_seconds,
        exclusive=spec.node_sharing is NodeSharing.EXCLUSIVE,
        handover_s=spec.handover.timeout_seconds if spec.handover else None,
        half_life_s=spec.usage.half_life_seconds,
        windows=tuple(Window(r.tenant, r.gpus, r.start.timestamp(), r.end.timestamp()) for r in spec.reservations),
    )


def tenant_model(tenant: TenantResource, now: datetime) -> Tenant:
    spec, status = tenant.spec, tenant.status
    memory = {p.name: p for p in status.pools}
    terms = {}
    for row in spec.pools:
        past = memory.get(row.name)
        terms[row.name] = Terms(
            guaranteed=row.guaranteed,
            lend_limit=row.lend_limit,
            borrow_limit=row.borrow_limit,
            weight=row.weight,
            borrowed_gpu_s=past.borrowed_gpu_seconds if past else 0.0,
            as_of=_seconds(past.as_of) if past else None,
        )
    return Tenant(
        name=tenant.metadata.name,
        terms=terms,
        priorities={p.name: p.value for p in spec.priorities},
        default_priority=next((p.value for p in spec.priorities if p.default), 0),
        shortest_first=spec.order is Order.SHORTEST_FIRST,
        spent=_spent(tenant, now),
        leaving=tenant.metadata.deletion_timestamp is not None,
    )


def _spent(tenant: TenantResource, now: datetime) -> WhenSpent | None:
    """What holds for new starts when the budget of the running period is spent."""
    budget, used = tenant.spec.budget, tenant.status.budget
    if budget is None or used is None or used.spent_gpu_hours < budget.gpu_hours:
        return None
    ends = used.period_start + timedelta(days=budget.period_days)
    return budget.when_spent if now < ends else None


def job_of(job: TrainingJob, tenant_of: Mapping[str, str], now: datetime) -> Job | None:
    """A job as the engine sees it; none when it has ended or is being deleted without holding anything."""
    spec, status = job.spec, job.status
    phase = status.phase
    if job.metadata.deletion_timestamp is not None:
        if phase not in HOLDING_PHASES:
            return None
        phase = Phase.STOPPING
    if phase in FINAL_PHASES:
        return None
    elastic, checkpoint, topology = spec.elastic, spec.checkpoint, spec.topology
    holding = status.allocation if phase in HOLDING_PHASES else None
    gone = spec.suspend or job.metadata.deletion_timestamp is not None
    hold = None if gone else status.hold
    saved = [t for t in (status.last_checkpoint, job.reported_checkpoint) if t is not None]
    return Job(
        key=job.key,
        tenant=tenant_of.get(job.metadata.namespace or ""),
        workers=spec.workers,
        gpus_per_worker=spec.gpus_per_worker,
        submitted=_seconds(job.metadata.creation_timestamp) or now.timestamp(),
        min_workers=elastic.min_workers if elastic else spec.workers,
        max_workers=elastic.max_workers if elastic else spec.workers,
        elastic=elastic is not None,
        pools=spec.pools,
        priority=spec.priority,
        phase=phase,
        suspend=spec.suspend,
        level=topology.level if topology else None,
        required=topology is not None and topology.mode == "Required",
        interval_s=checkpoint.interval_seconds if checkpoint else None,
        grace_s=checkpoint.grace_seconds if checkpoint else None,
        expected_s=spec.expected_seconds,
        max_s=spec.max_seconds,
        placement=Placement(holding.pool, holding.nodes or {SOMEWHERE: holding.workers}) if holding else None,
        since=_seconds(holding.since) if holding else None,
        on_call=holding.on_call if holding else False,
        started=_seconds(status.start_time) if holding else None,
        last_checkpoint=_seconds(max(saved)) if saved else None,
        run_s=status.run_seconds,
        restart_s=status.restart_seconds,
        evictions=tuple(PastEviction(e.at.timestamp(), e.cause) for e in status.evictions),
        pending_since=_seconds(status.queue.since),
        entitled_since=_seconds(status.queue.entitled_since),
        backoff_until=_seconds(status.backoff_until),
        stopping_until=_seconds(status.stopping.until) if status.stopping else None,
        hold=Placement(hold.pool, hold.nodes) if hold else None,
        hold_until=_seconds(hold.until) if hold else None,
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _real_nodes(pools: Iterable[GPUPool], records: Iterable[NodeRecord]) -> dict[str, Node]:
    """Nodes by the first pool (in the order of names) whose selector they match."""
    found = {}
    for record in records:
        for pool in pools:
            if all(record.labels.get(k) == v for k, v in pool.spec.node_selector.items()):
                found[record.name] = _node(record, pool)
                break
    return found


def _node(record: NodeRecord, pool: GPUPool) -> Node:
    path, domains = [], []
    for level in pool.spec.topology:
        value = record.labels.get(level, record.name if level == HOSTNAME else "")
        path.append(value)
        domains.append("/".join(path) if value else "")
    aside = SUSPECT in record.labels or SUSPECT in record.taints
    return Node(
        name=record.name,
        pool=pool.metadata.name,
        gpus=record.allocatable.get(pool.spec.resource, 0),
        domains=tuple(domains),
        usable=record.ready and not record.unschedulable and not aside,
        lost=not record.ready,
        last_tenant=record.labels.get(LABEL_LAST_TENANT),
        handover_failed=record.labels.get(LABEL_HANDOVER) == "Failed",
    )


def _simulated_nodes(pools: Iterable[GPUPool]) -> dict[str, Node]:
    """Hosts named `<pool>-0000`..., cut into equal parts per level, in order."""
    found = {}
    for pool in pools:
        block = pool.spec.simulated
        if block is None:
            continue
        for index in range(block.nodes):
            name, parts, path, domains = f"{pool.metadata.name}-{index:04d}", 1, [], []
            for depth, level in enumerate(pool.spec.topology):
                if depth < len(block.domains):
                    parts *= block.domains[depth]
                    path.append(str(index * parts // block.nodes))
                elif level == HOSTNAME:
                    path.append(name)
                else:
                    domains.append("")
                    continue
                domains.append("/".join(path))
            found[name] = Node(name, pool.metadata.name, block.gpus_per_node, tuple(domains))
    return found


def _count_pods(
    hosts: dict[str, Node],
    pools: Iterable[GPUPool],
    tenants: Iterable[TenantResource],
    tenant_of: Mapping[str, str],
    jobs: Mapping[str, Job],
    pods: Iterable[PodRecord],
) -> tuple[dict[str, Node], tuple[BarePods, ...]]:
    """GPUs of pods that no running job accounts for: a tenant's use, or taken from their node."""
    resources = {p.metadata.name: p.spec.resource for p in pools}
    granted = {(t.metadata.name, row.name) for t in tenants for row in t.spec.pools}
    foreign = _of_no_tenant(hosts, pools, jobs)
    bare: dict[tuple[str, str, bool], int] = {}
    for pod in pods:
        host = hosts.get(pod.node or "")
        gpus = pod.gpus.get(resources[host.pool], 0) if host else 0
        if host is None or not gpus or not pod.holds_gpus or _accounted(pod, jobs):
            continue
        tenant = tenant_of.get(pod.namespace)
        if tenant is not None and (tenant, host.pool) in granted:
            key = (host.name, tenant, pod.job is not None)
            bare[key] = bare.get(key, 0) + gpus
        else:
            foreign[host.name] = foreign.get(host.name, 0) + gpus
    counted = {name: node.with_foreign(foreign[name]) if name in foreign else node for name, node in hosts.items()}
    return counted, tuple(BarePods(n, t, g, going) for (n, t, going), g in sorted(bare.items()))


def _of_no_tenant(hosts: Mapping[str, Node], pools: Iterable[GPUPool], jobs: Mapping[str, Job]) -> dict[str, int]:
    """GPUs of jobs whose Tenant is gone: in an exclusive pool, whole hosts, so that nobody is put beside them."""
    exclusive = {p.metadata.name for p in pools if p.spec.node_sharing is NodeSharing.EXCLUSIVE}
    foreign: dict[str, int] = {}
    for job in jobs.values():
        if job.tenant is None and job.placement is not None:
            for name, workers in job.placement.nodes.items():
                if host := hosts.get(name):
                    gpus = host.gpus if host.pool in exclusive else workers * job.gpus_per_worker
                    foreign[name] = foreign.get(name, 0) + gpus
    return foreign


def _accounted(pod: PodRecord, jobs: Mapping[str, Job]) -> bool:
    """Whether a job's allocation counts the pod already; otherwise it is the rest of a gang that is gone."""
    job = jobs.get(f"{pod.namespace}/{pod.job}") if pod.job else None
    if job is None or job.placement is None:
        return False
    return pod.node in job.placement.nodes or SOMEWHERE in job.placement.nodes
