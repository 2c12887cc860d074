"""What a claim may stand on at a later moment: free GPUs per host, as seen by one tenant."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from entente.engine.cycle import Claim, Cycle
from entente.engine.estate import Estate
from entente.engine.holders import Holders
from entente.engine.host import Host, Use
from entente.engine.outlook import NOTHING, Freed, given_by, outlook
from entente.engine.placement import Shape, Spot, holds, place
from entente.engine.running import gpus_on

NONE: Mapping[str, int] = MappingProxyType({})

Added = Callable[[Mapping[str, int]], int]
"""What workers on hosts add to a tenant's charge."""


def shape_of(claim: Claim, *, most: int | None = None) -> Shape:
    """The claim's gang, with at most so many workers."""
    job = claim.job
    return Shape(
        job.min_workers,
        max(job.min_workers, job.workers if most is None else most),
        job.gpus_per_worker,
        job.level,
        required=job.required,
    )


class Ground:
    """A claim's pool at a later moment, when some jobs have ended by themselves, with the limits that hold then."""

    def __init__(self, cycle: Cycle, claim: Claim, over: Iterable[str], moment: float) -> None:
        self.cycle, self.claim, self.estate = cycle, claim, cycle.estate
        self.over = frozenset(over)
        """Jobs that have ended by then."""
        self.moment = moment
        self.outlook = outlook(cycle, claim, self.over, moment)
        self.holders = Holders(cycle.estate, self.outlook, claim.tenant.name)
        """Asked for only where hosts are not shared."""
        self._charges: dict[str, int] | None = None
        self._free: int | None = None
        self._kept_at_first: int | None = None
        self._limit_at_first: int | None = None
        self.started: dict[object, int] = {}
        """By what is taken: GPUs that waiting jobs would start on beside the claim."""

    def charge_of(self, tenant: str, gpus: Mapping[str, int], freed: Freed) -> int:
        """What GPUs on these hosts add to a tenant's charge, once these jobs have given theirs."""
        if not self.claim.pool.exclusive:
            return sum(gpus.values())
        given = self.holders.given(freed).get(tenant, NONE)
        return sum(self.holders.left(tenant, {name: given.get(name, 0) for name in gpus}).values())

    def charges(self, freed: Freed) -> Mapping[str, int]:
        """What each tenant of the pool will be charged, without the claim."""
        pool = self.claim.pool.name
        if self._charges is None:
            tenants = self.cycle.quotas[pool].quotas
            ended, charged = self.outlook.ended, self.estate.charges
            self._charges = {name: charged.of(name, pool) - ended[name] for name in tenants}
            if self.claim.pool.exclusive:
                over = self.over
                self._charges.update({n: charged.without(n, pool, over) for n in ended.keys() & tenants.keys()})
        if not freed:
            return self._charges
        charges = dict(self._charges)
        for tenant, gpus in self._no_more(freed):
            if tenant in charges:
                charges[tenant] -= gpus
        return charges

    def _no_more(self, freed: Freed) -> Iterator[tuple[str, int]]:
        """Tenants, and GPUs that they are charged for no more once these jobs have given theirs."""
        if not self.claim.pool.exclusive:
            yield from ((self.estate.running[key].tenant, sum(nodes.values())) for key, nodes in freed.items())
            return
        for tenant, given in self.holders.given(freed).items():
            yield tenant, sum(self.holders.left(tenant, given).values())

    def charged_at_first(self, tenant: str, freed: Freed) -> int:
        """A tenant's charge once the victims are gone: the jobs that are to end by themselves may still be there."""
        gone, cuts = _gone_and_cut(self.estate, freed)
        return self.estate.charges.without(tenant, self.claim.pool.name, frozenset(gone), cuts)

    def added_at_first(self, tenant: str, gpus: Mapping[str, int], freed: Freed) -> int:
        """What GPUs on these hosts add to that."""
        if not self.claim.pool.exclusive:
            return sum(gpus.values())
        hosts = [self.estate.hosts[name] for name in gpus]
        kept = [_keeps(h, (*h.using.items(), *h.held.items()), tenant, freed) for h in hosts]
        return sum(h.node.offered for h, keeps in zip(hosts, kept, strict=True) if not keeps)

    def allowance(self, freed: Freed, charges: Mapping[str, int]) -> int:
        """GPUs that the claim's tenant may add to its charge then, beyond what others keep back."""
        pool = self.claim.pool
        if self._free is None:
            self._free = self.outlook.whole() if pool.exclusive else self.outlook.free()
        free = self._free
        given = given_by(freed)
        for name, gpus in given.items():
            base = self.outlook.base(name)
            if base is not None:
                free += self._emptied(name, base, gpus) if pool.exclusive else gpus
        left = free - self._kept(charges)
        return max(0, left) if pool.exclusive else left  # its own hosts are the tenant's, whatever others keep back

    def _kept(self, charges: Mapping[str, int]) -> int:
        """GPUs that the claim must leave to others by these charges."""
        if charges is not self._charges:
            return self.cycle.kept_from(self.claim, charges)
        if self._kept_at_first is None:
            self._kept_at_first = self.cycle.kept_from(self.claim, charges)
        return self._kept_at_first

    def _emptied(self, name: str, base: int, gpus: int) -> int:
        """GPUs of a host that is empty once so many GPUs are given on it, and would not be else."""
        capacity = self.estate.hosts[name].capacity
        return capacity if base < capacity <= base + gpus else 0

    def stands(
        self,
        freed: Freed = NOTHING,
        *,
        only: frozenset[str] | None = None,
        cap: int | None = None,
        loosely: bool = False,
    ) -> bool:
        """Whether the gang stands with its least workers, as in `stand`: where that is, is not worked out."""
        claim = self.claim
        least, per = claim.job.min_workers, claim.job.gpus_per_worker
        if claim.pool.exclusive:
            return self.stand(freed, only=only, cap=cap, loosely=loosely, least=True) is not None
        if self.limit(freed, cap, loosely=loosely) < least * per or self.outlook.rooms(per, freed, only) < least:
            return False
        if not freed and only is None:
            return self.outlook.holds(shape_of(claim))
        if not claim.job.required or (only is not None and least > 1):
            return True  # anywhere, or on these hosts, which are those of a domain
        return holds(
            claim.pool, self.outlook.spots(claim.tenant.name, freed=freed, least=per, only=only), shape_of(claim)
        )

    def limit(self, freed: Freed = NOTHING, cap: int | None = None, *, loosely: bool = False) -> int:
        """GPUs that the claim may add to its tenant's charge in a shared pool."""
        if freed or cap is not None:
            return min(limit for limit, _ in self._limits(freed, cap, loosely=loosely))
        if self._limit_at_first is None:
            self._limit_at_first = min(limit for limit, _ in self._limits(freed, cap, loosely=loosely))
        return self._limit_at_first

    def _limits(self, freed: Freed, cap: int | None, *, loosely: bool) -> list[tuple[int, Added]]:
        """Limits of the claim's tenant, each with what workers on hosts add to the charge that it limits."""
        charges, tenant, per = self.charges(freed), self.claim.tenant.name, self.claim.job.gpus_per_worker

        def added(nodes: Mapping[str, int]) -> int:
            return self.charge_of(tenant, gpus_on(nodes, per), freed)

        def at_first(nodes: Mapping[str, int]) -> int:
            return self.added_at_first(tenant, gpus_on(nodes, per), freed)

        limits: list[tuple[int, Added]] = [
            (self.allowance(freed, self.charges(NOTHING) if loosely else charges), added)
        ]
        if cap is not None:
            limits.append((cap - charges[tenant], added))
        if (most := self.cycle.most(self.claim.tenant, self.claim.pool.name)) is not None:
            first = self.charged_at_first(tenant, freed) if freed else charges[tenant]
            limits.append((most - first, at_first if freed else added))
        return limits

    def stand(
        self,
        freed: Freed = NOTHING,
        *,
        only: frozenset[str] | None = None,
        cap: int | None = None,
        loosely: bool = False,
        least: bool = False,
    ) -> dict[str, int] | None:
        """Where the claim's gang stands once these jobs have given their GPUs: within the limits, or nowhere.

        `cap` is the most that its tenant may be charged, beside the borrow limit. `loosely`: without what those who
        give come to keep back, so that where some make it possible, more do, too. `least`: an elastic gang with its
        least workers only, as where GPUs are freed for it.
        """
        claim, per = self.claim, self.claim.job.gpus_per_worker
        shape = shape_of(claim)
        if least or only is not None or freed:
            shape = shape_of(claim, most=claim.job.min_workers)  # an elastic job evicts only for its least
        limits = self._limits(freed, cap, loosely=loosely)
        if not claim.pool.exclusive:
            if min(limit for limit, _ in limits) < shape.least * per:
                return None  # whatever the hosts: in a shared pool each worker adds as much
            if self.outlook.rooms(per, freed, only) < shape.least:
                return None
        return fit(claim, self.outlook.spots(claim.tenant.name, freed=freed, least=per, only=only), shape, limits)


