"""KAI as a policy under replay: one scheduler for each pool."""

from collections.abc import Sequence

from entente.simulator.baselines.kai.scheduler import Scheduler
from entente.simulator.policy import Action, SimJob, Site


class KaiPolicy:
    """KAI-Scheduler with a leaf queue for each tenant.

    A job is bound to a pool when it is submitted (KAI: by the label of its node pool): the first of its pools in which
    its tenant has a quota.
    """

    def __init__(self, site: Site) -> None:
        self._pools = {pool: Scheduler(site, pool) for pool in site.pools}
        self._pool_of_host = {name: node.pool for name, node in site.nodes.items()}
        self._of_job: dict[str, Scheduler] = {}

    def arrived(self, job: SimJob, now: float) -> None:
        del now
        granted = [pool for pool in job.pools if job.tenant in self._pools[pool].cluster.leaves]
        scheduler = self._of_job[job.key] = self._pools[(granted or job.pools)[0]]
        scheduler.arrived(job)

    def finished(self, key: str, now: float) -> None:
        del now
        self._of_job.pop(key).finished(key)

    def stopped(self, key: str, now: float) -> None:
        """A job's stop is over, or its host was lost."""
        del now
        self._of_job[key].stopped(key)

    def restarted(self, key: str, now: float) -> None:
        """A worker failed and its gang starts again in its place: nothing that KAI would see."""

    def host_lost(self, host: str, now: float) -> None:
        del now
        self._pools[self._pool_of_host[host]].host_lost(host)

    def host_back(self, host: str, now: float) -> None:
        del now
        self._pools[self._pool_of_host[host]].host_back(host)

    def decide(self, now: float) -> Sequence[Action]:
        """One cycle in each pool."""
        return [action for scheduler in self._pools.values() for action in scheduler.decide(now)]

    def next_wake(self) -> float | None:
        """Never without an event: nothing in a cycle depends on the time alone while minimum runtimes are 0."""
        return None
