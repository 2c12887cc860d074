"""An estate in virtual time: plans are carried out, workers take their grace to end, jobs end, nodes come and go.

What the operator and the cluster do to jobs, on the engine's own records and without either.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from entente.api.job import Phase
from entente.api.reasons import Reason
from entente.engine.decisions import Evict, Grow, Hold, Plan, Shrink, Start, Wait
from entente.engine.model import HOLDING_PHASES, Job, Placement, Pool, Snapshot, Tenant
from entente.engine.planner import decide
from entente.engine.transitions import started, stopped, told_to_stop
from entente.engine.windows import next_edge

LOST_POD_S = 30.0
"""Time that the healthy workers of a gang get to stop when a node is lost."""

_NEVER = float("inf")

_MOST_IN_A_ROW = 3


@dataclass(slots=True)
class World:
    """A snapshot that changes as time passes."""

    snapshot: Snapshot
    lengths: dict[str, float] = field(default_factory=dict)
    """Seconds of running after which a job is done, by key; known to nobody else. Without an entry it runs for ever."""
    handovers: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Nodes that are being handed over: to whom, and when that is done."""
    watch: Callable[[Snapshot, Plan], None] = lambda _, __: None
    """Told of every decision before it is carried out."""

    @property
    def now(self) -> float:
        return self.snapshot.now

    def decide(self) -> Plan:
        """One decision, carried out; what starts in it is news for the next one, which follows at once."""
        first = plan = self._decide_once()
        for _ in range(_MOST_IN_A_ROW):
            if not any(isinstance(d, Start) for d in plan.decisions):
                break
            plan = self._decide_once()
        return first

    def _decide_once(self) -> Plan:
        plan = decide(self.snapshot)
        self.watch(self.snapshot, plan)
        for decision in plan.decisions:
            self._carry_out(decision)
        self._tell_standings(plan)
        self._begin_handovers()
        return plan

    def put(self, job: Job) -> None:
        self.snapshot = replace(self.snapshot, jobs={**self.snapshot.jobs, job.key: job})

    def drop(self, key: str) -> None:
        self.snapshot = replace(self.snapshot, jobs={k: j for k, j in self.snapshot.jobs.items() if k != key})

    def next_event(self) -> float:
        """When something happens by itself."""
        moments = [self._ends(job) for job in self.snapshot.jobs.values()]
        moments += [until for _, until in self.handovers.values()]
        edge = next_edge(self.snapshot.pools.values(), self.now)
        return min(moments if edge is None else [*moments, edge], default=_NEVER)

    def advance(self, until: float) -> None:
        """Let time pass; everything that happens by itself happens, and after each event a decision is made."""
        while (moment := self.next_event()) <= until:
            self.snapshot = replace(self.snapshot, now=max(self.now, moment))
            self._happen()
            self.decide()
        self.snapshot = replace(self.snapshot, now=max(self.now, until))

    def lose_node(self, name: str) -> None:
        """A node is not ready any more: its workers are lost, and their gangs stop."""
        self._node(name, usable=False, lost=True)
        self.decide()
        for job in self.snapshot.jobs.values():
            if job.placement and name in job.placement.nodes and job.phase in HOLDING_PHASES:
                until = job.stopping_until if job.phase is Phase.STOPPING else self.now + LOST_POD_S
                self.put(replace(job, phase=Phase.STOPPING, stopping_until=until, hold=None, hold_until=None))
            elif job.hold and name in job.hold.nodes:
                self.put(replace(job, hold=None, hold_until=None))

    def drop_node(self, name: str) -> None:
        self.lose_node(name)
        self.handovers.pop(name, None)
        self.snapshot = replace(self.snapshot, nodes={n: it for n, it in self.snapshot.nodes.items() if n != name})

    def cordon(self, name: str) -> None:
        """A node takes no new pods; what runs there goes on."""
        self._node(name, usable=False, lost=False)

    def return_node(self, name: str) -> None:
        self._node(name, usable=True, lost=False)

    def suspend(self, key: str) -> None:
        job = replace(self.snapshot.jobs[key], suspend=True, hold=None, hold_until=None)
        if job.phase in (Phase.STARTING, Phase.RUNNING):
            job = replace(job, phase=Phase.STOPPING, stopping_until=self.now + LOST_POD_S, since=None)
        self.put(job)

    def resume(self, key: str) -> None:
        self.put(replace(self.snapshot.jobs[key], suspend=False, pending_since=self.now))

    def stop_early(self, key: str) -> None:
        """A job that was told to stop needs less time than it has."""
        self.put(stopped(self.snapshot.jobs[key], self.now))

    def fail(self, key: str, backoff_s: float) -> None:
        """A worker dies, and the gang starts again from its checkpoint after some time."""
        failed = stopped(self.snapshot.jobs[key], self.now)
        self.put(replace(failed, since=None, backoff_until=self.now + backoff_s))

    def jump(self, seconds: float) -> None:
        """Time passes in which nobody looks: what was due is seen late, at the next event."""
        self.snapshot = replace(self.snapshot, now=self.now + seconds)

    def put_pool(self, pool: Pool) -> None:
        self.snapshot = replace(self.snapshot, pools={**self.snapshot.pools, pool.name: pool})

    def put_tenant(self, tenant: Tenant) -> None:
        self.snapshot = replace(self.snapshot, tenants={**self.snapshot.tenants, tenant.name: tenant})

    def _node(self, name: str, *, usable: bool, lost: bool) -> None:
        node = replace(self.snapshot.nodes[name], usable=usable, lost=lost)
        self.snapshot = replace(self.snapshot, nodes={**self.snapshot.nodes, name: node})

    def _carry_out(self, decision: Start | Hold | Evict | Shrink | Grow | Wait) -> None:
        job = self.snapshot.jobs[decision.job]
        match decision:
            case Start() if job.phase is Phase.PENDING:
                self._start(job, decision)
            case Hold(pool=pool, nodes=nodes, until=until):
                self.put(replace(job, hold=Placement(pool, dict(nodes)), hold_until=until))
            case Evict():
                self.put(told_to_stop(job, decision, self.now))
            case Shrink(pool=pool, nodes=nodes):
                told = job if job.phase is Phase.STOPPING else told_to_stop(job, decision, self.now)
                kept = Placement(pool, dict(nodes))
                self.put(replace(told, hold=kept, hold_until=told.stopping_until))
            case Grow(pool=pool, nodes=nodes):
                told = told_to_stop(job, decision, self.now)
                self.put(replace(told, hold=Placement(pool, dict(nodes)), hold_until=told.stopping_until))
            case Wait(reason=reason) if job.phase is Phase.PENDING and reason is not Reason.HELD:
                self.put(replace(job, hold=None, hold_until=None))
            case _:
                pass

    def _start(self, job: Job, decision: Start) -> None:
        nodes = dict(self.snapshot.nodes)
        for name in decision.nodes:
            nodes[name] = replace(nodes[name], last_tenant=job.tenant)
        self.snapshot = replace(self.snapshot, nodes=nodes)
        self.put(started(job, decision, self.now))

    def _tell_standings(self, plan: Plan) -> None:
        for key, job in self.snapshot.jobs.items():
            standing = plan.standings.get(key)
            runs = standing is not None and standing.notice_runs and job.phase is Phase.PENDING
            since = (self.now if job.entitled_since is None else job.entitled_since) if runs else None
            if since != job.entitled_since:
                self.put(replace(job, entitled_since=since))

    def _begin_handovers(self) -> None:
        """A node that is held for another tenant is handed over once nothing is on it any more."""
        busy = {n for j in self.snapshot.jobs.values() if j.placement for n in j.placement.nodes}
        for job in self.snapshot.jobs.values():
            if job.hold is None or self.snapshot.pools[job.hold.pool].handover_s is None:
                continue
            for name in job.hold.nodes:
                node = self.snapshot.nodes[name]
                if name not in busy and name not in self.handovers and node.last_tenant not in (None, job.tenant):
                    seconds = self.snapshot.pools[job.hold.pool].handover_s or 0.0
                    self.handovers[name] = (job.tenant or "", self.now + seconds)

    def _ends(self, job: Job) -> float:
        if job.phase is Phase.STOPPING:
            return self.now if job.stopping_until is None else job.stopping_until
        if job.phase is not Phase.RUNNING or job.started is None:
            return _NEVER
        longest = min(self.lengths.get(job.key, _NEVER), _NEVER if job.max_s is None else job.max_s)
        return max(self.now, job.started + longest - job.run_s)

    def _happen(self) -> None:
        for key, job in list(self.snapshot.jobs.items()):
            if self._ends(job) <= self.now:
                if job.phase is Phase.STOPPING:
                    self.put(stopped(job, self.now))
                else:
                    self.drop(key)
        for name, (tenant, until) in list(self.handovers.items()):
            if until <= self.now:
                del self.handovers[name]
                node = replace(self.snapshot.nodes[name], last_tenant=tenant)
                self.snapshot = replace(self.snapshot, nodes={**self.snapshot.nodes, name: node})
