"""Builders for replays: a small site, jobs with named defaults, and a policy that does what a test tells it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from entente.engine.model import Terms
from entente.simulator.policy import Action, Place, SimJob, Site
from tests.support.estates import POOL, PoolFields, estate


class SimFields(TypedDict, total=False):
    tenant: str
    workers: int
    gpus_per_worker: int
    submitted: float
    pools: tuple[str, ...]
    expected_s: float | None
    max_s: float | None
    min_workers: int | None
    max_workers: int | None
    interval_s: float
    grace_s: float | None


def a_site(tenants: Mapping[str, int | Terms], *, hosts: int = 2, gpus: int = 8, **pool: Unpack[PoolFields]) -> Site:
    """A pool of equal hosts `h100-0`..., and tenants with these guarantees."""
    draft = estate().pool(hosts=hosts, gpus=gpus, **pool)
    for name, terms in tenants.items():
        draft = draft.tenant(name, terms)
    made = draft.snapshot()
    return Site(made.pools, made.nodes, made.tenants)


def a_sim_job(key: str, **fields: Unpack[SimFields]) -> SimJob:
    """A job of one worker with one GPU, submitted at time 0 by the tenant of the key's first part."""
    plain = SimJob(key, key.partition("/")[0], 1, 1, 0.0, (POOL,))
    return replace(plain, **fields)


@dataclass
class Told:
    """A policy that is told what to do: by time, the actions; it writes down what it is told."""

    script: Mapping[float, Sequence[Action]] = field(default_factory=dict)
    wakes: Sequence[float] = ()
    heard: list[tuple[str, str, float]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    _done: set[float] = field(default_factory=set)

    def arrived(self, job: SimJob, now: float) -> None:
        self.heard.append(("arrived", job.key, now))

    def finished(self, key: str, now: float) -> None:
        self.heard.append(("finished", key, now))

    def stopped(self, key: str, now: float) -> None:
        self.heard.append(("stopped", key, now))

    def restarted(self, key: str, now: float) -> None:
        self.heard.append(("restarted", key, now))

    def host_lost(self, host: str, now: float) -> None:
        self.heard.append(("lost", host, now))

    def host_back(self, host: str, now: float) -> None:
        self.heard.append(("back", host, now))

    def decide(self, now: float) -> Sequence[Action]:
        self.asked.append(now)
        if now in self._done:
            return ()
        self._done.add(now)
        return self.script.get(now, ())

    def next_wake(self) -> float | None:
        return next((at for at in (*self.wakes, *self.script) if at > self.asked[-1]), None)


@dataclass
class Eager:
    """A policy that puts single workers on the first host with room, in the order in which they come."""

    site: Site
    queue: list[SimJob] = field(default_factory=list)
    known: dict[str, SimJob] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    free: dict[str, int] = field(init=False)
    watch: Callable[[float], None] = lambda _: None

    def __post_init__(self) -> None:
        self.free = {name: node.gpus for name, node in self.site.nodes.items()}

    def arrived(self, job: SimJob, now: float) -> None:
        self.known[job.key] = job
        self.queue.append(job)
        self.watch(now)

    def finished(self, key: str, now: float) -> None:
        self.free[self.places.pop(key)] += self.known[key].gpus
        self.watch(now)

    def stopped(self, key: str, now: float) -> None:
        self.finished(key, now)
        self.queue.insert(0, self.known[key])

    def restarted(self, key: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        self.watch(now)

    def host_lost(self, host: str, now: float) -> None:
        self.free[host] -= 1000
        self.watch(now)

    def host_back(self, host: str, now: float) -> None:
        self.free[host] += 1000
        self.watch(now)

    def decide(self, now: float) -> Sequence[Action]:
        self.watch(now)
        actions = []
        for job in tuple(self.queue):
            host = next((name for name, free in self.free.items() if free >= job.gpus), None)
            if host is not None:
                self.queue.remove(job)
                self.free[host] -= job.gpus
                self.places[job.key] = host
                actions.append(Place(job.key, {host: 1}))
        return actions

    def next_wake(self) -> float | None:
        return None
