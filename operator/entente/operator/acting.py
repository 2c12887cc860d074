"""Acting: what was decided becomes requests, one job's in order, many jobs' together, without the loop waiting.

The order that makes a crash between any two requests harmless:

- a gang of several is written down as `Starting`, then gets its Service, then its pods;
- a gang of one gets its pod first (`Tracked.pod_first`), for it cannot be half made, and its Service when it runs;
- a claimant's hold is written down before those who make room for it are told to stop;
- `Stopping` is written down before the pods are deleted.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from functools import partial

from entente.api.job import Phase, StopCause, TrainingJob
from entente.kube.bucket import TokenBucket
from entente.kube.errors import ApiError, ConflictError, FencedError, NotFoundError
from entente.kube.events import EventRecorder, EventType, ObjectRef
from entente.kube.kinds import TRAINING_JOB
from entente.kube.writer import Writer
from entente.operator.estate import PodIndex
from entente.operator.jobs import JobStore
from entente.operator.tracked import Tracked
from entente.workload.actions import Actions, NotYetError, StartRefusedError
from entente.workload.notes import READABLE, Note, with_condition
from entente.workload.pods import Gang
from entente.workload.stopping import stop
from entente.workload.wanted import Work, wanted

_log = logging.getLogger(__name__)

_TOLD_S = 60.0
"""A pod that was told to end is told again after so long, if it still is not marked as ending."""

_POD_FIRST_S = 2.0
_POD_FIRST_EACH_S = 0.05
"""A single worker is waited for so long before its start is written down, and longer when many start together: then
each write less is worth more than the news."""

_SERVICES_A_SECOND, _SERVICES_AT_ONCE, _SERVICES_PAUSE_S = 10.0, 20, 10.0
"""Services of gangs of one, which do not need theirs to start: they wait while many others do."""

_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 30.0
_NOT_YET_S = 1.0


class Actor:
    """Sees to it that jobs become what was decided.

    Args:
        jobs: all of them.
        pods: of each job.
        actions: the requests.
        writer: runs them.
        recorder: of Events.
        gang_of: what a job's allocation means for its pods.
        claim: marks the hosts of a gang as its tenant's before its pods are made.
        clock: seconds since the epoch.
        explain_s: shortest time between writes that only bring messages up to date.
        wake: called when a job must be looked at again.
    """

    def __init__(
        self,
        *,
        jobs: JobStore,
        pods: PodIndex,
        actions: Actions,
        writer: Writer,
        recorder: EventRecorder,
        gang_of: Callable[[TrainingJob], Gang | None],
        claim: Callable[[Gang], Awaitable[None]],
        clock: Callable[[], float],
        explain_s: float,
        wake: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._pods = pods
        self._actions = actions
        self._writer = writer
        self._recorder = recorder
        self._gang_of = gang_of
        self._claim = claim
        self._clock = clock
        self._explain_s = explain_s
        self._wake = wake
        self._told_unreadable: dict[str, tuple[str, str]] = {}
        self._services = TokenBucket(_SERVICES_A_SECOND, _SERVICES_AT_ONCE)
        self._pods_first: set[Tracked] = set()
        """Single workers whose start is not written down."""

    def busy(self, tracked: Tracked) -> bool:
        """Whether requests for this job are under way or wait."""
        return self._writer.busy(tracked.uid)

    def schedule(self, tracked: Tracked) -> float | None:
        """Have done what is due for a job; returns when more will be due, if that is known."""
        now = self._clock()
        if tracked.pod_first:
            self._pods_first.add(tracked)
        else:
            self._pods_first.discard(tracked)
        if tracked.retry_at > now:
            return tracked.retry_at
        due = self._write_due(tracked)
        if (due is not None and due <= now) or not self._work(tracked, now).is_nothing:
            self._writer.submit(tracked.uid, partial(self._act, tracked), slot="act")
            return None
        if due is None and tracked.lacks_service and not self.busy(tracked):
            if len(self._pods_first) > _SERVICES_AT_ONCE:
                return now + _SERVICES_PAUSE_S * random.uniform(0.5, 1.5)  # noqa: S311 - spreads them, no secret
            if not self._services.take():
                return now + self._services.wait_s()
            self._writer.submit(tracked.uid, partial(self._serve_late, tracked), slot="service")
        return due

    def tell_unreadable(self, key: str) -> None:
        """Say of a job that cannot be read what is wrong with it, once."""
        wrong = self._jobs.unreadable.get(key)
        if wrong is None or self._told_unreadable.get(key) == wrong:
            return
        self._told_unreadable[key] = wrong
        uid, what = wrong
        namespace, _, name = key.partition("/")
        about = ObjectRef(TRAINING_JOB, name, namespace, uid)
        self._recorder.record(about, EventType.WARNING, "Unreadable", what)
        told = with_condition((), READABLE, holds=False, reason="Invalid", message=what, now=self._clock())
        self._writer.submit(uid, partial(self._actions.write_unreadable, namespace, name, uid, told[0]))

    def _write_due(self, tracked: Tracked) -> float | None:
        return tracked.write_due(
            self._jobs.explain_s(self._explain_s), _POD_FIRST_S + _POD_FIRST_EACH_S * len(self._pods_first)
        )

    def _work(self, tracked: Tracked, now: float) -> Work:
        """What must be done about its pods now, without what is under way."""
        if tracked.waits_for is not None:
            return Work()
        work = wanted(
            tracked.job,
            self._gang_of(tracked.job) if tracked.assumed.phase is Phase.STARTING else None,
            self._pods.of(tracked.uid),
            now,
            made=tracked.unseen(now),
        )
        fresh = tuple(pod for pod in work.delete if now - tracked.told.get(pod.uid, 0.0) > _TOLD_S)
        return Work(create=work.create, delete=fresh, grace_s=work.grace_s, remove_job=work.remove_job)

    async def _act(self, tracked: Tracked) -> None:
        if self._jobs.by_uid(tracked.uid) is not tracked:
            self._pods_first.discard(tracked)
            return
        try:
            due = self._write_due(tracked)
            if due is not None and due <= self._clock():
                await self._write(tracked)
            await self._do(tracked)
        except StartRefusedError as error:
            tracked.assume(stop(tracked.job, self._clock(), StopCause.START_FAILED, str(error)), self._clock())
            self._jobs.news = True
        except NotYetError:
            tracked.retry_at = self._clock() + _NOT_YET_S
        except FencedError:
            return
        except ConflictError:
            await self._look_again(tracked)
        except NotFoundError:
            self._gone(tracked)
        except ApiError as error:
            self._retry_later(tracked, error)
        else:
            tracked.failures = 0
        self._jobs.touch(tracked.key)
        self._wake()

    async def _do(self, tracked: Tracked) -> None:
        """Requests about the job's pods. What is wanted is worked out now: much may have happened while this waited."""
        now = self._clock()
        work = self._work(tracked, now)
        if work.delete:
            tracked.told.update({pod.uid: now for pod in work.delete})
            await self._actions.delete_pods(work.delete, work.grace_s)
        if work.create and (tracked.pod_first or tracked.start_written):
            gang = self._gang_of(tracked.job)
            if gang is not None:
                await self._make(tracked, gang, work)
        if work.remove_job:
            await self._actions.remove_job(tracked.job)

    async def _make(self, tracked: Tracked, gang: Gang, work: Work) -> None:
        if gang.workers > 1 and not tracked.has_service:
            await self._serve(tracked)
        await self._claim(gang)
        await self._actions.make_pods(gang, work.create, partial(self._made, tracked))

    async def _serve(self, tracked: Tracked) -> None:
        await self._actions.make_service(tracked.job)
        tracked.has_service = True

    async def _serve_late(self, tracked: Tracked) -> None:
        """The Service of a gang that runs: it goes on without it, should it be refused."""
        try:
            await self._serve(tracked)
        except FencedError:
            return
        except (ApiError, NotYetError) as error:
            _log.warning("job %s: cannot make its Service yet: %s", tracked.key, type(error).__name__)
            tracked.retry_at = self._clock() + _LAST_RETRY_S
            self._jobs.touch(tracked.key)
        except StartRefusedError as error:
            tracked.has_service = True
            self._say(tracked, Note("ServiceRefused", str(error), "Warning"))

    def _say(self, tracked: Tracked, note: Note) -> None:
        meta = tracked.observed.metadata
        about = ObjectRef(TRAINING_JOB, meta.name, meta.namespace, tracked.uid)
        self._recorder.record(about, EventType(note.type), note.reason, note.message)

    def _made(self, tracked: Tracked, name: str) -> None:
        """Remember a pod until it is seen; it may have been seen before its request was answered."""
        if all(pod.name != name for pod in self._pods.of(tracked.uid)):
            tracked.made[name] = self._clock()

    async def _write(self, tracked: Tracked) -> None:
        """Write the status that counts; then it may be spoken about, and those who wait for it go on."""
        status, notes = tracked.assumed, tuple(tracked.notes)
        tracked.notes.clear()
        tracked.writing = status
        try:
            answer = await self._actions.write_status(tracked.observed, tracked.base_wire, status.to_wire())
        except ApiError:
            tracked.notes[:0] = notes
            raise
        else:
            tracked.written_at = self._clock()
            self._jobs.see(answer, self._clock())
        finally:
            tracked.writing = None
        for note in notes:
            self._say(tracked, note)

    async def _look_again(self, tracked: Tracked) -> None:
        """Somebody wrote the job meanwhile, or an earlier write of ours got through unanswered: read it.

        What was decided is decided anew when the owner has changed the spec, else it is written again.
        """
        generation = tracked.observed.metadata.generation
        try:
            there = await self._actions.read(tracked.observed)
        except ApiError as error:
            self._retry_later(tracked, error)
            return
        if there is None or there["metadata"].get("uid") != tracked.uid:
            self._gone(tracked)
            return
        self._jobs.see(there, self._clock())
        if tracked.dirty and tracked.observed.metadata.generation != generation:
            tracked.drop_assumption()
            self._jobs.touch(tracked.key, news=True)

    def _gone(self, tracked: Tracked) -> None:
        meta = tracked.observed.metadata
        self._jobs.gone({"metadata": {"namespace": meta.namespace, "name": meta.name, "uid": tracked.uid}})

    def _retry_later(self, tracked: Tracked, error: ApiError) -> None:
        """Try again after a pause; what was decided counts as used until its fate is known."""
        tracked.failures += 1
        pause = min(_LAST_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(tracked.failures - 1, 10)) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret
        tracked.retry_at = self._clock() + pause
        _log.warning("job %s: %s %s; trying again in %.1f s", tracked.key, error.status, error.reason, pause)
