"""Where a gang must stand in one domain: its candidates, domain by domain."""

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from entente.engine.bounds import NO_OWN, NOTHING, Bound, Bounds
from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import Ground
from entente.engine.limits import beyond_right, test_of
from entente.engine.option import Group
from entente.engine.victims import EXACT_CANDIDATES, NO_MATTER, Cost, Test, at_least, cost

Choice = tuple[Cost, list[Group], Test]
"""What a domain's candidates cost at the least, who they are, and their test."""


def by_domain(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group]) -> Iterator[Choice]:
    """The candidates of each domain, with their test and what they cost at the least: the cheapest first.

    Nothing where the gang may be spread over the pool. A gang of one worker stands on one host. Beside the jobs in the
    domain, the cheapest own ones elsewhere are candidates where the tenant's own limits bind. A domain is looked at
    closely only when a first, lower bound of its cost is the lowest.
    """
    domains = _domains(claim, ground, groups)
    hosts: dict[str, set[str]] = {}
    for name, domain in domains.items():
        hosts.setdefault(domain, set()).add(name)
    inside: dict[str, list[Group]] = {}
    for group in groups:
        for domain in sorted({domains[name] for name in group[-1].freed if name in domains}):
            inside.setdefault(domain, []).append(group)
    own = _own_elsewhere(cycle, claim, groups)
    beside = _own_beside(claim, own, beyond_right(cycle, claim, ground, groups))
    heap: list[tuple[Cost, str, Choice | None]] = [
        (bound, domain, None)
        for domain, there in inside.items()
        if (bound := _first_bound(claim, ground, hosts[domain], there, beside)) is not None
    ]
    heapq.heapify(heap)
    while heap:
        _, domain, choice = heapq.heappop(heap)
        if choice is not None:
            yield choice
            continue
        there = inside[domain]
        elsewhere = [g for g in own if g not in there] if len(there) < EXACT_CANDIDATES else []
        candidates = [*there, *elsewhere[: EXACT_CANDIDATES - len(there)]]
        test = test_of(cycle, claim, ground, candidates, frozenset(hosts[domain]))
        if (least := at_least(candidates, test)) is not None:
            heapq.heappush(heap, (least, domain, (least, candidates, test)))


def _own_elsewhere(cycle: Cycle, claim: Claim, groups: Sequence[Group]) -> list[Group]:
    tenant, pool = claim.tenant.name, claim.pool.name
    right = cycle.quotas[pool].quotas[tenant].guaranteed if claim.entitled else cycle.due(tenant, pool)
    if cycle.estate.charges.of(tenant, pool) + claim.least_gpus <= right:
        return []
    own = sorted((g for g in groups if g[0].tenant == tenant), key=lambda g: cost(g[-1:]))
    return own if len(own) <= EXACT_CANDIDATES else []  # so many are sought among all jobs of the pool


def _own_beside(claim: Claim, own: Sequence[Group], gpus: int) -> Bound | None:
    """What own jobs elsewhere cost that must give so many GPUs beside others' work; none where they cannot."""
    if gpus <= 0:
        return NO_OWN, NOTHING
    room = replace(NO_MATTER, tenant=claim.tenant.name, own_gpus=gpus)
    return Bounds(own, room).own_first()


def _first_bound(
    claim: Claim, ground: Ground, hosts: Collection[str], there: Sequence[Group], beside: Bound | None
) -> Cost | None:
    """What a domain's candidates cost at the least, without a close look: one host that lacks GPUs needs a victim.

    Nothing where all of them together do not give enough.
    """
    if any(group[0].tenant == claim.tenant.name for group in there):
        beside = (NO_OWN, NOTHING)  # own jobs that make room there may be enough
    if beside is None:
        return None
    rank, amounts = beside
    if len(hosts) > 1:
        return (rank, *amounts) if rank != NO_OWN else ()
    (name,) = hosts
    base = ground.outlook.base(name)
    if base is None or base >= claim.job.gpus_per_worker:
        return ()
    if base + sum(group[-1].freed.get(name, 0) for group in there) < claim.job.gpus_per_worker:
        return None
    if len(there) > EXACT_CANDIDATES:
        return ()
    least = min(option.amounts[1] for group in there for option in group)
    return (rank, amounts[0], amounts[1] + least)


def _domains(claim: Claim, ground: Ground, groups: Iterable[Group]) -> dict[str, str]:
    """The domain of each host in which the whole gang must stand; none where it may be spread over the pool."""
    if claim.job.min_workers == 1:
        return {name: name for group in groups for name in group[-1].freed if ground.outlook.base(name) is not None}
    if not claim.job.required or claim.job.level not in claim.pool.levels:
        return {}
    level = claim.pool.levels.index(claim.job.level)
    hosts = ground.estate.by_pool[claim.pool.name]
    return {host.name: domain for host in hosts if (domain := host.node.domains[level])}
