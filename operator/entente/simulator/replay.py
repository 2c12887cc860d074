"""The replay: a trace's jobs on an estate, on virtual time, with a policy that decides.

All events of one instant happen, then the policy decides, again and again as long as its actions end something at that
very instant. The policy is not trusted: what cannot be ends the replay with an `ImpossibleError`.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from entente.api.amounts import count
from entente.api.job import EvictionCause
from entente.simulator.failures import Failure
from entente.simulator.meter import Meter
from entente.simulator.occupancy import ImpossibleError, Occupancy
from entente.simulator.outcome import JobOutcome, Outcome, Reclaim, Setback
from entente.simulator.policy import Action, Place, Policy, SimJob, Site, Stop
from entente.simulator.running import Running, State

Row = Mapping[str, object]
"""An event of the log."""

_IDLE_WAKES = 1000
"""A policy that wakes so often while nothing runs or comes, and does nothing, waits for nothing."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for all jobs and policies."""

    stop_s: float = 30.0
    """Until the pods of a job that was told to stop are gone, where it does not save."""
    restart_s: float = 300.0
    """Cost of a start after a stop."""
    failure_restart_s: float = 600.0
    """Cost of a start after a failure."""
    host_down_s: float = 0.0
    """More than 0: a failure takes the whole host away for so long."""
    failures: Callable[[], Iterator[Failure]] | None = None
    """From time 0 on, in order of time, the same at each call."""


class _Event(NamedTuple):
    at: float
    rank: int
    """Order within an instant: ends, then hosts that are back."""
    number: int
    kind: str
    about: str
    changes: int


class _Instant(NamedTuple):
    """When something happens next, and what is due then."""

    at: float
    failure: bool
    arrivals: bool
    wake: bool


def _ignored(_: Row) -> None:
    return None


