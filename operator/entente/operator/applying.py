"""Applying a plan: each decision becomes the assumed status of its job, unless the job has changed meanwhile."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from entente.api.amounts import count
from entente.api.job import Phase, TrainingJob
from entente.engine.decisions import Decision, Evict, Grow, Hold, Plan, Shrink, Start, Wait
from entente.metrics.instruments import Instruments
from entente.metrics.stage import Stage
from entente.operator.jobs import JobStore
from entente.operator.setbacks import Setbacks
from entente.operator.tracked import Tracked
from entente.workload import decided
from entente.workload.moments import seconds_or_none
from entente.workload.stopping import Step

_log = logging.getLogger(__name__)

_RUNS = frozenset({Phase.STARTING, Phase.RUNNING})


class Applier:
    """Turns plans into assumed statuses.

    Args:
        jobs: all of them.
        instruments: told of starts and evictions.
        explain_s: shortest time between two explanations with the same reason.
        setbacks: jobs that are left alone for a while.
    """

    def __init__(self, jobs: JobStore, instruments: Instruments, explain_s: float, setbacks: Setbacks) -> None:
        self._jobs = jobs
        self._instruments = instruments
        self._explain_s = explain_s
        self._setbacks = setbacks
        self.waiting: set[Tracked] = set()
        """Jobs that are told to stop as soon as their claimant's hold is written."""

    def apply(self, plan: Plan, seen: Mapping[str, TrainingJob], tenants: Mapping[str, str], now: float) -> None:
        """Let the plan count.

        Args:
            plan: decided about the jobs in `seen`.
            seen: the jobs as they were given to the engine; a decision about one that has changed is left out, and the
                next cycle decides anew.
            tenants: tenant by namespace.
            now: seconds since the epoch.
        """
        changed = {
            tracked.key for tracked in self._jobs if _has_changed(seen.get(tracked.key), tracked.job)
        }  # before anything is applied: a moved job has two decisions
        for decision in sorted(plan.decisions, key=self._moves):
            tracked = self._jobs.get(decision.job)
            if tracked is None or tracked.key in changed:
                self._jobs.news = self._jobs.news or not isinstance(decision, Wait)
            elif not self._left_alone(tracked, decision, now):
                with self._alone(tracked, now):
                    self._one(tracked, decision, plan, tenants, now)
        for key, standing in plan.standings.items():
            tracked = self._jobs.get(key)
            if tracked is None or self._setbacks.until(tracked, now) is not None:
                continue
            with self._alone(tracked, now):
                if tracked.assume(Step(decided.stand(tracked.job, standing, now)), now):
                    self._jobs.touch(key)

    @contextmanager
    def _alone(self, tracked: Tracked, now: float) -> Iterator[None]:
        """What goes wrong with one job stops no other."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns one job
            self._setbacks.failed(tracked, Stage.DECIDE, error, now)
            self._jobs.touch(tracked.key)

    def _left_alone(self, tracked: Tracked, decision: Decision, now: float) -> bool:
        """Whether a decision is left out: about a job that is left alone, or to make room for one."""
        about = [tracked]
        if isinstance(decision, Evict | Shrink) and (claimant := self._jobs.get(decision.claimant)) is not None:
            about.append(claimant)
        return any(self._setbacks.until(each, now) is not None for each in about)

    def _one(self, tracked: Tracked, decision: Decision, plan: Plan, tenants: Mapping[str, str], now: float) -> None:
        job, standing = tracked.job, plan.standings.get(tracked.key)
        tenant = tenants.get(job.metadata.namespace or "", "")
        match decision:
            case Start() if job.status.phase is Phase.PENDING:
                step = decided.start(job, decision, standing, now)
                self._measure(job, decision, tenant, now)
            case Hold() if job.status.phase in {Phase.PENDING, Phase.STOPPING}:
                step = decided.hold(job, decision, now)
            case Evict() if job.status.phase in _RUNS:
                step = decided.evict(job, decision, now)
                self._told_to_stop(tracked, decision, tenant)
            case Shrink() if job.status.phase in {*_RUNS, Phase.STOPPING}:
                step = self._shrink(tracked, decision, tenant, now)
            case Grow() if job.status.phase in _RUNS:
                step = decided.grow(job, decision, now)
            case Wait() if job.status.phase is Phase.PENDING:
                if not self._worth_telling(tracked, decision, now):
                    return
                step = decided.wait(job, decision, standing, now)
            case _:
                return
        if tracked.assume(step, now):
            self._jobs.touch(tracked.key)
            if not isinstance(decision, Wait):
                _log.info("%s: %s", tracked.key, _in_words(decision))

    def _shrink(self, tracked: Tracked, decision: Shrink, tenant: str, now: float) -> Step:
        """A job that is shrunk for several claims of one plan is told once, and starts with what the last leaves."""
        if tracked.job.status.phase is Phase.STOPPING:
            return decided.shrink_further(tracked.job, decision)
        step = decided.shrink(tracked.job, decision, now)
        self._told_to_stop(tracked, decision, tenant)
        return step

    def _moves(self, decision: Decision) -> bool:
        """A running job is told to stop before it gets the hold to which it moves; all other holds go first."""
        tracked = self._jobs.get(decision.job)
        return isinstance(decision, Hold) and tracked is not None and tracked.assumed.phase in _RUNS

    def settle_waits(self) -> None:
        """Have those told to stop whose claimant's hold is written; let off those whose claimant is gone or changed."""
        for victim in tuple(self.waiting):
            claimant = victim.waits_for
            if claimant is None or self._jobs.by_uid(victim.uid) is not victim:
                self.waiting.discard(victim)
                continue
            wanted = claimant.assumed.hold
            if self._jobs.by_uid(claimant.uid) is not claimant or wanted is None:
                victim.drop_assumption()
                self._jobs.touch(victim.key, news=True)
            elif claimant.base.hold == wanted:
                victim.waits_for = None
                self._jobs.touch(victim.key)
            else:
                continue
            self.waiting.discard(victim)

    def _told_to_stop(self, tracked: Tracked, decision: Evict | Shrink, tenant: str) -> None:
        pool = tracked.assumed.allocation.pool if tracked.assumed.allocation else ""
        self._instruments.count_eviction(tenant, pool, decision.cause)
        claimant = self._jobs.get(decision.claimant)
        if claimant is not None and claimant is not tracked and claimant.assumed.hold != claimant.base.hold:
            tracked.waits_for = claimant
            self.waiting.add(tracked)

    def _measure(self, job: TrainingJob, decision: Start, tenant: str, now: float) -> None:
        queue = job.status.queue
        since = seconds_or_none(queue.since or job.metadata.creation_timestamp)
        if since is not None:
            self._instruments.observe_admission_wait(tenant, decision.pool, max(0.0, now - since))
        asked = seconds_or_none(queue.entitled_since)
        if job.status.hold is not None and asked is not None:
            self._instruments.observe_reclaim(tenant, decision.pool, max(0.0, now - asked))

    def _worth_telling(self, tracked: Tracked, decision: Wait, now: float) -> bool:
        """Places in the queue shift with each start: they are told at a low rate, a new reason at once."""
        queue = tracked.assumed.queue
        if decision.reason != queue.reason:
            return True
        return now - tracked.written_at >= self._jobs.explain_s(self._explain_s) and (
            decision.position,
            decision.message,
        ) != (
            queue.position,
            queue.message,
        )


def _has_changed(before: TrainingJob | None, now: TrainingJob) -> bool:
    """Whether a job is another one than the engine decided about, beyond echoes of what was known."""
    if before is None or before is now:
        return before is None
    return (before.metadata.uid, before.metadata.generation, before.metadata.deletion_timestamp, before.status) != (
        now.metadata.uid,
        now.metadata.generation,
        now.metadata.deletion_timestamp,
        now.status,
    )


def _in_words(decision: Decision) -> str:
    match decision:
        case Start():
            return f"start {count(decision.workers, 'worker')} in {decision.pool} ({decision.class_})"
        case Hold():
            return f"hold for {count(decision.workers, 'worker')} in {decision.pool}"
        case Evict():
            return f"evict, {count(decision.gpus, 'GPU')} ({decision.cause})"
        case Shrink():
            return f"shrink to {count(decision.workers, 'worker')} ({decision.cause})"
        case Grow():
            return f"grow to {count(decision.workers, 'worker')}"
        case Wait():
            return f"wait ({decision.reason})"
