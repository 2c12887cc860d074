"""One look at the cluster: what the view shows and the story is told from, read from status and Events only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from demo.objects import Object
from entente.api.job import Phase, TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant

HOLDING = frozenset({Phase.STARTING, Phase.RUNNING, Phase.STOPPING})
WAITING = frozenset({Phase.PENDING, Phase.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Share:
    """A tenant's figures, in GPUs."""

    tenant: str
    guaranteed: int = 0
    entitled: int = 0
    borrowed: int = 0
    lent: int = 0
    using: int = 0
    """GPUs of its jobs, whatever their class."""
    charged: int = 0
    """GPUs of the hosts that its jobs are on: nobody else can use them."""
    waiting: int = 0
    """GPUs that its waiting jobs ask for."""
    waiting_jobs: int = 0


@dataclass(frozen=True, slots=True)
class Host:
    """One host and the GPUs in use on it."""

    name: str
    place: tuple[str, ...]
    """Block and rack."""
    gpus: int
    used: Mapping[str, int]
    """By tenant."""
    stopping: bool
    """Somebody on it was told to stop."""


@dataclass(frozen=True, slots=True)
class Waiting:
    tenant: str
    name: str
    gpus: int
    position: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    tenant: str
    name: str
    reason: str
    note: str
    count: int


@dataclass(frozen=True, slots=True)
class Picture:
    capacity: int
    shares: Mapping[str, Share]
    hosts: tuple[Host, ...]
    queue: tuple[Waiting, ...]
    steps: tuple[Step, ...]
    """Latest first."""
    phases: Mapping[str, int]
    """Jobs by phase."""
    evictions: int

    @property
    def using(self) -> int:
        return sum(share.using for share in self.shares.values())


def take(
    *,
    pool: Object,
    tenants: Iterable[Object],
    jobs: Iterable[Object],
    nodes: Iterable[Object],
    events: Iterable[Object],
    topology: tuple[str, str],
) -> Picture:
    """The picture that the objects of a cluster make.

    Args:
        pool: the GPUPool.
        tenants: all Tenants.
        jobs: all TrainingJobs.
        nodes: the pool's Nodes.
        events: Events about TrainingJobs.
        topology: labels of block and rack.
    """
    parsed = [Tenant.model_validate(tenant) for tenant in tenants]
    owners = {namespace: tenant.metadata.name for tenant in parsed for namespace in tenant.spec.namespaces}
    all_jobs = [TrainingJob.model_validate(job) for job in jobs]
    name = pool["metadata"]["name"]
    hosts = _hosts(nodes, topology, pool["spec"].get("resource", "nvidia.com/gpu"), owners, all_jobs)
    return Picture(
        capacity=GPUPool.model_validate(pool).status.capacity,
        shares={tenant.metadata.name: _share(tenant, name, owners, all_jobs, hosts) for tenant in parsed},
        hosts=hosts,
        queue=_queue(all_jobs, owners),
        steps=_steps(events, owners),
        phases=_phases(all_jobs),
        evictions=sum(len(job.status.evictions) for job in all_jobs),
    )


def _share(
    tenant: Tenant, pool: str, owners: Mapping[str, str], jobs: Iterable[TrainingJob], hosts: Iterable[Host]
) -> Share:
    own = [job for job in jobs if owners.get(job.metadata.namespace or "") == tenant.metadata.name]
    terms = next((terms for terms in tenant.spec.pools if terms.name == pool), None)
    figures = next((status for status in tenant.status.pools if status.name == pool), None)
    pending = [job for job in own if job.status.phase in WAITING]
    return Share(
        tenant=tenant.metadata.name,
        guaranteed=terms.guaranteed if terms else 0,
        entitled=figures.entitled if figures else 0,
        borrowed=figures.borrowed if figures else 0,
        lent=figures.lent if figures else 0,
        using=sum(job.status.allocation.gpus for job in own if job.status.allocation and job.status.phase in HOLDING),
        charged=sum(host.gpus for host in hosts if tenant.metadata.name in host.used),
        waiting=sum(job.spec.workers * job.spec.gpus_per_worker for job in pending),
        waiting_jobs=len(pending),
    )


def _hosts(
    nodes: Iterable[Object],
    topology: tuple[str, str],
    resource: str,
    owners: Mapping[str, str],
    jobs: Iterable[TrainingJob],
) -> tuple[Host, ...]:
    used: dict[str, dict[str, int]] = {}
    stopping: set[str] = set()
    for job in jobs:
        allocation = job.status.allocation
        if allocation is None or job.status.phase not in HOLDING:
            continue
        tenant = owners.get(job.metadata.namespace or "", "?")
        for node, workers in allocation.nodes.items():
            on_node = used.setdefault(node, {})
            on_node[tenant] = on_node.get(tenant, 0) + workers * job.spec.gpus_per_worker
            if job.status.phase is Phase.STOPPING:
                stopping.add(node)
    hosts = (
        Host(
            name=node["metadata"]["name"],
            place=tuple(node["metadata"].get("labels", {}).get(label, "") for label in topology),
            gpus=int(node["status"].get("allocatable", {}).get(resource, 0)),
            used=used.get(node["metadata"]["name"], {}),
            stopping=node["metadata"]["name"] in stopping,
        )
        for node in nodes
    )
    return tuple(sorted((host for host in hosts if host.gpus), key=lambda host: (host.place, host.name)))


def _queue(jobs: Iterable[TrainingJob], owners: Mapping[str, str]) -> tuple[Waiting, ...]:
    waiting = (
        Waiting(
            tenant=owners.get(job.metadata.namespace or "", "?"),
            name=job.metadata.name,
            gpus=job.spec.workers * job.spec.gpus_per_worker,
            position=job.status.queue.position,
            reason=job.status.queue.reason or "",
            message=job.status.queue.message,
        )
        for job in jobs
        if job.status.phase in WAITING
    )
    return tuple(sorted(waiting, key=lambda job: (job.position or len(owners) * 10_000, job.tenant, job.name)))


def _steps(events: Iterable[Object], owners: Mapping[str, str]) -> tuple[Step, ...]:
    steps = [step for step in (_step(event, owners) for event in events) if step]
    return tuple(sorted(steps, key=lambda step: step.at, reverse=True))


def _step(event: Object, owners: Mapping[str, str]) -> Step | None:
    """An Event of core/v1 about a TrainingJob, whichever of its times its writer has set."""
    about = event.get("involvedObject") or {}
    series = event.get("series") or {}
    at = (
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
    )
    if about.get("kind") != "TrainingJob" or not at:
        return None
    return Step(
        at=datetime.fromisoformat(at),
        tenant=owners.get(about.get("namespace", ""), "?"),
        name=about.get("name", ""),
        reason=event.get("reason", ""),
        note=event.get("message", ""),
        count=int(series.get("count") or event.get("count") or 1),
    )


def _phases(jobs: Iterable[TrainingJob]) -> dict[str, int]:
    phases = dict.fromkeys(Phase, 0)
    for job in jobs:
        phases[job.status.phase] += 1
    return {phase.value: count for phase, count in phases.items()}
