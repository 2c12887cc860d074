"""Builders of the engine's snapshots: what a test does not say has a named default.

    estate().pool(hosts=2).tenant("anthropic", 8).tenant("xai", 8).running("xai/a", {"h100-0": 8})

A job's key is `namespace/name`; its tenant is the one of the namespace's name.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypedDict, TypeVar, Unpack

from entente.api.job import EvictionCause, Phase
from entente.api.tenant import WhenSpent
from entente.engine.model import BarePods, Job, Node, PastEviction, Placement, Pool, Snapshot, Tenant, Terms, Window

T = TypeVar("T")

NOW = 1_800_000_000.0
HOUR_S = 3600.0
POOL = "h100"
RACK = "rack"
HOST = "host"

PRIORITIES = {"high": 1000, "default": 100, "low": 10}


class PoolFields(TypedDict, total=False):
    levels: tuple[str, ...]
    notice_s: float
    min_runtime_s: float
    max_at_risk_s: float
    exclusive: bool
    handover_s: float | None
    half_life_s: float
    windows: tuple[Window, ...]


class NodeFields(TypedDict, total=False):
    gpus: int
    usable: bool
    lost: bool
    last_tenant: str | None
    handover_failed: bool
    foreign: int


class TenantFields(TypedDict, total=False):
    priorities: Mapping[str, int]
    default_priority: int
    shortest_first: bool
    spent: WhenSpent | None


class JobFields(TypedDict, total=False):
    tenant: str | None
    workers: int
    gpus_per_worker: int
    submitted: float
    pools: tuple[str, ...] | None
    priority: str | None
    phase: Phase
    suspend: bool
    level: str | None
    required: bool
    interval_s: float | None
    grace_s: float | None
    expected_s: float | None
    max_s: float | None
    since: float | None
    on_call: bool
    started: float | None
    last_checkpoint: float | None
    run_s: float
    restart_s: float | None
    evictions: tuple[PastEviction, ...]
    pending_since: float | None
    entitled_since: float | None
    backoff_until: float | None
    stopping_until: float | None
    hold: Placement | None
    hold_until: float | None


def a_pool(name: str = POOL, **fields: Unpack[PoolFields]) -> Pool:
    """A `Shared` pool of racks and hosts, with the promises that are the defaults of a GPUPool."""
    plain = Pool(
        name=name,
        levels=(RACK, HOST),
        notice_s=300.0,
        min_runtime_s=600.0,
        max_at_risk_s=3600.0,
        exclusive=False,
        handover_s=None,
        half_life_s=0.0,
    )
    return replace(plain, **fields)


def a_node(name: str, pool: str = POOL, *, rack: str = "r0", **fields: Unpack[NodeFields]) -> Node:
    """A host of eight GPUs in a rack."""
    return replace(Node(name, pool, 8, (rack, f"{rack}/{name}")), **fields)


def a_tenant(name: str, terms: Mapping[str, Terms | int] | Terms | int, **fields: Unpack[TenantFields]) -> Tenant:
    """A tenant with three priorities; a number in place of terms is a guarantee."""
    by_pool = {POOL: terms} if isinstance(terms, (Terms, int)) else terms
    rows = {p: t if isinstance(t, Terms) else Terms(t) for p, t in by_pool.items()}
    return replace(Tenant(name, rows, PRIORITIES, PRIORITIES["default"]), **fields)


def a_job(key: str, *, elastic: tuple[int, int] | None = None, **fields: Unpack[JobFields]) -> Job:
    """A pending job of one worker with one GPU, submitted an hour ago."""
    plain = Job(
        key=key,
        tenant=key.partition("/")[0],
        workers=1,
        gpus_per_worker=1,
        submitted=NOW - HOUR_S,
        min_workers=0,
        max_workers=0,
    )
    said = replace(plain, **fields)
    least, most = elastic or (said.workers, said.workers)
    return replace(said, min_workers=least, max_workers=most, elastic=elastic is not None)


def evicted(*ago_s: float, cause: EvictionCause = EvictionCause.GUARANTEE) -> tuple[PastEviction, ...]:
    """Evictions so many seconds ago."""
    return tuple(PastEviction(NOW - ago, cause) for ago in ago_s)


@dataclass(frozen=True, slots=True)
class Draft:
    """A snapshot in the making; each step returns a new draft."""

    made: Snapshot

    def pool(
        self, name: str = POOL, *, hosts: int = 1, gpus: int = 8, racks: int = 1, **fields: Unpack[PoolFields]
    ) -> "Draft":
        """A pool of equal hosts `<pool>-0`..., spread over racks in order."""
        pools = {**self.made.pools, name: a_pool(name, **fields)}
        nodes = dict(self.made.nodes)
        for index in range(hosts):
            node = a_node(f"{name}-{index}", name, rack=f"r{index * racks // hosts}", gpus=gpus)
            nodes[node.name] = node
        return Draft(replace(self.made, pools=pools, nodes=nodes))

    def node(self, name: str, pool: str = POOL, *, rack: str = "r0", **fields: Unpack[NodeFields]) -> "Draft":
        """One more node, or a node in place of the one of this name."""
        return Draft(replace(self.made, nodes={**self.made.nodes, name: a_node(name, pool, rack=rack, **fields)}))

    def tenant(
        self, name: str, terms: Mapping[str, Terms | int] | Terms | int, **fields: Unpack[TenantFields]
    ) -> "Draft":
        """One more tenant, or a tenant in place of the one of this name."""
        tenants = {**self.made.tenants, name: a_tenant(name, terms, **fields)}
        return Draft(replace(self.made, tenants=tenants))

    def pending(self, key: str, *, elastic: tuple[int, int] | None = None, **fields: Unpack[JobFields]) -> "Draft":
        return self.job(a_job(key, elastic=elastic, **fields))

    def running(
        self,
        key: str,
        nodes: Mapping[str, int],
        *,
        ran_s: float = HOUR_S,
        elastic: tuple[int, int] | None = None,
        **fields: Unpack[JobFields],
    ) -> "Draft":
        """A running job with so many workers on each node; without reports and estimates."""
        placement = Placement(self.made.nodes[next(iter(nodes))].pool, nodes)
        said: JobFields = {"workers": placement.workers, **fields}
        job = a_job(key, elastic=elastic, **said)
        since = NOW - ran_s if job.since is None else job.since
        started = since if job.started is None else job.started
        phase = Phase.RUNNING if job.phase is Phase.PENDING else job.phase
        return self.job(replace(job, phase=phase, placement=placement, since=since, started=started))

    def stopping(
        self, key: str, nodes: Mapping[str, int], *, until: float = NOW + 30.0, **fields: Unpack[JobFields]
    ) -> "Draft":
        """A job that was told to stop and has not ended yet."""
        said: JobFields = {"phase": Phase.STOPPING, "stopping_until": until, **fields}
        return self.running(key, nodes, **said)

    def job(self, job: Job) -> "Draft":
        """One more job, or a job in place of the one of this key."""
        return Draft(replace(self.made, jobs={**self.made.jobs, job.key: job}))

    def bare_pods(self, node: str, tenant: str, gpus: int, *, going: bool = False) -> "Draft":
        """GPUs of a node in use by pods of a tenant that no job owns."""
        return Draft(replace(self.made, bare=(*self.made.bare, BarePods(node, tenant, gpus, going))))

    def at(self, now: float) -> "Draft":
        """The same at another moment."""
        return Draft(replace(self.made, now=now))

    def snapshot(self) -> Snapshot:
        return self.made


def estate() -> Draft:
    return Draft(Snapshot(NOW, {}, {}, {}, {}))


def shuffled(snapshot: Snapshot, seed: int) -> Snapshot:
    order = random.Random(seed)  # noqa: S311 - an order for a test, no secret

    def mixed(items: Mapping[str, T]) -> dict[str, T]:
        names = list(items)
        order.shuffle(names)
        return {name: items[name] for name in names}

    def job(it: Job) -> Job:
        placement = it.placement and replace(it.placement, nodes=mixed(it.placement.nodes))
        hold = it.hold and replace(it.hold, nodes=mixed(it.hold.nodes))
        return replace(it, placement=placement, hold=hold)

    bare = list(snapshot.bare)
    order.shuffle(bare)
    return replace(
        snapshot,
        pools=mixed(snapshot.pools),
        nodes=mixed(snapshot.nodes),
        tenants=mixed(snapshot.tenants),
        jobs=mixed({key: job(it) for key, it in snapshot.jobs.items()}),
        bare=tuple(bare),
    )
