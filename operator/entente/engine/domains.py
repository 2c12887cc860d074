"""Where a gang must stand in one domain: its candidates, domain by domain."""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from entente.engine.bounds import Bounds
from entente.engine.busy import Idle
from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import Ground
from entente.engine.limits import beyond_right, test_of
from entente.engine.option import NO_OWN, Cost, Group, Option
from entente.engine.victims import EXACT_CANDIDATES, NO_MATTER, Test, at_least

Choice = tuple[Cost, list[Group], Test]
"""What a domain's candidates cost at the least, who they are, and their test."""


def by_domain(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group], idle: Idle) -> Iterator[Choice]:
    """The candidates of each domain, with their test and what they cost at the least: the cheapest first.

    Nothing where the gang may be spread over the pool. A gang of one worker stands on one host. Beside the jobs in the
    domain, the cheapest own ones elsewhere are candidates where the tenant's own limits bind. A domain is looked at
    closely only when a first, lower bound of its cost is the lowest.
    """
    hosts, inside = _domains(claim, ground, groups)
    own = _own_elsewhere(cycle, claim, groups)
    own_gpus = beyond_right(cycle, claim, ground, groups)
    first = _FirstBound(claim, ground, own, own_gpus)
    bounds = ((first.of(hosts[domain], there), domain) for domain, there in inside.items())
    heap: list[tuple[Cost, str, Choice | None]] = [(b, domain, None) for b, domain in bounds if b is not None]
    heapq.heapify(heap)
    while heap:
        _, domain, choice = heapq.heappop(heap)
        if choice is not None:
            yield choice
            continue
        there = inside[domain]
        elsewhere = [g for g in own if g not in there] if len(there) < EXACT_CANDIDATES else []
        candidates = [*there, *elsewhere[: EXACT_CANDIDATES - len(there)]]
        test = test_of(cycle, claim, ground, candidates, hosts[domain], idle)
        if (least := at_least(candidates, test)) is not None:
            heapq.heappush(heap, (least, domain, (least, candidates, test)))


def _own_elsewhere(cycle: Cycle, claim: Claim, groups: Sequence[Group]) -> list[Group]:
    tenant, pool = claim.tenant.name, claim.pool.name
    right = cycle.quotas[pool].quotas[tenant].guaranteed if claim.entitled else cycle.due(tenant, pool)
    if cycle.estate.charges.of(tenant, pool) + claim.least_gpus <= right:
        return []
    own = sorted((g for g in groups if g[0].tenant == tenant), key=lambda g: g[-1].cost)
    return own if len(own) <= EXACT_CANDIDATES else []  # so many are sought among all jobs of the pool


class _FirstBound:
    """What a domain's candidates cost at the least, without a close look.

    Args:
        own: own candidates that may be taken wherever they are.
        own_gpus: GPUs that own jobs must give before others' work may be taken.
    """

    def __init__(self, claim: Claim, ground: Ground, own: Sequence[Group], own_gpus: int) -> None:
        self._claim, self._ground, self._own_first = claim, ground, own_gpus > 0
        room = replace(NO_MATTER, tenant=claim.tenant.name, own_gpus=own_gpus)
        self._beside = Bounds(own, room).own_first()
        """What own jobs anywhere cost that must give beside others' work; none where they cannot."""
        self._elsewhere = [_own_cost(option) for group in own for option in group]

    def of(self, hosts: Collection[str], there: Sequence[Group]) -> Cost | None:
        """Nothing where all of these candidates together do not give enough."""
        own = [group for group in there if group[0].tenant == self._claim.tenant.name]
        if self._beside is None and not own:
            return None
        risk = self._on_host(next(iter(hosts)), there) if len(hosts) == 1 else 0
        if risk is None:
            return None
        if not self._own_first or any(group[0].moves for group in there):  # who is moved needs no own job beside it
            return (NO_OWN, 0, risk)
        if own:  # whoever else gives, some own job does
            return min((*self._elsewhere, *(_own_cost(option) for group in own for option in group)))
        assert self._beside is not None  # noqa: S101 - it was asked for above
        rank, amounts = self._beside
        return (rank, amounts[0], amounts[1] + risk)

    def _on_host(self, name: str, there: Sequence[Group]) -> int | None:
        """Work at risk where one host lacks GPUs."""
        per, base = self._claim.job.gpus_per_worker, self._ground.outlook.base(name)
        if base is None or base >= per:
            return 0
        if base + sum(group[-1].freed.get(name, 0) for group in there) < per:
            return None
        return 0 if len(there) > EXACT_CANDIDATES else _least_risk(name, there, per - base)


def _own_cost(option: Option) -> Cost:
    return option.cost[:3]


def _least_risk(host: str, groups: Iterable[Group], gpus: int) -> int:
    """Work at risk of jobs that free so many GPUs of a host, at the least: of one, and in proportion to the GPUs."""
    options = [(o.amounts[1], o.freed[host]) for group in groups for o in group if host in o.freed]
    return max(min(risk for risk, _ in options), int(gpus * min(risk / given for risk, given in options)))


def _domains(
    claim: Claim, ground: Ground, groups: Iterable[Group]
) -> tuple[Mapping[str, frozenset[str]], dict[str, list[Group]]]:
    """The hosts and the candidates of each domain in which the whole gang must stand, if it must stand in one."""
    inside: dict[str, list[Group]] = {}
    if claim.job.min_workers == 1:
        for group in groups:
            for name in group[-1].freed:
                inside.setdefault(name, []).append(group)
        inside = {name: inside[name] for name in _unlike(claim, ground, inside)}
        return {name: frozenset((name,)) for name in inside}, inside
    if not claim.job.required or claim.job.level not in claim.pool.levels:
        return {}, {}
    domains = ground.estate.layout(claim.pool.name).domains(claim.job.level)
    for group in groups:
        for domain in sorted({domains.of[name] for name in group[-1].freed if name in domains.of}):
            inside.setdefault(domain, []).append(group)
    return domains.hosts, inside


def _unlike(claim: Claim, ground: Ground, inside: dict[str, list[Group]]) -> list[str]:
    """The first by name of the hosts with the same candidates and as many free GPUs: a large gang is on many.

    Where hosts are not shared it matters, too, who else is on them.
    """
    outlook = ground.outlook
    bases = {name: base for name in inside if (base := outlook.base(name)) is not None}
    first: dict[object, str] = {}
    for name, base in bases.items():
        freed = tuple((id(group), group[-1].freed[name]) for group in inside[name])
        users = frozenset(outlook.plot(name).users) if claim.pool.exclusive else None
        like = (base, ground.estate.hosts[name].capacity, freed, users)
        first[like] = min(name, first.get(like, name))
    return list(first.values())
