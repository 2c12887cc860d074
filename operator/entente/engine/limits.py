"""What a set of victims must satisfy for one claim: rules 1, 4 and 5."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from entente.engine.busy import Idle, keeps_busy
from entente.engine.candidates import by_tenant, floor_of
from entente.engine.caps import cap_of
from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import Ground
from entente.engine.lacking import charged_alone, lacking
from entente.engine.option import Group, Option
from entente.engine.outlook import NOTHING, given_by
from entente.engine.victims import Test, freed_by


def takes_from_nobody(cycle: Cycle, claim: Claim, ground: Ground) -> bool:
    """Whether a borrowed claim is beyond its tenant's due, and none of its tenant's own jobs may give way either."""
    tenant, pool = claim.tenant.name, claim.pool.name
    if claim.pool.exclusive or ground.charges(NOTHING)[tenant] + claim.least_gpus <= cycle.due(tenant, pool):
        return False
    return not cycle.yielding_to(claim)


def within_right(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group]) -> list[Group]:
    """Without others' jobs where the claim's tenant may take from none, not even if all its own candidates went."""
    tenant = claim.tenant.name
    own = [group for group in groups if group[0].tenant == tenant]
    if claim.pool.exclusive:
        given = given_by(freed_by(group[-1] for group in own))
        within = charged_alone(ground, given) <= _right(cycle, claim, groups)
    else:
        within = beyond_right(cycle, claim, ground, groups) <= sum(group[-1].gpus for group in own)
    return list(groups) if within else own


def beyond_right(cycle: Cycle, claim: Claim, ground: Ground, groups: Iterable[Group]) -> int:
    """GPUs that the tenant's own jobs must give at the least before the claim may take from others among these."""
    if claim.pool.exclusive:
        return 0  # what a job gives of a host may free none of its tenant's charge, or all of it
    return ground.charges(NOTHING)[claim.tenant.name] + claim.least_gpus - _right(cycle, claim, groups)


def _right(cycle: Cycle, claim: Claim, groups: Iterable[Group]) -> int:
    """What the claim's tenant may be charged at the most once it took from others among these."""
    pool, tenant = claim.pool.name, claim.tenant.name
    right = cycle.due(tenant, pool)
    if not claim.entitled:
        return right
    guaranteed = cycle.quotas[pool].quotas[tenant].guaranteed
    called = any(cycle.estate.running[group[0].job].on_call for group in groups)
    return max(right, guaranteed) if called else guaranteed


def test_of(
    cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group], only: frozenset[str] | None, idle: Idle
) -> Test:
    """The test of sets of these candidates for a claim on some ground, or only on some of its hosts."""
    own_gpus = beyond_right(cycle, claim, ground, groups)
    gpus = 0 if claim.pool.exclusive else claim.least_gpus - ground.limit(loosely=True)
    most = math.inf if any(group[0].moves for group in groups) else idle.on_a_host  # who is moved goes on elsewhere
    room = replace(lacking(ground, only, most), tenant=claim.tenant.name, gpus=gpus, own_gpus=own_gpus)

    def allowed(options: Sequence[Option]) -> bool:
        return _above_floors(cycle, claim, ground, filter(idle.counts, options)) and not idle.left_by(options)

    def possible(options: Sequence[Option]) -> bool:
        return ground.stands(freed_by(options), only=only, loosely=True)

    def acceptable(options: Sequence[Option]) -> bool:
        stands = ground.stands(freed_by(options), only=only, cap=cap_of(cycle, claim, options))
        return stands and keeps_busy(cycle, claim, ground, options)

    return Test(
        room=room,
        allowed=allowed,
        possible=possible,
        acceptable=acceptable,
        growing=None if claim.pool.exclusive else lambda: _Taker(cycle, claim, ground, idle).take,
        asking=idle.asking,
    )


class _Taker:
    """Takes options of a shared pool one after the other, if all together are allowed: at the cost of the last one."""

    def __init__(self, cycle: Cycle, claim: Claim, ground: Ground, idle: Idle) -> None:
        self._cycle, self._claim, self._charges, self._idle = cycle, claim, ground.charges(NOTHING), idle
        self._given: dict[str, int] = {}
        self._from_others: dict[str, tuple[int, int]] = {}
        """By other tenant: GPUs that it gives and that are counted, and the largest indivisible part of these."""
        self._counts = False

    def take(self, option: Option) -> bool:
        """Whether it is allowed beside the others; then it is one of them."""
        tenant, from_others = option.tenant, self._idle.counts(option)
        gpus, part = self._from_others.get(tenant, (0, 0))
        if from_others:
            gpus, part = gpus + option.gpus, max(part, _part(self._cycle, option))
            if not _stays_above(self._cycle, self._claim, self._charges, tenant, gpus - part):
                return False
        given = {**self._given, tenant: self._given.get(tenant, 0) + option.gives}
        counts = self._counts or from_others
        if counts and self._idle.left(given):
            return False
        self._given, self._counts = given, counts
        if from_others:
            self._from_others[tenant] = (gpus, part)
        return True


def _above_floors(cycle: Cycle, claim: Claim, ground: Ground, counted: Iterable[Option]) -> bool:
    """Others give only down to what is safe, save for the last indivisible job of each."""
    return all(_gives_in_turn(cycle, claim, ground, *given) for given in by_tenant(counted).items())


def _gives_in_turn(cycle: Cycle, claim: Claim, ground: Ground, tenant: str, given: Sequence[Option]) -> bool:
    """Whether the tenant is above what is safe until the last indivisible part goes: a job, or a worker of a shrink."""
    if not claim.pool.exclusive:
        part = max(_part(cycle, o) for o in given)
        return _stays_above(cycle, claim, ground.charges(NOTHING), tenant, sum(o.gpus for o in given) - part)
    charges, floor = ground.charges(NOTHING), floor_of(cycle, claim, tenant)
    if tenant not in charges:
        return True
    left = ground.holders.left(tenant, given_by(freed_by(given)))
    after = charges[tenant] - sum(left.values())
    return any(after + sum(left.get(name, 0) for name in _last_hosts(cycle, option)) > floor for option in given)


def _part(cycle: Cycle, option: Option) -> int:
    """GPUs of what is indivisible: of a job that is evicted, or of one worker of a shrink."""
    return option.gpus if option.keeps is None else cycle.estate.running[option.job].job.gpus_per_worker


def _stays_above(cycle: Cycle, claim: Claim, charges: Mapping[str, int], tenant: str, gpus: int) -> bool:
    """Whether a tenant is charged more than it keeps once it gave so many GPUs; always, where it may hold nothing."""
    return tenant not in charges or charges[tenant] - gpus > floor_of(cycle, claim, tenant)


def _last_hosts(cycle: Cycle, option: Option) -> Iterable[str]:
    """Hosts that it takes GPUs of when it gives its last indivisible part: a shrink, those of one worker."""
    if option.keeps is None:
        return option.freed
    per, keeps = cycle.estate.running[option.job].job.gpus_per_worker, option.keeps
    return (max(option.freed, key=lambda name: (keeps.get(name, 0) * per + option.freed[name], name)),)
