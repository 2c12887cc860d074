"""Small clusters under KAI's rules: queues, hosts and running jobs, put together by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from entente.engine.model import Node, Pool, Tenant, Terms
from entente.simulator.baselines.kai.cluster import Cluster
from entente.simulator.baselines.kai.work import Unit, Work
from entente.simulator.policy import SimJob, Site


def kai_site(hosts: Sequence[int], terms: Mapping[str, Terms], *, exclusive: bool = False) -> Site:
    """Hosts `h0`, `h1`, ... of one pool `p`, and tenants with these terms."""
    return Site(
        pools={"p": Pool("p", (), 300.0, 600.0, 3600.0, exclusive=exclusive, handover_s=None, half_life_s=0.0)},
        nodes={f"h{i}": Node(f"h{i}", "p", gpus, ()) for i, gpus in enumerate(hosts)},
        tenants={name: Tenant(name, {"p": of_tenant}) for name, of_tenant in terms.items()},
    )


def kai_job(
    key: str,
    gpus: int,
    *,
    workers: int = 1,
    at: float = 0.0,
    priority: int = 0,
    least: int | None = None,
) -> SimJob:
    """A job `tenant/name` with so many GPUs for each worker."""
    return SimJob(key, key.partition("/")[0], workers, gpus, at, ("p",), priority=priority, min_workers=least)


@dataclass(slots=True)
class Built:
    """A cluster with running jobs, and pending ones that count as asked for."""

    cluster: Cluster
    works: dict[str, Work]

    def core(self, key: str) -> Unit:
        """The least gang of a job."""
        return self.works[key].core

    def placed(self) -> dict[str, dict[str, int]]:
        return {key: dict(placed.workers_on) for key, placed in self.cluster.hosts.placed.items()}


def built(
    hosts: Sequence[int],
    quotas: Mapping[str, int],
    running: Sequence[tuple[SimJob, Mapping[str, int]]],
    pending: Sequence[SimJob] = (),
) -> Built:
    """A cluster in which rigid jobs run on these hosts.

    Args:
        hosts: GPUs of each.
        quotas: By tenant.
        running: Jobs, and their workers on each host.
        pending: Jobs that are asked for.
    """
    cluster = Cluster(kai_site(hosts, {name: Terms(quota) for name, quota in quotas.items()}), "p")
    works: dict[str, Work] = {}
    for job, nodes in running:
        work = works[job.key] = Work(job, cluster.leaves[job.tenant])
        work.queue.request(job.gpus)
        cluster.put(work.core, nodes)
        work.places[work.core.id] = nodes
        cluster.start(work, job.submitted)
    for job in pending:
        works[job.key] = Work(job, cluster.leaves[job.tenant])
        works[job.key].queue.request(job.gpus)
    cluster.share()
    return Built(cluster, works)
