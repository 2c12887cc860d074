"""What keeps a tenant from leaving a namespace: jobs that are not finished, and workers that are not gone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from entente.api.amounts import count
from entente.api.job import Phase
from entente.kube.client import KubeClient
from entente.kube.kinds import POD, TRAINING_JOB
from entente.tenancy.wanted import selector

_FINISHED = frozenset({Phase.SUCCEEDED, Phase.FAILED})
_WITH_WORKERS = frozenset({Phase.STARTING, Phase.RUNNING, Phase.STOPPING})

_POD_NOT_ENDED = "status.phase!=Succeeded,status.phase!=Failed"


@dataclass(frozen=True, slots=True)
class Unfinished:
    namespace: str
    running: int = 0
    """Jobs that have workers."""
    gpus: int = 0
    """Of these jobs."""
    waiting: int = 0
    """Jobs that have none, pending or suspended."""
    workers: int = 0
    """Pods of jobs, whatever became of the jobs."""

    @property
    def nothing(self) -> bool:
        """Whether the tenant may leave."""
        return not (self.running or self.waiting or self.workers)

    @override
    def __str__(self) -> str:
        jobs = [f"{count(self.running, 'job')} with {count(self.gpus, 'GPU')}"] if self.running else []
        if self.waiting:
            jobs.append(f"{count(self.waiting, 'job')} without GPUs")
        if not jobs:
            jobs.append(f"{count(self.workers, 'worker')} of jobs that are gone")
        return f"{' and '.join(jobs)} in {self.namespace}"


async def unfinished(client: KubeClient, tenant: str, namespace: str) -> Unfinished:
    """Count what is left of a tenant in a namespace.

    Raises:
        ApiError: the API server could not be asked.
    """
    jobs = [job async for page in client.list_pages(TRAINING_JOB, namespace) for job in page.items]
    own = selector(tenant)
    pods = client.list_pages(POD, namespace, label_selector=own, field_selector=_POD_NOT_ENDED)
    workers = sum([len(page.items) async for page in pods])
    return _tally(namespace, jobs, workers)


def _tally(namespace: str, jobs: Iterable[Mapping[str, Any]], workers: int) -> Unfinished:
    statuses = [job.get("status") or {} for job in jobs]
    phases = [status.get("phase") or Phase.PENDING for status in statuses]
    running = [status for status, phase in zip(statuses, phases, strict=True) if phase in _WITH_WORKERS]
    return Unfinished(
        namespace,
        running=len(running),
        gpus=sum((status.get("allocation") or {}).get("gpus", 0) for status in running),
        waiting=sum(phase not in _WITH_WORKERS and phase not in _FINISHED for phase in phases),
        workers=workers,
    )
