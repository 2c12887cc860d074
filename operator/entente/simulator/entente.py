"""`entente`: the production engine, and around it what the operator does with jobs, holds and memory.

Each job is kept as the engine's own record and told to the planner when it changes; nothing is done for the others.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace

from entente.api.job import Phase
from entente.engine.decisions import Evict, Grow, Hold, Plan, Shrink, Start
from entente.engine.live import LivePlanner
from entente.engine.model import Job, Placement, Snapshot
from entente.engine.transitions import ran_s, started, stopped, told_to_stop
from entente.engine.verdict import Verdict
from entente.simulator.handovers import Handovers
from entente.simulator.lengths import Learner, likeness
from entente.simulator.memory import Memory
from entente.simulator.policy import Action, Place, SimJob, Site, Stop

_LOOK_EVERY_S = 60.0
"""A moment at which a rule changes its mind about a job, such as the end of its `minRuntimeSeconds`, is looked at so
late at most, and so is what started in a decision, which is news for another; the operator looks every few seconds."""


def _unwatched(_: Snapshot, __: Plan) -> None:
    return None


class EntentePolicy:
    """The production engine.

    Args:
        site: the estate and its rules.
        watch: told of each snapshot and the plan for it before that is carried out, to check it; slow.
    """

    def __init__(self, site: Site, watch: Callable[[Snapshot, Plan], None] | None = None) -> None:
        self._site = site
        self._watch = watch
        self._planner = LivePlanner(Snapshot(0.0, site.pools, site.nodes, site.tenants, {}))
        self._sim: dict[str, SimJob] = {}
        self._pending: dict[str, None] = {}
        self._holders: dict[str, None] = {}
        """Jobs with a hold."""
        self._on_call: set[str] = set()
        self._elastic: set[str] = set()
        self._noticed: set[str] = set()
        """Pending jobs whose notice runs."""
        self._alike: dict[object, dict[str, None]] = {}
        """Pending jobs of the tenants that learn, by what they have in common."""
        self._learner = Learner()
        self._memory = Memory(site)
        self._handovers = Handovers(site)
        self._turns: list[float] = []
        """Moments at which a rule changes its mind about a job."""
        self._decided = 0.0

    def arrived(self, job: SimJob, now: float) -> None:
        self._sim[job.key] = job
        least, most = job.min_workers or job.workers, job.max_workers or job.workers
        if least < most:
            self._elastic.add(job.key)
        self._wait(
            Job(
                key=job.key,
                tenant=job.tenant,
                workers=job.workers,
                gpus_per_worker=job.gpus_per_worker,
                submitted=job.submitted,
                min_workers=least,
                max_workers=most,
                elastic=least < most,
                pools=job.pools,
                priority=self._priority(job),
                interval_s=job.interval_s,
                grace_s=job.grace_s,
                expected_s=job.expected_s,
                max_s=job.max_s,
            ),
            now,
        )

    def finished(self, key: str, now: float) -> None:
        job, sim = self._planner.job(key), self._sim.pop(key)
        self._planner.drop_job(key)
        self._forget(key)
        self._elastic.discard(key)
        self._left(job, now)
        if self._learns(sim):
            like, ran = likeness(sim), job.run_s + ran_s(job, now)
            if self._learner.learn(like, ran):
                for other in self._alike.get(like, ()):
                    waiting = self._planner.job(other)
                    expected = self._learner.lengths.expected(like, waiting.run_s)
                    self._planner.put_job(replace(waiting, learnt_s=expected))

    def stopped(self, key: str, now: float) -> None:
        """Its pods are gone; it goes back to its old place, or to where GPUs are held for it."""
        job = self._planner.job(key)
        self._left(job, now)
        lost = job.phase is not Phase.STOPPING  # its host is gone
        self._forget(key)
        self._wait(
            replace(
                stopped(job, now),
                hold=None if lost else job.hold,
                hold_until=None if lost else job.hold_until,
            ),
            now,
        )

    def restarted(self, key: str, now: float) -> None:
        """Its gang started anew in its place."""
        job = self._planner.job(key)
        self._planner.put_job(replace(job, started=now, run_s=job.run_s + ran_s(job, now)))

    def host_lost(self, host: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        """A host is gone, and with it what was held there."""
        self._handovers.change(self._planner, host, usable=False)
        for key in tuple(self._holders):
            job = self._planner.job(key)
            if job.hold and host in job.hold.nodes:
                self._unhold(job)

    def host_back(self, host: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        self._handovers.change(self._planner, host, usable=True)

    def decide(self, now: float) -> Sequence[Action]:
        """Let the engine decide, and take over what it decided."""
        self._handovers.advance(self._planner, now)
        if self._memory.due(now):
            for tenant in self._memory.tenants(now):
                self._planner.put_tenant(tenant)
        actions: list[Action] = []
        if self._anything_to_decide():
            verdict = self._planner.decide(now)
            if self._watch is not None:
                plan = verdict.plan()
                self._watch(self._planner.snapshot(now), plan)
                verdict = self._planner.decide(now)
            if self._apply(verdict, actions, now):
                self._turn(now + 1.0)
        self._begin_handovers(now)
        self._decided = now
        return actions

    def next_wake(self) -> float | None:
        """The next moment at which time alone changes something."""
        while self._turns and self._turns[0] <= self._decided:
            heapq.heappop(self._turns)
        moments = [at for at in (self._handovers.next_end(),) if at is not None]
        if self._pending and self._turns:
            moments.append(-(-self._turns[0] // _LOOK_EVERY_S) * _LOOK_EVERY_S)
        return min(moments, default=None)

    def _anything_to_decide(self) -> bool:
        """Whether a job waits, or may grow: all that the engine ever does, it does for one of these."""
        return bool(self._pending or self._elastic or self._on_call)

    def _apply(self, verdict: Verdict, actions: list[Action], now: float) -> bool:
        """Carry out what was decided; whether anything starts by it."""
        noticed, lapsed = verdict.noticed, sorted(verdict.lapsed)
        gone = sorted(self._on_call - verdict.on_call(self._on_call)) if self._on_call else []
        # all is read: from here on the planner is told what changes
        for key in sorted((noticed & self._pending.keys()) ^ self._noticed):
            self._planner.put_job(replace(self._planner.job(key), entitled_since=now if key in noticed else None))
        self._noticed = set(noticed & self._pending.keys())
        for key in gone:
            self._on_call.discard(key)
            self._planner.put_job(replace(self._planner.job(key), on_call=False))
        for key in lapsed:
            self._unhold(self._planner.job(key))
        begun, stopping = False, set[str]()
        for decision in verdict.actions:
            job = self._planner.job(decision.job)
            match decision:
                case Start():
                    begun = True
                    actions.append(Place(job.key, dict(decision.nodes)))
                    self._start(job, decision, now)
                case Hold(pool=pool, nodes=nodes, until=until):
                    self._hold(job, Placement(pool, dict(nodes)), until)
                case Evict():
                    actions.append(self._stop(decision))
                    self._told_to_stop(job, decision, now)
                case Shrink() | Grow():
                    if job.key not in stopping:  # one that is shrunk for several claims is told once
                        stopping.add(job.key)
                        actions.append(self._stop(decision))
                        job = self._told_to_stop(job, decision, now)
                    self._hold(job, Placement(decision.pool, dict(decision.nodes)), job.stopping_until or now)
        return begun

    def _start(self, job: Job, decision: Start, now: float) -> None:
        self._forget(job.key)
        running = started(job, decision, now)
        self._planner.put_job(running)
        self._handovers.came(self._planner, running)
        self._memory.started(running, now)
        if decision.on_call:
            self._on_call.add(job.key)
        self._turn((running.since or now) + self._site.pools[decision.pool].min_runtime_s)

    def _hold(self, job: Job, place: Placement, until: float) -> None:
        self._holders[job.key] = None
        self._planner.put_job(replace(job, hold=place, hold_until=until))
        self._turn(until)

    def _unhold(self, job: Job) -> None:
        self._holders.pop(job.key, None)
        self._planner.put_job(replace(job, hold=None, hold_until=None))

    def _stop(self, decision: Evict | Shrink | Grow) -> Stop:
        if isinstance(decision, Grow):
            return Stop(decision.job, None, decision.grace_s)
        asked = self._planner.job(decision.claimant).entitled_since
        return Stop(decision.job, decision.cause, decision.grace_s, decision.claimant, asked)

    def _told_to_stop(self, job: Job, decision: Evict | Shrink | Grow, now: float) -> Job:
        told = told_to_stop(job, decision, now)
        self._on_call.discard(job.key)
        self._memory.ended(job, now)
        self._planner.put_job(told)
        return told

    def _left(self, job: Job, now: float) -> None:
        self._handovers.left(job)
        if job.phase is not Phase.STOPPING:  # that was counted when it was told
            self._memory.ended(job, now)

    def _begin_handovers(self, now: float) -> None:
        for key in self._holders:
            job = self._planner.job(key)
            if job.hold is not None:
                self._handovers.begin(job, job.hold, now)

    def _wait(self, job: Job, now: float) -> None:
        sim = self._sim[job.key]
        learnt = None
        if self._learns(sim):
            like = likeness(sim)
            self._alike.setdefault(like, {})[job.key] = None
            learnt = self._learner.lengths.expected(like, job.run_s)
        self._pending[job.key] = None
        if job.hold is not None:
            self._holders[job.key] = None
        self._planner.put_job(replace(job, pending_since=now, entitled_since=None, learnt_s=learnt))
        self._turn(now + max(self._site.pools[pool].min_runtime_s for pool in sim.pools))

    def _forget(self, key: str) -> None:
        """It is not pending, held for, or on call any more."""
        self._pending.pop(key, None)
        self._holders.pop(key, None)
        self._on_call.discard(key)
        self._noticed.discard(key)
        if (sim := self._sim.get(key)) is not None and (alike := self._alike.get(likeness(sim))):
            alike.pop(key, None)

    def _turn(self, at: float) -> None:
        heapq.heappush(self._turns, at)

    def _learns(self, job: SimJob) -> bool:
        return self._site.tenants[job.tenant].shortest_first

    def _priority(self, job: SimJob) -> str | None:
        tenant = self._site.tenants[job.tenant]
        return next((name for name, value in tenant.priorities.items() if value == job.priority), None)
