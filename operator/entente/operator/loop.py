"""The loop: observe, decide, act. Level-triggered: events only say that there is something to look at.

One cycle:

1. observe: each job that something has happened to takes a step of its state machine;
2. decide: the engine decides about the estate as it is assumed to be, in a thread, so that events go on coming in;
3. act: the plan counts from now on, and what must be written is handed to the writer, which nobody waits for.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from entente.api.core import NodeRecord, PodRecord
from entente.api.inputs import Inputs
from entente.api.job import Phase
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.engine.decisions import Plan
from entente.engine.invariants import Violation
from entente.engine.model import Snapshot
from entente.engine.windows import next_edge
from entente.metrics.instruments import Instruments
from entente.metrics.snapshot import OperatorSnapshot
from entente.metrics.stage import Stage
from entente.operator.accounts import Accounts
from entente.operator.acting import Actor
from entente.operator.applying import Applier
from entente.operator.estate import NodeView, PodIndex, ResourceStore
from entente.operator.figures import Figures, selects
from entente.operator.handing import HandoverKeeper
from entente.operator.jobs import JobStore
from entente.operator.latest import Latest
from entente.operator.setbacks import Setbacks
from entente.operator.settings import Settings
from entente.operator.stepping import Stepper
from entente.operator.tracked import Tracked
from entente.workload.deadlines import next_deadline

_log = logging.getLogger(__name__)

_EMPTY_PLAN = Plan(decisions=(), standings={}, books={})

_REST = 5.0
_LONGEST_REST_S = 1.0
"""A cycle waits some times as long as the one before it took, up to this: a burst of events is decided about in few
cycles, and deciding leaves time for acting."""

_SOON_S = 1.0
"""When a deadline that has passed without effect is looked at again."""


@dataclass(frozen=True, slots=True)
class Observed:
    jobs: JobStore
    pods: PodIndex
    nodes: NodeView
    pod_records: Mapping[str, PodRecord]
    node_records: Mapping[str, NodeRecord]
    pools: ResourceStore[GPUPool]
    tenants: ResourceStore[Tenant]
    tenant_by_namespace: Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Engine:
    snapshot: Callable[..., Snapshot]
    decide: Callable[[Snapshot], Plan]
    check: Callable[[Snapshot, Plan], list[Violation]]


class Loop:
    """Runs cycles until cancelled.

    Args:
        observed: the estate.
        engine: decides.
        actor: acts on jobs.
        accounts: figures that last.
        figures: writes them.
        handovers: of hosts between tenants.
        setbacks: jobs that are left alone for a while.
        instruments: metrics.
        settings: times.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        observed: Observed,
        engine: Engine,
        actor: Actor,
        accounts: Accounts,
        figures: Figures,
        handovers: HandoverKeeper,
        setbacks: Setbacks,
        instruments: Instruments,
        settings: Settings,
        wake: asyncio.Event,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._observed = observed
        self._engine = engine
        self._actor = actor
        self._accounts = accounts
        self._figures = figures
        self._handovers = handovers
        self._instruments = instruments
        self._settings = settings
        self._wake = wake
        self._clock = clock
        self._setbacks = setbacks
        self._stepper = Stepper(
            pods=observed.pods.of,
            ready_nodes=observed.nodes.ready,
            busy=actor.busy,
            tenant_of=lambda namespace: self._tenants().get(namespace, ""),
            setbacks=setbacks,
            instruments=instruments,
            start_timeout_s=settings.start_timeout_s,
        )
        self._applier = Applier(observed.jobs, instruments, settings.explain_s, setbacks)
        self._deadlines: dict[str, float] = {}
        """When a job must be looked at again, by key."""
        self._plan = _EMPTY_PLAN
        self._decided_at = 0.0
        self._edge: float | None = None
        """When a reservation changes next what may be decided, though nothing happens."""
        self._pause_s = settings.debounce_s
        self.cycles = 0
        self.ended_at: float | None = None
        """When the last cycle without an error ended, by the monotonic clock."""
        self.latest: Latest | None = None
        """What the engine was asked last."""

    async def run(self) -> None:
        """Cycle on events, on deadlines, and at least every few seconds."""
        while True:
            await self._wait()
            began = time.monotonic()
            decided = await self.cycle()
            ended = time.monotonic()
            self._pause_s = max(self._settings.debounce_s, min(_LONGEST_REST_S, _REST * (ended - began)))
            if decided:
                self.ended_at = ended

    async def _wait(self) -> None:
        now = self._clock()
        until = min((*self._deadlines.values(), *self._edges()), default=now + self._settings.idle_s)
        timeout = max(0.0, min(until - now, self._settings.idle_s))
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            pass
        await asyncio.sleep(self._pause_s)
        self._wake.clear()

    def _edges(self) -> tuple[float, ...]:
        return () if self._edge is None else (self._edge,)

    async def cycle(self) -> bool:
        """One cycle; whether the engine did what was asked of it."""
        now, decided = self._clock(), True
        self._observe(now)
        edge = any(at <= now for at in self._edges())
        if edge or self._observed.jobs.news or now - self._decided_at >= self._settings.idle_s:
            decided = await self._decide(now)
            # what happened while the engine was deciding has not been looked at; acting takes it off the list
            self._observe(self._clock())
        self._act(self._clock())
        self._publish(now)
        return decided

    def _observe(self, now: float) -> None:
        jobs = self._observed.jobs
        due = {key for key, at in self._deadlines.items() if at <= now}
        for key in due:
            del self._deadlines[key]
        for key in due | jobs.touched:
            tracked = jobs.get(key)
            if tracked is None:
                self._deadlines.pop(key, None)
            elif self._stepper.advance(tracked, now):
                jobs.touch(key, news=True)
            elif key in due:
                jobs.touch(key, news=tracked.assumed.phase is Phase.PENDING)

    async def _decide(self, now: float) -> bool:
        observed = self._observed
        observed.jobs.news = False
        self._decided_at, self._edge = now, None
        tenants, pools = tuple(observed.tenants), tuple(observed.pools)
        self._accounts.advance(tenants, {pool.metadata.name: pool for pool in pools}, self._plan.books, now)
        seen = {tracked.key: tracked.job for tracked in observed.jobs}
        began = time.perf_counter()
        inputs = Inputs(
            moment=datetime.fromtimestamp(now, tz=UTC),
            pools=pools,
            tenants=tuple(self._accounts.current(tenant, now) for tenant in tenants),
            jobs=tuple(seen.values()),
            nodes=tuple(observed.node_records.values()),
            pods=tuple(pod for pod in observed.pod_records.values() if not self._handovers.hides(pod)),
        )
        try:
            snapshot, plan = await asyncio.to_thread(self._plan_for, inputs)
            self._edge = next_edge(snapshot.pools.values(), now)
            self._instruments.observe_decision(time.perf_counter() - began)
            if self._settings.check_invariants:
                await asyncio.to_thread(self._check, snapshot, plan)
        except Exception:  # noqa: BLE001 - what is running must go on being looked after; `/healthz` tells of it
            _log.exception("no decision: the engine failed")
            self.latest = Latest(inputs, None)
            return False
        self._plan, self.latest = plan, Latest(inputs, plan)
        self._applier.apply(plan, seen, self._tenants(), now)
        return True

    def _plan_for(self, inputs: Inputs) -> tuple[Snapshot, Plan]:
        snapshot = self._engine.snapshot(
            inputs.moment, inputs.pools, inputs.tenants, inputs.jobs, inputs.nodes, inputs.pods
        )
        return snapshot, self._engine.decide(snapshot)

    def _check(self, snapshot: Snapshot, plan: Plan) -> None:
        for violation in self._engine.check(snapshot, plan):
            _log.error("invariant broken: %s: %s: %s", violation.invariant, violation.about, violation.message)

    def _act(self, now: float) -> None:
        observed = self._observed
        self._applier.settle_waits()
        touched, observed.jobs.touched = observed.jobs.touched, set()
        for key in touched:
            tracked = observed.jobs.get(key)
            self._actor.tell_unreadable(key)
            if tracked is None:
                self._deadlines.pop(key, None)
                self._setbacks.forget(key)
                continue
            at = self._setbacks.until(tracked, now) or self._act_alone(tracked, now)
            if at is None:
                self._deadlines.pop(key, None)
            else:
                self._deadlines[key] = at if at > now else now + _SOON_S
        self._handovers.look(observed.pools, observed.jobs, observed.pod_records.values(), self._tenants())
        self._figures.write(observed.tenants, observed.pools, observed.node_records.values(), self._plan.books, now)

    def _act_alone(self, tracked: Tracked, now: float) -> float | None:
        """Have done what is due for a job, whatever goes wrong with it; returns when it must be looked at again."""
        try:
            times = (self._actor.schedule(tracked), next_deadline(tracked.job, now, self._settings.start_timeout_s))
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns one job
            self._setbacks.failed(tracked, Stage.ACT, error, now)
            return self._setbacks.until(tracked, now)
        return min((time for time in times if time is not None), default=None)

    def _publish(self, now: float) -> None:
        self.cycles += 1
        tenants = self._tenants()
        jobs: dict[tuple[str | None, Phase], int] = {}
        for tracked in self._observed.jobs:
            at = (tenants.get(tracked.observed.metadata.namespace or ""), tracked.assumed.phase)
            jobs[at] = jobs.get(at, 0) + 1
        self._instruments.publish(
            OperatorSnapshot(
                leader=True,
                cycle=self.cycles,
                cycle_ended=now,
                books=self._plan.books,
                jobs=jobs,
                unusable_gpus=_unusable(
                    tuple(self._observed.pools), tuple(self._observed.node_records.values()), self._plan
                ),
            )
        )

    def _tenants(self) -> Mapping[str, str]:
        return self._observed.tenant_by_namespace()


def _unusable(pools: tuple[GPUPool, ...], nodes: tuple[NodeRecord, ...], plan: Plan) -> dict[str, int]:
    """GPUs that are there and are no capacity."""
    unusable = {}
    for pool in pools:
        there = sum(node.allocatable.get(pool.spec.resource, 0) for node in nodes if selects(pool, node))
        book = plan.books.get(pool.metadata.name)
        unusable[pool.metadata.name] = max(0, there - book.capacity) if book else 0
    return unusable