def fit(claim: Claim, spots: list[Spot], shape: Shape, limits: Sequence[tuple[int, Added]]) -> dict[str, int] | None:
    """Place as many workers as fit within limits on what they add to a charge."""
    per = shape.gpus_per_worker
    most = shape.most
    if not claim.pool.exclusive:
        most = min([most, *(max(0, limit) // per for limit, _ in limits)])
    while most >= shape.least:
        wanted = replace(shape, most=most)
        nodes = place(claim.pool, spots, wanted)
        if nodes is None:
            return None
        if all(added(nodes) <= limit for limit, added in limits):
            return nodes
        if shape.level is not None and not shape.required:  # what is only preferred must not keep the job waiting
            anywhere = place(claim.pool, spots, replace(wanted, level=None))
            if anywhere and all(added(anywhere) <= limit for limit, added in limits):
                return anywhere
        most = min(most, sum(nodes.values())) - 1
    return None


def _keeps(host: Host, uses: Iterable[tuple[str, Use]], tenant: str, freed: Freed) -> bool:
    """Whether a tenant is still charged for a host, once these jobs have given theirs."""
    return any(u.tenant == tenant and freed.get(key, NONE).get(host.name, 0) < u.gpus for key, u in uses)


def _gone_and_cut(estate: Estate, freed: Freed) -> tuple[set[str], dict[str, dict[str, int]]]:
    """Jobs that give everything, and what the others keep on each node."""
    gone: set[str] = set()
    cuts: dict[str, dict[str, int]] = {}
    for key, nodes in freed.items():
        running = estate.running[key]
        per = running.job.gpus_per_worker
        left = {n: w * per - nodes.get(n, 0) for n, w in running.nodes.items()}
        if any(left.values()):
            cuts[key] = left
        else:
            gone.add(key)
    return gone, cuts
