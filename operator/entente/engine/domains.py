"""Where a gang must stand in one domain: its candidates, domain by domain."""

from collections.abc import Iterable, Sequence

from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import Ground
from entente.engine.limits import test_of
from entente.engine.option import Group
from entente.engine.victims import EXACT_CANDIDATES, Cost, Test, at_least, cost


def by_domain(
    cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group]
) -> list[tuple[Cost, list[Group], Test]]:
    """The candidates of each domain, with their test and what they cost at the least: the cheapest first.

    Nothing where the gang may be spread over the pool. A gang of one worker stands on one host. Beside the jobs in the
    domain, the cheapest own ones elsewhere are candidates where the tenant's own limits bind.
    """
    domains = _domains(claim, ground, groups)
    hosts: dict[str, set[str]] = {}
    for name, domain in domains.items():
        hosts.setdefault(domain, set()).add(name)
    inside: dict[str, list[Group]] = {}
    for group in groups:
        for domain in sorted({domains[name] for name in group[-1].freed if name in domains}):
            inside.setdefault(domain, []).append(group)
    tenant, pool = claim.tenant.name, claim.pool.name
    right = cycle.quotas[pool].quotas[tenant].guaranteed if claim.entitled else cycle.due(tenant, pool)
    bound = cycle.estate.charged(tenant, pool) + claim.least_gpus > right
    own = sorted((g for g in groups if bound and g[0].tenant == tenant), key=lambda g: cost(g[-1:]))
    if len(own) > EXACT_CANDIDATES:
        own = []  # so many are sought among all jobs of the pool, where no domain does by itself
    ranked = []
    for domain, there in inside.items():
        elsewhere = [g for g in own if g not in there] if len(there) < EXACT_CANDIDATES else []
        candidates = [*there, *elsewhere[: EXACT_CANDIDATES - len(there)]]
        test = test_of(cycle, claim, ground, hosts[domain])
        if (least := at_least(candidates, test)) is not None:
            ranked.append((least, domain, candidates, test))
    return [(least, candidates, test) for least, _, candidates, test in sorted(ranked, key=lambda r: r[:2])]


def _domains(claim: Claim, ground: Ground, groups: Iterable[Group]) -> dict[str, str]:
    """The domain of each host in which the whole gang must stand; none where it may be spread over the pool."""
    if claim.job.min_workers == 1:
        return {name: name for group in groups for name in group[-1].freed if ground.plot(name)}
    if not claim.job.required or claim.job.level not in claim.pool.levels:
        return {}
    level = claim.pool.levels.index(claim.job.level)
    return {plot.host.name: domain for plot in ground.plots() if (domain := plot.host.node.domains[level])}
