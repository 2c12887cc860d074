"""Where running jobs are whose status names no nodes: where their pods are, else where the planner would put them."""

from collections.abc import Iterable, Mapping

from entente.api.core import PodRecord
from entente.engine.model import BarePods, Job, Node, Placement, Pool
from entente.engine.placement import Shape, Spot, place

SOMEWHERE = ""
"""Stands for the nodes of a running job as long as these are not known."""


def seen(jobs: Mapping[str, Job], pods: Iterable[PodRecord]) -> dict[str, Job]:
    """The jobs, those whose pods are all there placed where these are."""
    where: dict[str, dict[str, int]] = {}
    for pod in pods:
        if pod.job and pod.node and pod.holds_gpus and not pod.deleting:
            nodes = where.setdefault(f"{pod.namespace}/{pod.job}", {})
            nodes[pod.node] = nodes.get(pod.node, 0) + 1
    known = dict(jobs)
    for key, nodes in where.items():
        job = jobs.get(key)
        if job and job.placement and job.placement.nodes == {SOMEWHERE: sum(nodes.values())}:
            known[key] = job.placed(Placement(job.placement.pool, dict(sorted(nodes.items()))))
    return known


def packed(
    jobs: Mapping[str, Job], hosts: Mapping[str, Node], pools: Mapping[str, Pool], bare: Iterable[BarePods]
) -> dict[str, Job]:
    """The jobs, all placed: those without nodes by the planner's own rule, in the order of submission."""
    room = _Room(hosts, bare)
    known, unplaced = dict(jobs), []
    for job in jobs.values():
        if job.placement and SOMEWHERE in job.placement.nodes:
            unplaced.append((job, job.placement))
        elif job.placement:
            room.occupy(job, job.placement.nodes)
    for job, placement in sorted(unplaced, key=lambda pair: (pair[0].submitted, pair[0].key)):
        pool, workers = pools.get(placement.pool), placement.nodes[SOMEWHERE]
        shape = Shape(workers, workers, job.gpus_per_worker, job.level, required=job.required)
        nodes = place(pool, room.spots(pool, job), shape) if pool else None
        known[job.key] = job.placed(Placement(placement.pool, nodes or {}))
        room.occupy(job, nodes or {})
    return known


class _Room:
    """Free GPUs and users of each host, while running jobs are put on them."""

    def __init__(self, hosts: Mapping[str, Node], bare: Iterable[BarePods]) -> None:
        self.hosts = hosts
        self.free = {name: node.capacity for name, node in sorted(hosts.items())}
        self.users: dict[str, set[str | None]] = {name: set() for name in hosts}
        for pods in bare:
            self._take(pods.node, pods.gpus, pods.tenant)

    def _take(self, name: str, gpus: int, tenant: str | None) -> None:
        if name in self.free:
            self.free[name] -= gpus
            self.users[name].add(tenant)

    def occupy(self, job: Job, nodes: Mapping[str, int]) -> None:
        for name, workers in nodes.items():
            self._take(name, workers * job.gpus_per_worker, job.tenant)

    def spots(self, pool: Pool, job: Job) -> list[Spot]:
        """Hosts of a pool with room for the job's tenant."""
        return [
            Spot(name, self.hosts[name].domains, gpus, job.tenant in self.users[name])
            for name, gpus in self.free.items()
            if gpus > 0
            and self.hosts[name].pool == pool.name
            and not (pool.exclusive and self.users[name] - {job.tenant})
        ]
