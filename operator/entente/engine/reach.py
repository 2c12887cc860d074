"""What a borrowed claim could come to by the end of a notice, at the most: whatever asks for more need not be tried.

Most of a backlog is beyond that, and all claims of a tenant and priority share it, so that each costs next to nothing.
"""

from collections import Counter
from dataclasses import dataclass, replace

from entente.engine.candidates import given_by_others, given_by_own
from entente.engine.cycle import Claim, Cycle, claim_of
from entente.engine.idle import bonds_of, taker_of
from entente.engine.model import MIN_GRACE_S, Pool
from entente.engine.outlook import outlook
from entente.engine.queues import Pending
from entente.engine.risk import known_length


@dataclass(frozen=True, slots=True)
class Reach:
    """Upper bounds, in GPUs, for the claims of one tenant and priority on a shared pool."""

    now: int
    """What may start at once."""
    free: int
    """Free by then beyond what others keep back, if nobody is evicted."""
    own: int
    """What the tenant's own jobs could give."""
    others: int
    """What other tenants' jobs could give."""
    due: int
    """Larger claims may take from nobody else."""
    most: int | None
    """What the borrow limit leaves."""

    def holds(self, gpus: int, *, moves: bool) -> bool:
        """Whether something may come of a claim for so many GPUs; `moves`: others may be moved for it as well."""
        if self.most is not None and gpus > self.most:
            return False
        given = self.own + (self.others if gpus <= self.due else 0)
        return gpus <= self.free + given and (given > 0 or moves)


def out_of_reach(cycle: Cycle, entry: Pending) -> bool:
    """Whether nothing comes of a pending job that borrows behind its tenant's first, not even a start.

    Nor of any like it that asks for as much, or for more.
    """
    return all(_is_out_of_reach(cycle, entry, pool) for pool in entry.pools)


def _is_out_of_reach(cycle: Cycle, entry: Pending, pool: str) -> bool:
    if cycle.snapshot.pools[pool].exclusive:
        return False
    reach, gpus = reach_of(cycle, entry, pool), entry.job.min_workers * entry.job.gpus_per_worker
    return gpus > reach.now and not reach.holds(gpus, moves=entry.job.required)


def reach_of(cycle: Cycle, entry: Pending, pool: str) -> Reach:
    """The bounds for a pending job that borrows behind its tenant's first."""
    key = (entry.job.tenant or "", pool, entry.priority)
    return cycle.until_next_step(cycle.reaches, key, lambda: _reach(cycle, claim_of(cycle, entry, pool, first=False)))


def comes_to_nothing(cycle: Cycle, claim: Claim) -> bool:
    """Whether nothing comes of a claim that cannot start: it can take nothing, and nothing is reserved for it.

    True only of a borrowed claim behind its tenant's first: were GPUs to come free for it, it would wait without having
    them reserved.
    """
    if not _is_behind(claim):
        return False
    if cycle.vain.get(_kind(cycle, claim)) == len(cycle.decisions):
        return True
    if claim.pool.exclusive:
        return False  # what is charged there depends on the hosts
    key = (claim.tenant.name, claim.pool.name, claim.priority)
    gpus, moves = claim.least_gpus, claim.job.required
    reach = cycle.until_next_step(cycle.reaches, key, lambda: _reach(cycle, claim))
    if not reach.holds(gpus, moves=moves):
        return True
    bonds = bonds_of(cycle, claim.pool.name, taker_of(cycle, claim))
    beside = cycle.until_next_step(cycle.reaches, (*key, bonds.sign), lambda: _beside(cycle, claim, reach))
    return not beside.holds(gpus, moves=moves)


def came_to_nothing(cycle: Cycle, claim: Claim) -> None:
    """A claim behind its tenant's first was tried in vain: so would those of its kind be, until the next step."""
    if _is_behind(claim):
        cycle.vain[_kind(cycle, claim)] = len(cycle.decisions)


def _is_behind(claim: Claim) -> bool:
    """Whether it borrows behind its tenant's first: were it to wait, nothing would be kept for it."""
    return not (claim.entitled or claim.first)


def _kind(cycle: Cycle, claim: Claim) -> tuple[object, ...]:
    """All of such a claim that it rests on what it could take or wait for."""
    job, pool = claim.job, claim.pool.name
    length = known_length(job) if cycle.quotas[pool].ahead else None
    shape = (job.min_workers, job.gpus_per_worker, job.level, job.required)
    reserved = job.key if job.key in cycle.reserved else ""  # its own reservation leaves it more
    sign = bonds_of(cycle, pool, taker_of(cycle, claim)).sign
    return (pool, claim.tenant.name, claim.priority, sign, length, shape, reserved)


def _beside(cycle: Cycle, claim: Claim, reach: Reach) -> Reach:
    """The bounds for those that must leave what is reserved for others."""
    over, until = _over_soon(cycle, claim.pool)
    free = outlook(cycle, claim, over, until).free() - cycle.kept_by_others(claim.tenant.name, claim.pool.name)
    return replace(reach, free=min(reach.free, free))


def _reach(cycle: Cycle, claim: Claim) -> Reach:
    """The bounds whatever is reserved."""
    pool, tenant = claim.pool, claim.tenant.name
    ending, stock = _ending_soon(cycle, pool), cycle.estate.stocks[pool.name]
    charged, kept = cycle.estate.charges.of(tenant, pool.name), cycle.kept_by_others(tenant, pool.name)
    own, left = given_by_own(cycle, claim), charged - ending[tenant]
    most = cycle.most(claim.tenant, pool.name)
    return Reach(
        now=stock.open - kept if most is None else min(stock.open - kept, most - charged),
        free=stock.coming + ending.total() - kept,
        own=own,
        others=given_by_others(cycle, claim),
        due=cycle.due(tenant, pool.name) - left + own,
        most=None if most is None else most - left + own,
    )


def _ending_soon(cycle: Cycle, pool: Pool) -> Counter[str]:
    """By tenant: GPUs of jobs whose known end is within the notice, as many as ran when it was asked for first."""
    if pool.name not in cycle.ending:
        gpus = cycle.ending[pool.name] = Counter()
        for key in _over_soon(cycle, pool)[0]:
            running = cycle.estate.running[key]
            gpus[running.tenant] += running.gpus
    return cycle.ending[pool.name]


def _over_soon(cycle: Cycle, pool: Pool) -> tuple[frozenset[str], float]:
    """Jobs whose known end is within the notice, and when that is over."""
    until = cycle.now + max(pool.notice_s, MIN_GRACE_S)
    return cycle.estate.ends[pool.name].over_by(until, until, cycle.now), until
