"""An estate that lives: jobs end and arrive, and what the planner decides is carried out as the operator would."""

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bench.estates import Estate
from entente.api.job import Phase
from entente.engine.decisions import Action, Evict, Grow, Hold, Plan, Shrink, Start
from entente.engine.live import LivePlanner
from entente.engine.model import Job, Placement, Snapshot
from entente.engine.transitions import started, stopped, told_to_stop

CHANGES = 20
"""Endings before each decision, and as many arrivals."""

STEP_S = 5.0
"""Virtual seconds from one decision to the next."""


@dataclass(frozen=True, slots=True)
class Round:
    """One decision and what it took, in seconds."""

    actions: tuple[Action, ...]
    decided_s: float
    """To tell the planner what changed, to decide, and to read its actions and why the new jobs wait."""
    applied_s: float
    """To tell the planner what was carried out of the plan."""


@dataclass(slots=True)
class Churn:
    """The jobs that the planner knows, by what may happen to them next."""

    estate: Estate
    planner: LivePlanner
    now: float
    watch: Callable[[Snapshot, Plan], None] | None = None
    """Told of every decision before it is carried out."""
    running: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _ends: list[tuple[float, str]] = field(default_factory=list)
    """Moments at which running jobs must end, by their own limits."""
    _stops: list[tuple[float, str]] = field(default_factory=list)
    """Moments at which stopping jobs have stopped."""
    _asking: set[str] = field(default_factory=set)
    """Jobs whose notice runs."""
    _held: set[str] = field(default_factory=set)

    def take_in(self) -> None:
        """Note what runs and what is held at the start."""
        for job in self.estate.snapshot.jobs.values():
            if job.phase is Phase.RUNNING:
                self._runs(job)

    def round(self) -> Round:
        """Let a few seconds pass, then tell, decide and carry out."""
        self.now += STEP_S
        ended, changed = self._pick_ended(), [*self._pick_stopped(), *self._pick_arrived()]
        begun = time.perf_counter()
        for key in ended:
            self.planner.drop_job(key)
        for job in changed:
            self.planner.put_job(job)
        plan = self.planner.decide(self.now)
        actions, noticed, lapsed = plan.actions, plan.noticed, plan.lapsed
        for job in changed:
            plan.wait_of(job.key)
        decided = time.perf_counter() - begun
        if self.watch:
            whole = plan.plan()
            self.watch(self.planner.snapshot(self.now), whole)
        begun = time.perf_counter()
        for action in actions:
            self._carry_out(action)
        self._lapse(lapsed)
        self._tell_standings(noticed)
        return Round(actions, decided, time.perf_counter() - begun)

    def _pick_ended(self) -> list[str]:
        """Those whose time is up, then any others."""
        ended: list[str] = []
        while self._ends and self._ends[0][0] <= self.now:
            _, key = heapq.heappop(self._ends)
            if key in self._places and self.planner.job(key).phase is Phase.RUNNING and self._over(key):
                self._forget(key)
                ended.append(key)
        while len(ended) < CHANGES and self.running:
            key = self.running[self.estate.dice.randrange(len(self.running))]
            self._forget(key)
            ended.append(key)
        return ended

    def _over(self, key: str) -> bool:
        """Whether its limit is reached in this start, and not in one that was cut short."""
        return _end(self.planner.job(key)) <= self.now

    def _pick_stopped(self) -> list[Job]:
        ended = []
        while self._stops and self._stops[0][0] <= self.now:
            job = self.planner.job(heapq.heappop(self._stops)[1])
            ended.append(stopped(job, self.now))
        return ended

    def _pick_arrived(self) -> list[Job]:
        return [self.estate.arrival(self.now) for _ in range(CHANGES)]

    def _carry_out(self, action: Start | Hold | Evict | Shrink | Grow) -> None:
        job = self.planner.job(action.job)
        match action:
            case Start():
                self._start(job, action)
            case Hold(pool=pool, nodes=nodes, until=until):
                self._hold(job, Placement(pool, dict(nodes)), until)
            case Evict():
                self.planner.put_job(self._told_to_stop(job, action))
            case Shrink(pool=pool, nodes=nodes) | Grow(pool=pool, nodes=nodes):
                told = job if job.phase is Phase.STOPPING else self._told_to_stop(job, action)
                self._hold(told, Placement(pool, dict(nodes)), told.stopping_until)

    def _start(self, job: Job, start: Start) -> None:
        self._held.discard(job.key)
        self._asking.discard(job.key)
        running = started(job, start, self.now)
        self._runs(running)
        self.planner.put_job(running)

    def _hold(self, job: Job, place: Placement, until: float | None) -> None:
        self._held.add(job.key)
        self.planner.put_job(replace(job, hold=place, hold_until=until))

    def _told_to_stop(self, job: Job, action: Evict | Shrink | Grow) -> Job:
        self._forget(job.key)
        heapq.heappush(self._stops, (self.now + action.grace_s, job.key))
        return told_to_stop(job, action, self.now)

    def _lapse(self, lapsed: frozenset[str]) -> None:
        """Take their holds away from the jobs that the planner lets wait for something else now."""
        for key in sorted(lapsed & self._held):
            self._held.discard(key)
            self.planner.put_job(replace(self.planner.job(key), hold=None, hold_until=None))

    def _tell_standings(self, asking: frozenset[str]) -> None:
        """Since when a job's notice runs, as the operator writes it into the status of the job."""
        for key in sorted(asking ^ self._asking):
            job = self.planner.job(key)
            since = self.now if key in asking and job.phase is Phase.PENDING else None
            if job.entitled_since != since:
                self.planner.put_job(replace(job, entitled_since=since))
        self._asking = set(asking)

    def _runs(self, job: Job) -> None:
        self._places[job.key] = len(self.running)
        self.running.append(job.key)
        if job.max_s is not None:
            heapq.heappush(self._ends, (_end(job), job.key))

    def _forget(self, key: str) -> None:
        """It runs no longer: the last of the list takes its place."""
        place, last = self._places.pop(key), self.running.pop()
        if last != key:
            self.running[place] = last
            self._places[last] = place


def _end(job: Job) -> float:
    """When its own limit ends a running job."""
    return float("inf") if job.max_s is None else (job.started or 0.0) + job.max_s - job.run_s
