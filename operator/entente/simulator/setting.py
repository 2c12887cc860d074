"""From pools, tenants, a scenario and a trace to what a replay needs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

from entente.api.pool import GPUPool
from entente.api.tenant import Order
from entente.api.tenant import Tenant as TenantResource
from entente.engine.intake import snapshot
from entente.engine.model import DAY_S, Node, Pool, Tenant, Terms
from entente.simulator.failures import failures
from entente.simulator.gangs import gang
from entente.simulator.policy import SimJob, Site
from entente.simulator.quotas import QuotaError, proportional
from entente.simulator.replay import Conditions
from entente.simulator.scenario import Estimates, ScenarioSpec, TenantTemplate
from entente.simulator.trace import TraceError, TraceJob, compressed, thinned, window

_START = datetime.fromtimestamp(0, tz=UTC)
_QUOTAS = "quotas"


class SettingError(Exception):
    """Pools, tenants and scenario do not go together: says what of which object."""

    def __init__(self, about: str, message: str) -> None:
        super().__init__(f"{about}: {message}")


@dataclass(frozen=True, slots=True)
class Setting:
    """A replay that may begin, with any policy."""

    site: Site
    jobs: tuple[tuple[SimJob, float], ...]
    """With their durations in seconds, in the order of submission."""
    conditions: Conditions
    window_s: float
    """End of the submissions."""
    load: float
    """GPUs asked for, on average over the window, as part of the capacity."""
    too_large: int
    """Jobs left out: no pool that they may use can ever hold them."""
    rounded: int
    """Jobs that asked for a part of a GPU and get a whole one."""


def build(
    pools: Sequence[GPUPool],
    tenants: Sequence[TenantResource],
    scenario: ScenarioSpec,
    trace: Sequence[TraceJob],
    source: str,
) -> Setting:
    """Make a setting.

    Args:
        pools: with a `simulated` block each.
        tenants: none where the scenario makes them from the trace.
        scenario: the rest.
        trace: in the order of submission.
        source: where the trace is from, for messages.

    Raises:
        SettingError: what is given does not go together.
        TraceError: a job of the trace is of no tenant.
    """
    for pool in pools:
        if pool.spec.simulated is None:
            _refuse(f"GPUPool {pool.metadata.name}", "spec.simulated: missing; a replay makes its hosts by it")
    taken = snapshot(_START, pools, tenants, [], [], [])
    if not taken.pools:
        _refuse("GPUPool", "none is given")
    capacity = sum(node.capacity for node in taken.nodes.values())
    jobs, window_s = _scaled(_within(trace, scenario), scenario, capacity, _begin_day(trace, scenario))
    if not jobs:
        _refuse(source, "no job of the trace is in the window")
    site = Site(taken.pools, taken.nodes, taken.tenants)
    if scenario.quotas is not None:
        site = Site(taken.pools, taken.nodes, _made(site, tenants, scenario, jobs))
    elif not site.tenants:
        _refuse("Tenant", "none is given, and the scenario does not make any (quotas)")
    made = _Maker(site, pools, scenario, source)
    sim = [(made.job(job), job.duration_s) for job in jobs]
    fitting = tuple((job, duration) for job, duration in sim if job is not None)
    largest: dict[str, int] = {}
    for fits, _ in fitting:
        largest[fits.tenant] = max(largest.get(fits.tenant, 0), fits.gpus)
    return Setting(
        site=replace(site, largest=largest),
        jobs=fitting,
        conditions=_conditions(site, scenario),
        window_s=window_s,
        load=sum(job.gpus * duration for job, duration in fitting) / max(1.0, capacity * window_s),
        too_large=len(sim) - len(fitting),
        rounded=sum(job.rounded for job in jobs),
    )


def _refuse(about: str, message: str) -> NoReturn:
    raise SettingError(about, message)


def _begin_day(trace: Sequence[TraceJob], scenario: ScenarioSpec) -> float:
    first = trace[0].submit_s / DAY_S if trace else 0.0
    return first if scenario.window.from_day is None else scenario.window.from_day


def _within(trace: Sequence[TraceJob], scenario: ScenarioSpec) -> list[TraceJob]:
    jobs = window(trace, _begin_day(trace, scenario), scenario.window.to_day)
    return thinned(jobs, scenario.thinning.keep, scenario.thinning.seed) if scenario.thinning else jobs


def _scaled(
    jobs: list[TraceJob], scenario: ScenarioSpec, capacity: int, from_day: float
) -> tuple[list[TraceJob], float]:
    last = max((job.submit_s for job in jobs), default=0.0)
    to_day = scenario.window.to_day
    span = last if to_day is None else (to_day - from_day) * DAY_S
    factor = scenario.load
    if scenario.target_load is not None and (work := sum(job.gpu_s for job in jobs)):
        factor = scenario.target_load * capacity * max(1.0, span) / work
    return (jobs, span) if factor == 1 else (compressed(jobs, factor), span / factor)


def _made(
    site: Site, given: Sequence[TenantResource], scenario: ScenarioSpec, jobs: Iterable[TraceJob]
) -> dict[str, Tenant]:
    """Tenants of the trace, with guarantees in proportion to their work."""
    if given:
        _refuse(f"Tenant {given[0].metadata.name}", "the scenario makes its tenants from the trace (quotas)")
    if len(site.pools) > 1:
        _refuse(_QUOTAS, f"need one GPUPool, and there are {len(site.pools)}")
    (pool,) = site.pools.values()
    work: dict[str, float] = {}
    least: dict[str, int] = {}
    capacity = site.capacity(pool.name)
    for job in jobs:
        work[job.tenant] = work.get(job.tenant, 0.0) + job.gpu_s
        if job.gpus <= capacity:
            least[job.tenant] = max(least.get(job.tenant, 0), job.gpus)
    sizes = {node.capacity for node in site.nodes.values()}
    unit = sizes.pop() if pool.exclusive and len(sizes) == 1 else 1
    template = scenario.tenants or TenantTemplate()
    try:
        guaranteed = proportional(capacity, work, {name: least.get(name, 0) for name in work}, unit)
    except QuotaError as error:
        raise SettingError(_QUOTAS, str(error)) from error
    return {
        name: Tenant(
            name,
            {pool.name: Terms(gpus, borrow_limit=template.borrow_limit, weight=template.weight)},
            shortest_first=template.order is Order.SHORTEST_FIRST,
        )
        for name, gpus in guaranteed.items()
    }


def _conditions(site: Site, scenario: ScenarioSpec) -> Conditions:
    failing = scenario.failures
    if failing is None:
        return Conditions(scenario.stop_seconds, scenario.checkpoint.restart_seconds)
    return Conditions(
        scenario.stop_seconds,
        scenario.checkpoint.restart_seconds,
        failing.restart_seconds,
        failing.host_down_seconds,
        partial(failures, site.nodes, failing.per_thousand_gpus_per_day, failing.seed),
    )


class _Maker:
    def __init__(self, site: Site, pools: Sequence[GPUPool], scenario: ScenarioSpec, source: str) -> None:
        self._site, self._scenario, self._source = site, scenario, source
        self._hosts: dict[str, list[Node]] = {pool: [] for pool in site.pools}
        for node in site.nodes.values():
            self._hosts[node.pool].append(node)
        self._largest = {pool: max(node.gpus for node in hosts) for pool, hosts in self._hosts.items()}
        self._by_type: dict[str, set[str]] = {}
        for pool in pools:
            for word in (pool.metadata.name, *pool.spec.node_selector.values()):
                self._by_type.setdefault(word, set()).add(pool.metadata.name)
        self._room: dict[tuple[str, int], int] = {}

    def job(self, job: TraceJob) -> SimJob | None:
        """The job as it is submitted; none when no pool can ever hold it."""
        tenant = self._site.tenants.get(job.tenant)
        if tenant is None:
            known = ", ".join(sorted(self._site.tenants))
            raise TraceError(self._source, job.line, f"tenant: {job.tenant!r} is no Tenant of the scenario ({known})")
        pools = self._pools(tenant, self._site.pools, job)
        if not pools:
            return None
        workers, each = gang(job.gpus, self._largest[pools[0]])
        fitting = tuple(pool for pool in pools if self._slots(pool, each) >= workers)
        checkpoint = self._scenario.checkpoint
        if not fitting:
            return None
        return SimJob(
            key=f"{job.tenant}/{job.job_id}",
            tenant=job.tenant,
            workers=workers,
            gpus_per_worker=each,
            submitted=job.submit_s,
            pools=fitting,
            expected_s=job.duration_s if self._scenario.estimates is Estimates.EXACT else None,
            interval_s=checkpoint.interval_seconds,
            grace_s=checkpoint.grace_seconds,
        )

    def _pools(self, tenant: Tenant, pools: Mapping[str, Pool], job: TraceJob) -> list[str]:
        wanted = self._by_type.get(job.gpu_type, set())
        return [name for name in tenant.terms if name in pools and (not wanted or name in wanted)]

    def _slots(self, pool: str, each: int) -> int:
        """Workers of so many GPUs that a pool can hold."""
        if (pool, each) not in self._room:
            self._room[pool, each] = sum(node.capacity // each for node in self._hosts[pool])
        return self._room[pool, each]
