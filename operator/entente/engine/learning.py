"""Rule 11: how long a job will run, learnt from its tenant's finished jobs that look like it, where nobody says.

Only the order among a tenant's own jobs rests on it: no end of a job and no promise to anybody.
"""

import re
from bisect import bisect_right, insort
from collections.abc import Hashable, Iterable, Mapping

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


class Lengths:
    """Running times of finished jobs, in seconds, by what they have in common.

    The mean is learnt, not the median: most jobs of a kind are often short and a few very long, and it is the expected
    length by which the shortest go first with the least waiting in all (W. E. Smith, "Various optimizers for
    single-stage production", 1956). For the same reason a job that ran before counts by what it still has to run.
    """

    def __init__(self) -> None:
        self._found: dict[Hashable, list[float]] = {}
        self._sums: dict[Hashable, float] = {}

    def learn(self, like: Hashable, seconds: float) -> None:
        insort(self._found.setdefault(like, []), seconds)
        self._sums[like] = self._sums.get(like, 0.0) + seconds

    def expected(self, like: Hashable, ran: float = 0.0) -> float | None:
        """Seconds that a job is still expected to run that ran so many already; none where none like it has finished.

        What those that ran longer still had before them; as long again where none did.
        """
        found = self._found.get(like)
        if not found:
            return None
        if ran <= 0:
            return self._sums[like] / len(found)
        longer = found[bisect_right(found, ran) :]
        return sum(longer) / len(longer) - ran if longer else ran


def learnt_lengths(jobs: Iterable[TrainingJob], tenant_of: Mapping[str, str]) -> Lengths:
    """The running times of the jobs that succeeded."""
    found = Lengths()
    for job in jobs:
        tenant = tenant_of.get(job.metadata.namespace or "")
        if tenant is not None and job.status.phase is Phase.SUCCEEDED and (ran := _ran(job)):
            found.learn(likeness(job, tenant), ran)
    return found


def _ran(job: TrainingJob) -> float:
    status = job.status
    if status.run_seconds or status.start_time is None or status.completion_time is None:
        return status.run_seconds
    return max(0.0, (status.completion_time - status.start_time).total_seconds())