@dataclass(slots=True)
class Replay:
    """One replay of one policy; `run` it once.

    Args:
        site: the estate and its rules.
        jobs: with their durations in seconds, in the order of submission, from time 0 on.
        policy: decides.
        conditions: what holds for all.
        log: told of every event, in order.
        window_s: end of the submissions; that of the last job when none is given.
    """

    site: Site
    jobs: Sequence[tuple[SimJob, float]]
    policy: Policy
    name: str = ""
    conditions: Conditions = field(default_factory=Conditions)
    log: Callable[[Row], None] = _ignored
    window_s: float | None = None
    _now: float = 0.0
    _decisions: int = 0
    _events: list[_Event] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _running: dict[str, Running] = field(default_factory=dict)
    _arrived: int = 0
    _wake: float | None = None
    _idle_wakes: int = 0
    _claims: dict[str, float] = field(default_factory=dict)
    """Since when the jobs are entitled for which others were stopped."""
    _reclaims: list[Reclaim] = field(default_factory=list)
    _failures: Iterator[Failure] = field(default_factory=lambda: iter(()))
    _failure: Failure | None = None
    _hosts: Occupancy = field(init=False)
    _meter: Meter = field(init=False)

    def run(self) -> Outcome:
        """Replay all of it. Raises ImpossibleError."""
        window = self.window_s if self.window_s is not None else max((j.submitted for j, _ in self.jobs), default=0.0)
        self._hosts = Occupancy(self.site.pools, self.site.nodes)
        self._meter = Meter(self.site, window)
        if self.conditions.failures is not None:
            self._failures = self.conditions.failures()
            self._failure = next(self._failures, None)
        while (instant := self._next()) is not None:
            self._now = instant.at
            self._meter.advance(self._now)
            self._happen(instant)
            while self._decide():
                pass
        tenants = [(t.name, pool) for t in self.site.tenants.values() for pool in t.terms if pool in self.site.pools]
        return Outcome(
            policy=self.name,
            jobs={key: running.outcome for key, running in self._running.items()},
            reclaims=self._reclaims,
            tallies={(tenant, pool): self._meter.tally(tenant, pool) for tenant, pool in tenants},
            pools={pool: self._meter.pool_tally(pool) for pool in self.site.pools},
            series=self._meter.series,
            window_s=window,
            ended=self._now,
            decisions=self._decisions,
        )

    def _next(self) -> _Instant | None:
        while self._events and self._void(self._events[0]):
            heapq.heappop(self._events)
        arrival = self.jobs[self._arrived][0].submitted if self._arrived < len(self.jobs) else None
        event = self._events[0].at if self._events else None
        moments = [at for at in (arrival, event) if at is not None]
        if not moments and (self._wake is None or self._idle_wakes >= _IDLE_WAKES):
            return None
        if self._wake is not None:
            moments.append(self._wake)
        failure = self._failure.at if self._failure is not None and event is not None else None
        if failure is not None:
            moments.append(failure)
        at = max(self._now, min(moments))
        return _Instant(
            at,
            failure=failure is not None and failure <= at,
            arrivals=arrival is not None and arrival <= at,
            wake=arrival is None and event is None,
        )

    def _void(self, event: _Event) -> bool:
        return event.kind != "back" and self._running[event.about].changes != event.changes

    def _happen(self, instant: _Instant) -> None:
        self._happen_events()
        if self._wake is not None and self._wake <= self._now:
            self._wake = None
        self._idle_wakes = self._idle_wakes + 1 if instant.wake else 0
        while instant.failure and self._failure is not None and self._failure.at <= self._now:
            self._fail(self._failure)
            self._failure = next(self._failures, None)
        while self._arrived < len(self.jobs) and self.jobs[self._arrived][0].submitted <= self._now:
            self._arrive(*self.jobs[self._arrived])

    def _happen_events(self) -> bool:
        happened = False
        while self._events and self._events[0].at <= self._now:
            event = heapq.heappop(self._events)
            if self._void(event):
                continue
            happened = True
            if event.kind == "back":
                self._hosts.bring_back(event.about)
                self.log({"t": self._now, "event": "HostBack", "host": event.about})
                self.policy.host_back(event.about, self._now)
            elif event.kind == "done":
                self._finish(self._running[event.about])
            else:
                self._leave(self._running[event.about])
        return happened

    def _arrive(self, job: SimJob, duration_s: float) -> None:
        running = Running(job, duration_s, (job.submitted, self._arrived), JobOutcome(job, duration_s))
        self._arrived += 1
        self._running[job.key] = running
        self._meter.wait(job.tenant, job.pools[0], running.place, job.gpus)
        self.log({"t": self._now, "event": "Submit", "job": job.key, "tenant": job.tenant, "gpus": job.gpus})
        self.policy.arrived(job, self._now)

    def _finish(self, running: Running) -> None:
        key = running.job.key
        running.finish(self._now)
        self._meter.stop(running.job.tenant, running.pool, running.gpus)
        self._meter.leave(running.pool, running.gpus)
        self._hosts.leave(key, running.workers_on)
        self.log({"t": self._now, "event": "Finish", "job": key})
        self.policy.finished(key, self._now)

    def _leave(self, running: Running) -> None:
        key, job = running.job.key, running.job
        self._meter.leave(running.pool, running.gpus)
        self._hosts.leave(key, running.workers_on)
        running.leave(self._now)
        self._meter.wait(job.tenant, job.pools[0], running.place, job.gpus)
        self.log({"t": self._now, "event": "Stopped", "job": key})
        self.policy.stopped(key, self._now)

    def _fail(self, failure: Failure) -> None:
        if self.conditions.host_down_s:
            self._lose_host(failure.host)
            return
        key = self._hosts.user_of(failure.host, failure.gpu)
        if key is None or self._running[key].state is not State.RUNNING:
            return
        running = self._running[key]
        running.outcome.failures += 1
        lost = running.cut_short(self._now, Setback.FAILURE, self.conditions.failure_restart_s, saves=False)
        self._push(running.begin_again(self._now), "done", running)
        self.log({"t": self._now, "event": "Fail", "job": key, "host": failure.host, "lostGpuSeconds": _rounded(lost)})
        self.policy.restarted(key, self._now)

    def _lose_host(self, host: str) -> None:
        if not self._hosts.lose(host):
            return
        self.log({"t": self._now, "event": "HostLost", "host": host})
        for key in self._hosts.jobs_on(host):
            running = self._running[key]
            if running.state is State.RUNNING:
                running.outcome.failures += 1
                running.cut_short(self._now, Setback.FAILURE, self.conditions.failure_restart_s, saves=False)
                self._meter.stop(running.job.tenant, running.pool, running.gpus)
            self._leave(running)
        back = _Event(self._now + self.conditions.host_down_s, 1, next(self._numbers), "back", host, 0)
        heapq.heappush(self._events, back)
        self.policy.host_lost(host, self._now)

    def _decide(self) -> bool:
        """Ask the policy once; whether its actions ended something at this very instant."""
        actions = self.policy.decide(self._now)
        self._decisions += 1
        for action in actions:
            self._carry_out(action)
        if actions:
            self._idle_wakes = 0
        happened = self._happen_events()
        wake = self.policy.next_wake()
        self._wake = wake if wake is not None and wake > self._now else None
        return happened

    def _carry_out(self, action: Action) -> None:
        running = self._running.get(action.key)
        if running is None:
            raise ImpossibleError(action.key, "no such job was submitted")
        if isinstance(action, Place):
            self._place(running, action)
        else:
            self._stop(running, action)

    def _place(self, running: Running, action: Place) -> None:
        job, key = running.job, action.key
        if running.state is not State.PENDING:
            raise ImpossibleError(key, f"cannot be started: it is {running.state}")
        workers = sum(action.workers_on.values())
        least, most = job.min_workers or job.workers, job.max_workers or job.workers
        if not least <= workers <= most:
            raise ImpossibleError(key, f"it has {count(workers, 'worker')}, and from {least} to {most} are allowed")
        pool = self._hosts.place(key, job.tenant, action.workers_on, job.gpus_per_worker)
        if pool not in job.pools:
            raise ImpossibleError(key, f"cannot run in pool {pool}, only in {', '.join(job.pools)}")
        done = running.begin(self._now, action.workers_on, pool)
        self._meter.start(job.tenant, job.pools[0], pool, running.place, running.gpus)
        self._push(done, "done", running)
        if (since := self._claims.pop(key, None)) is not None:
            self._reclaims.append(Reclaim(key, job.tenant, pool, self._now - since))
        self.log({"t": self._now, "event": "Start", "job": key, "nodes": dict(sorted(action.workers_on.items()))})

    def _stop(self, running: Running, action: Stop) -> None:
        job, key, grace = running.job, action.key, action.grace_s
        if running.state is not State.RUNNING:
            raise ImpossibleError(key, f"cannot be stopped: it is {running.state}")
        saves = job.grace_s is not None and (grace is None or job.grace_s <= grace)
        takes = job.grace_s if saves and job.grace_s is not None else self.conditions.stop_s
        takes = takes if grace is None else min(takes, grace)
        self._claim(action)
        running.outcome.evictions += action.cause is not None
        cause = Setback.OWN if action.cause is None else Setback.EVICTION
        lost = running.cut_short(self._now, cause, self.conditions.restart_s, saves=saves)
        running.stop(self._now)
        self._meter.stop(job.tenant, running.pool, running.gpus)
        self._push(self._now + takes, "stopped", running)
        row = {"t": self._now, "event": "Stop", "job": key, "lostGpuSeconds": _rounded(lost)}
        row |= {"cause": action.cause.value} if action.cause is not None else {}
        self.log(row | ({"for": action.for_key} if action.for_key is not None else {}))

    def _claim(self, stop: Stop) -> None:
        if stop.for_key is None or stop.cause is not EvictionCause.GUARANTEE:
            return
        claimant = self._running.get(stop.for_key)
        if claimant is None or claimant.state is not State.PENDING:
            return
        since = stop.asked
        if since is None and stop.for_key not in self._claims:
            since = self._meter.entitled_since(claimant.job.tenant, claimant.job.pools[0], claimant.place)
            since = self._now if since is None else since
        if since is not None:
            self._claims[stop.for_key] = since

    def _push(self, at: float, kind: str, running: Running) -> None:
        event = _Event(at, 0, next(self._numbers), kind, running.job.key, running.changes)
        heapq.heappush(self._events, event)


def _rounded(gpu_s: float) -> float:
    return round(gpu_s, 3)
