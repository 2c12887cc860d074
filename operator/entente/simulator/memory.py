"""Rule 3's memory of past borrowing, kept up in a replay as the operator does in a cluster."""

import math
from collections.abc import Iterator
from dataclasses import replace

from entente.engine.guarantees import pool_quotas
from entente.engine.model import Job, Tenant
from entente.simulator.policy import Site

TELL_EVERY_S = 600.0
"""The planner is told new figures at most so often: each telling concerns all jobs, and a half-life is days."""

_Key = tuple[str, str]
"""Tenant and pool."""


class Memory:
    """GPU-seconds borrowed by tenant and pool, decayed. Guarantees are those of the whole estate: no host is lost."""

    def __init__(self, site: Site) -> None:
        self._tenants = dict(site.tenants)
        self._nodes = site.nodes
        self._half_lives: dict[str, float] = {}
        self._exclusive = {name for name, pool in site.pools.items() if pool.exclusive}
        self._guaranteed: dict[_Key, int] = {}
        for name, pool in site.pools.items():
            if pool.half_life_s > 0:
                self._half_lives[name] = pool.half_life_s
                hosts = [node for node in site.nodes.values() if node.pool == name]
                quotas = pool_quotas(pool, hosts, site.tenants.values(), 0.0).quotas
                self._guaranteed |= {(tenant, name): quota.guaranteed for tenant, quota in quotas.items()}
        self._charged = dict.fromkeys(self._guaranteed, 0)
        self._jobs_on: dict[tuple[str, str], int] = {}
        """By tenant and host, where the hosts are exclusive."""
        self._borrowed = dict.fromkeys(self._guaranteed, 0.0)
        self._as_of = dict.fromkeys(self._guaranteed, 0.0)
        self._news: set[str] = set()
        """Tenants that borrowed since the planner was told."""
        self._told = 0.0

    def started(self, job: Job, now: float) -> None:
        """A job is charged to its tenant from now on."""
        self._charge(job, 1, now)

    def ended(self, job: Job, now: float) -> None:
        """It is charged no more: it is done, or told to stop."""
        self._charge(job, -1, now)

    def due(self, now: float) -> bool:
        """Whether the planner is to be told again."""
        return bool(self._half_lives) and now - self._told >= TELL_EVERY_S

    def tenants(self, now: float) -> Iterator[Tenant]:
        """Who borrowed since the last time, with the figures as they are now."""
        self._told = now
        for key in self._guaranteed:
            self._bring_up(key, now)
        news = sorted(self._news)
        self._news = {tenant for tenant, pool in self._guaranteed if self._rate((tenant, pool))}
        for name in news:
            tenant = self._tenants[name]
            terms = {
                pool: replace(row, borrowed_gpu_s=self._borrowed[name, pool], as_of=now)
                if (name, pool) in self._borrowed
                else row
                for pool, row in tenant.terms.items()
            }
            yield replace(tenant, terms=terms)

    def _charge(self, job: Job, sign: int, now: float) -> None:
        place = job.placement
        if place is None or (key := (job.tenant or "", place.pool)) not in self._guaranteed:
            return
        self._bring_up(key, now)
        if place.pool not in self._exclusive:
            self._charged[key] += sign * place.workers * job.gpus_per_worker
        else:
            for host in place.nodes:
                before = self._jobs_on.get((key[0], host), 0)
                self._jobs_on[key[0], host] = before + sign
                if not before or not before + sign:
                    self._charged[key] += sign * self._nodes[host].capacity
        if self._rate(key):
            self._news.add(key[0])

    def _rate(self, key: _Key) -> int:
        return max(0, self._charged[key] - self._guaranteed[key])

    def _bring_up(self, key: _Key, now: float) -> None:
        """Count the time since the last change, at a constant rate."""
        elapsed, self._as_of[key] = now - self._as_of[key], now
        rate = math.log(2) / self._half_lives[key[1]]
        faded = -math.expm1(-rate * elapsed)
        self._borrowed[key] = self._borrowed[key] * (1 - faded) + self._rate(key) * faded / rate
