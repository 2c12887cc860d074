"""One job as the operator knows it: what the API server says, and what was decided and is not written or seen yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from entente.api.job import Phase, TrainingJob, TrainingJobStatus
from entente.workload.notes import Note
from entente.workload.stopping import Step

_FIRST_EXPLANATION_S = 1.0
"""A job that starts at once is not told first why it waits."""

_NEXT_EXPLANATION_S = 2.0
"""A reason that comes and goes is not written each time."""

_UNSEEN_S = 60.0
"""A pod that was made and has not shown up for so long is taken to be gone again."""


@dataclass(eq=False, slots=True)
class Tracked:
    """A job. Its assumed status counts for all decisions; it is dropped when writing it fails."""

    observed: TrainingJob
    """The newest that the API server has told."""
    base_wire: Mapping[str, Any]
    """Its status as it was told; empty for a new job."""
    first_seen: float
    assumed: TrainingJobStatus
    notes: list[Note] = field(default_factory=list)
    """To be said once the status is written."""
    writing: TrainingJobStatus | None = None
    """The status that is on its way."""
    written_at: float = 0.0
    assumed_at: float = 0.0
    waits_for: "Tracked | None" = None
    """The claimant whose hold must be written before this job is told to stop."""
    made: dict[str, float] = field(default_factory=dict)
    """Pods that were made and are not seen yet, and when."""
    told: dict[str, float] = field(default_factory=dict)
    """Pods that were told to end, by uid, and when."""
    has_service: bool = False
    failures: int = 0
    """Requests for this job that failed one after the other."""
    retry_at: float = 0.0
    _job: TrainingJob | None = None

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return self.observed.key

    @property
    def uid(self) -> str:
        """Of this very job: names are used again."""
        return self.observed.metadata.uid

    @property
    def base(self) -> TrainingJobStatus:
        return self.observed.status

    @property
    def job(self) -> TrainingJob:
        """The job with the status that counts."""
        if self._job is None:
            same = self.assumed is self.observed.status
            self._job = self.observed if same else self.observed.model_copy(update={"status": self.assumed})
        return self._job

    @property
    def dirty(self) -> bool:
        """Whether the status that counts is not the one that the API server has."""
        return self.assumed is not self.base and self.assumed != self.base

    @property
    def pod_first(self) -> bool:
        """Whether its pod is made before its start is written down: a gang of one cannot be half made."""
        allocation = self.assumed.allocation
        return (
            self.assumed.phase is Phase.STARTING
            and self.base.phase is Phase.PENDING
            and self.base.hold is None
            and allocation is not None
            and allocation.workers == 1
            and not allocation.on_call
        )

    @property
    def lacks_service(self) -> bool:
        """Whether it runs without the Service by whose name others may reach it."""
        return self.assumed.phase is Phase.RUNNING and not self.has_service

    @property
    def start_written(self) -> bool:
        """Whether the API server knows of the start that is under way."""
        return self.base.phase is Phase.STARTING and self.base.starts == self.assumed.starts

    def assume(self, step: Step, now: float) -> bool:
        """Let a step count from now on; returns whether it changes anything."""
        self.notes.extend(step.notes)
        if step.status is self.assumed or step.status == self.assumed:
            return False
        self.assumed = step.status
        self.assumed_at = now
        self._job = None
        return True

    def drop_assumption(self) -> None:
        """Go back to what the API server says."""
        self.assumed = self.base
        self.notes.clear()
        self.waits_for = None
        self._job = None

    def see(self, job: TrainingJob, wire: Mapping[str, Any]) -> bool:
        """Take over what the API server says now; returns whether it is news to the decisions.

        What counts is kept when the status was written by this process, or not at all: only a status that somebody
        else has written replaces it.
        """
        ours = job.status in (self.writing, self.assumed)
        untouched = job.status == self.base
        news = job.metadata.generation != self.observed.metadata.generation or (
            job.metadata.deletion_timestamp != self.observed.metadata.deletion_timestamp
        )
        news = news or job.metadata.annotations != self.observed.metadata.annotations
        keeps = self.assumed
        self.observed, self.base_wire, self._job = job, wire, None
        if job.status == keeps:
            self.assumed = job.status
        elif not (ours or untouched):
            self.drop_assumption()
            news = True
        return news

    def write_due(self, explain_s: float, pod_first_s: float) -> float | None:
        """When its status is to be written; none when there is nothing to write, or not yet.

        Args:
            explain_s: shortest time between writes that only bring messages up to date.
            pod_first_s: time after which the start of a single worker that is not ready yet is written down; one that
                is ready before has it written once, as running.
        """
        if not self.dirty or self.waits_for is not None:
            return None
        if self.pod_first:
            return max(self.retry_at, self.assumed_at + pod_first_s)
        if not self.base_wire and self.assumed.phase is Phase.PENDING and self.assumed.hold is None:
            return max(self.retry_at, self.first_seen + _FIRST_EXPLANATION_S)
        if _essence(self.base) != _essence(self.assumed):
            return self.retry_at
        if _explanation(self.base) != _explanation(self.assumed):
            return max(self.retry_at, self.written_at + _NEXT_EXPLANATION_S)
        return max(self.retry_at, self.written_at + explain_s)

    def unseen(self, now: float) -> frozenset[str]:
        """Names of pods that were made and are not seen yet."""
        for name in [name for name, at in self.made.items() if now - at > _UNSEEN_S]:
            del self.made[name]
        return frozenset(self.made)


def _explanation(status: TrainingJobStatus) -> tuple[object, ...]:
    """What a waiting job's owner looks for; it may change with everything that others do."""
    return status.queue.reason, status.queue.entitled_since


def _essence(status: TrainingJobStatus) -> tuple[object, ...]:
    """What somebody waits for, or a restarted operator must know."""
    allocation = status.allocation
    return (
        status.phase,
        allocation and (allocation.pool, allocation.nodes, allocation.on_call, allocation.placed),
        status.hold,
        status.stopping,
        status.evictions,
        status.failures,
        status.backoff_until,
        status.starts,
        [(condition.type, condition.status) for condition in status.conditions],
    )
