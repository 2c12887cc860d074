"""Rule 11: how long a job will run, learnt from its tenant's finished jobs that look like it, where nobody says.

Only the order among a tenant's own jobs rests on it: no end of a job and no promise to anybody.
"""

import re
import statistics
from collections.abc import Iterable, Mapping

from entente.api.job import Phase, TrainingJob

Likeness = tuple[str, str, str, int, int]
"""Tenant, namespace, name with its numbers left out, workers and GPUs of each."""

_NUMBERS = re.compile(r"[0-9]+")


def likeness(job: TrainingJob, tenant: str) -> Likeness:
    """What jobs have in common that are expected to run about as long.

    A tenant's people have namespaces of their own or name their jobs differently: nothing else says who a user is.
    """
    name = _NUMBERS.sub("#", job.metadata.name)
    return (tenant, job.metadata.namespace or "", name, job.spec.workers, job.spec.gpus_per_worker)


def learnt_lengths(jobs: Iterable[TrainingJob], tenant_of: Mapping[str, str]) -> dict[Likeness, float]:
    """The median running time, in seconds, of the jobs that succeeded, by what they have in common."""
    found: dict[Likeness, list[float]] = {}
    for job in jobs:
        tenant = tenant_of.get(job.metadata.namespace or "")
        if tenant is not None and job.status.phase is Phase.SUCCEEDED and (ran := _ran(job)):
            found.setdefault(likeness(job, tenant), []).append(ran)
    return {like: statistics.median(lengths) for like, lengths in found.items()}


def _ran(job: TrainingJob) -> float:
    status = job.status
    if status.run_seconds or status.start_time is None or status.completion_time is None:
        return status.run_seconds
    return max(0.0, (status.completion_time - status.start_time).total_seconds())
