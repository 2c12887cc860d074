"""ClusterQueues in a cohort with running workloads, for the tests of the baseline `kueue`."""

from collections.abc import Mapping, Sequence

from entente.simulator.baselines.kueue.cohort import Cohort
from entente.simulator.baselines.kueue.quota import QuotaNode
from entente.simulator.baselines.kueue.workloads import ClusterQueue, Shape, Workload
from entente.simulator.hosts import Gang

FLAVOR = "p"


def workload(
    key: str,
    gpus: int = 1,
    *,
    workers: int = 1,
    priority: int = 0,
    created: float = 0.0,
    least: int | None = None,
    flavors: tuple[str, ...] = (FLAVOR,),
) -> Workload:
    """A pending workload `queue/name` with so many GPUs for each worker."""
    gang = Gang(workers, gpus)
    shape = Shape(priority, gang, workers if least is None else least, flavors)
    return Workload(key, key.partition("/")[0], shape, created, gang)


def cohort(
    nominal: Mapping[str, int],
    hosts: Sequence[int] = (64,),
    *,
    flavor: str = FLAVOR,
    extra: int = 0,
    tree: QuotaNode | None = None,
) -> Cohort:
    """ClusterQueues with these quotas in one cohort, or those in a tree; hosts `h0`, ... with so many GPUs."""
    root = tree or QuotaNode("all", extra, children=[QuotaNode(name, quota) for name, quota in nominal.items()])
    queues = {leaf.name: ClusterQueue(leaf.name, {flavor: leaf}) for leaf in root.leaves()}
    return Cohort(flavor, root, queues, {f"h{i}": gpus for i, gpus in enumerate(hosts)})


def running(
    site: Cohort, key: str, gpus: int, *, at: float = 0.0, priority: int = 0, host: str | None = None
) -> Workload:
    """A workload that was admitted then, on this host or where it fits best."""
    made = workload(key, gpus, priority=priority)
    nodes = {host: 1} if host else site.hosts.find(made.queue, made.gang)
    assert nodes is not None
    site.admit(made, made.gang, nodes, at)
    return made


def usage(site: Cohort) -> dict[str, int]:
    """GPUs in use by ClusterQueue."""
    return {leaf.name: leaf.usage for leaf in site.quota.leaves()}
