"""The rules as the text says them, slowly and without a line of the engine: what tests compare it with.

Only for `Shared` pools, rigid jobs of one priority per tenant and class, and terms without limits, where so said.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Borrower:
    """One side of the division of a surplus."""

    demand: int
    weight: int = 1
    past: Fraction = Fraction(0)


def poured(total: int, borrowers: Mapping[str, Borrower], step: Fraction) -> dict[str, int]:
    """Rule 3: water rises by tiny steps over all, the lowest `(share + past) / weight` first; then largest remainder.

    Exact if every level at which a share begins or ends is a multiple of the step.
    """
    there = Fraction(min(total, sum(b.demand for b in borrowers.values())))
    shares, level = dict.fromkeys(borrowers, Fraction(0)), Fraction(0)
    while there:
        open_ = [n for n, b in borrowers.items() if (shares[n] + b.past) / b.weight <= level and shares[n] < b.demand]
        pace = sum(borrowers[n].weight for n in open_)
        rise = min(step, there / pace) if pace else step
        for name in open_:
            shares[name] += rise * borrowers[name].weight
        there -= rise * pace
        level += rise
    whole = {name: int(share) for name, share in shares.items()}
    left = int(sum(shares.values())) - sum(whole.values())
    for name in sorted(shares, key=lambda n: (whole[n] - shares[n], n))[:left]:
        whole[name] += 1
    return whole


@dataclass(frozen=True, slots=True)
class Gang:
    """A rigid job of a small estate: running on hosts, or not."""

    name: str
    tenant: str
    at: Mapping[int, int]
    """GPUs on each host."""
    risk: float
    started: float
    submitted: float
    protected: bool = False
    """It ran less than the least runtime."""
    priority: int = 0

    @property
    def gpus(self) -> int:
        return sum(self.at.values())


@dataclass(frozen=True, slots=True)
class Small:
    """A `Shared` pool of equal hosts, all of it lent, in which one gang of single-GPU-count workers waits."""

    hosts: int
    size: int
    guaranteed: Mapping[str, int]
    running: Sequence[Gang]
    claimant: str
    """Tenant of the gang that waits; no job of its tenant has a higher priority."""
    workers: int
    per_worker: int
    priority: int

    @property
    def asked(self) -> int:
        return self.workers * self.per_worker

    def charged(self, tenant: str, without: Sequence[Gang] = ()) -> int:
        """GPUs of a tenant's running jobs."""
        return sum(j.gpus for j in self.running if j.tenant == tenant and j not in without)

    def entitled(self) -> set[str]:
        """Running jobs that the guarantee covers, the waiting one counted before those of lower priority."""
        found: set[str] = set()
        for tenant, guaranteed in self.guaranteed.items():
            charge = 0
            higher = tenant == self.claimant and self.is_entitled()
            mine = sorted((j for j in self.running if j.tenant == tenant), key=lambda j: (-j.priority, j.submitted))
            for job in mine:
                if higher and job.priority < self.priority:
                    charge, higher = charge + self.asked, False
                if charge + job.gpus <= guaranteed:
                    charge += job.gpus
                    found.add(job.name)
        return found

    def is_entitled(self) -> bool:
        """Whether the guarantee covers the gang that waits, beside what runs at its priority."""
        beside = sum(j.gpus for j in self.running if j.tenant == self.claimant and j.priority >= self.priority)
        return beside + self.asked <= self.guaranteed[self.claimant]

    def due(self) -> dict[str, int]:
        """Guarantee plus fair surplus of every tenant; nothing is kept back, and nobody borrowed before."""
        surplus, entitled, borrowers = self.hosts * self.size, self.entitled(), {}
        for tenant, guaranteed in self.guaranteed.items():
            by_right = sum(j.gpus for j in self.running if j.name in entitled and j.tenant == tenant)
            demand = self.charged(tenant)
            if tenant == self.claimant:
                by_right += self.asked if self.is_entitled() else 0
                demand += self.asked
            surplus -= max(by_right, min(guaranteed, self.charged(tenant)))
            borrowers[tenant] = Borrower(max(0, demand - guaranteed))
        extra = poured(max(0, surplus), borrowers, Fraction(1))
        return {tenant: guaranteed + extra[tenant] for tenant, guaranteed in self.guaranteed.items()}

    def stands(self, gone: Sequence[Gang]) -> bool:
        """Whether the gang finds room when these are gone."""
        free = [self.size] * self.hosts
        for job in self.running:
            for host, gpus in job.at.items() if job not in gone else ():
                free[host] -= gpus
        return sum(gpus // self.per_worker for gpus in free) >= self.workers

    def may_go(self, gone: Sequence[Gang]) -> bool:
        """Rules 4 and 5: whether the gang may take all of these together."""
        own = [j for j in gone if j.tenant == self.claimant]
        others = [j for j in gone if j.tenant != self.claimant]
        return self._may_take_own(own, gone) and (not others or self._may_take(others, gone))

    def _after(self, gone: Sequence[Gang]) -> int:
        return self.charged(self.claimant, gone) + self.asked

    def _may_take_own(self, own: Sequence[Gang], gone: Sequence[Gang]) -> bool:
        """Lower ones; as a borrower entitled ones only if the charge stays within the due."""
        if any(j.priority >= self.priority for j in own):
            return False
        entitled = self.entitled()
        free = self.is_entitled() or not any(j.name in entitled for j in own)
        return free or self._after(gone) <= self.due()[self.claimant]

    def _may_take(self, others: Sequence[Gang], gone: Sequence[Gang]) -> bool:
        """Borrowed ones, as far as its own right goes, and down to what is safe save for the last indivisible job."""
        entitled, right = self.entitled(), self.is_entitled()
        safe = self.guaranteed if right else self.due()
        if any(j.name in entitled or (j.protected and not right) for j in others):
            return False
        if not right and sum(j.gpus for j in gone) > self.asked:
            return False  # the GPUs in use would fall
        above = all(
            any(self.charged(last.tenant, [j for j in given if j is not last]) > safe[last.tenant] for last in given)
            for given in ([j for j in others if j.tenant == tenant] for tenant in {j.tenant for j in others})
        )
        return above and self._after(gone) <= safe[self.claimant]

    def cost(self, gone: Sequence[Gang]) -> tuple[object, ...]:
        """Rules 5 and 6: own work only for the rest, of the lowest priority; then what is at risk; then the ties."""
        own = [j for j in gone if j.tenant == self.claimant]
        return (
            max((j.priority for j in own), default=-1),
            sum(j.risk for j in own),
            sum(j.risk for j in gone),
            sum(j.gpus for j in gone),
            len(gone),
            sorted(-j.started for j in gone),
            sorted(f"{j.tenant}/{j.name}" for j in gone),
        )

    def all_sets(self) -> Iterator[tuple[Gang, ...]]:
        """Every set of running jobs with which the gang stands, and which it may take."""
        for count in range(len(self.running) + 1):
            for gone in itertools.combinations(self.running, count):
                if self.stands(gone) and self.may_go(gone):
                    yield gone

    def victims(self) -> tuple[Gang, ...] | None:
        """The set that costs least; none when there is no way."""
        return min(self.all_sets(), key=self.cost, default=None)
