"""Rules 4 to 7 for one claim: wait for what comes free by itself, else take the least work there is to lose."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from entente.engine.busy import Idle
from entente.engine.candidates import candidates
from entente.engine.caps import cap_of
from entente.engine.cycle import Claim, Cycle
from entente.engine.domains import by_domain
from entente.engine.ground import Ground
from entente.engine.limits import takes_from_nobody, test_of, within_right
from entente.engine.model import MIN_GRACE_S, Pool
from entente.engine.moves import gathered, with_moves
from entente.engine.option import Group, Option
from entente.engine.outlook import NOTHING
from entente.engine.risk import needed_grace
from entente.engine.taking import Taking
from entente.engine.victims import Effort, cheapest, cost, freed_by


@dataclass(frozen=True, slots=True)
class Waiting:
    """Enough GPUs come free by themselves by a moment within the notice."""

    until: float


def deadline(cycle: Cycle, claim: Claim) -> float:
    """When the claim's notice ends: it runs from when the job became both pending and entitled."""
    since = cycle.now
    if claim.entitled and claim.job.entitled_since is not None:
        since = min(cycle.now, claim.job.entitled_since)
    return since + claim.pool.notice_s


def reclaim(cycle: Cycle, claim: Claim) -> Taking | Waiting | None:
    """What the claim may take or wait for; nothing when the rules give it nothing."""
    ground = surely_by(cycle, claim)
    until = ground.moment
    if ground.stands():
        return Waiting(until)
    longest = longest_slack(cycle, claim.pool)
    if (likely := likely_by(ground, longest)) and likely.stands():
        return Waiting(until)  # whoever would have to be told in time, if the estimates fail
    groups = _candidates(cycle, claim, ground)
    if not (claim.entitled or claim.job.required or claim.pool.exclusive):  # nobody is moved for it
        slowest = _slack(cycle, claim, (g[0].job for g in groups))
        if slowest < longest and (likely := likely_by(ground, slowest)) and likely.stands():
            return Waiting(until)
    taking = take(cycle, claim, ground, groups)
    slack = _slack(cycle, claim, (o.job for o in taking.options)) if taking else 0.0

    likely = likely_by(ground, slack)
    if likely is None:
        return taking
    if likely.stands():
        return Waiting(until)
    return take(cycle, claim, likely, _candidates(cycle, claim, likely))


def surely_by(cycle: Cycle, claim: Claim) -> Ground:
    """What there is at the end of the claim's notice, whatever happens."""
    # A victim gets MIN_GRACE_S at the least, so that what is free by then is not worth one, even after the notice.
    until = max(deadline(cycle, claim), cycle.now + MIN_GRACE_S)
    return Ground(cycle, claim, cycle.estate.ends[claim.pool.name].over_by(until), until)


def likely_by(surely: Ground, slack: float) -> Ground | None:
    """What there is by estimates, too, of which one that fails is known so many seconds before; none if no more."""
    cycle, claim, until = surely.cycle, surely.claim, surely.moment
    ends = cycle.estate.ends[claim.pool.name]
    over = ends.over_by(until, until - slack, cycle.now)
    return Ground(cycle, claim, over, until) if over != surely.over else None


def _slack(cycle: Cycle, claim: Claim, victims: Iterable[str]) -> float:
    """Seconds before the end of the notice at which these victims must be told, should an estimate fail."""
    graces = [needed_grace(cycle.estate.running[job].job, claim.pool) for job in victims]
    return max(graces, default=0.0) + (claim.pool.handover_s or 0.0)


def longest_slack(cycle: Cycle, pool: Pool) -> float:
    """The slack of the slowest victims that save when told, as many as ran when it was asked for first."""
    if pool.name not in cycle.slack:
        graces = [s for s, jobs in cycle.estate.graces[pool.name].items() if jobs and s <= pool.notice_s]
        cycle.slack[pool.name] = max([MIN_GRACE_S, *graces]) + (pool.handover_s or 0.0)
    return cycle.slack[pool.name]


def _candidates(cycle: Cycle, claim: Claim, ground: Ground) -> list[Group]:
    """Jobs from which the claim may take something that it would not have by then anyway."""
    if not claim.entitled and takes_from_nobody(cycle, claim, ground):
        return []
    return [g for g in candidates(cycle, claim, ground.charges(NOTHING)) if g[0].job not in ground.over]


def take(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group]) -> Taking | None:
    """The cheapest victims of these candidates that let the claim stand on this ground."""
    idle = Idle(cycle, claim, ground)
    useful = groups if claim.entitled else [g for group in groups if (g := _useful(claim, ground, group, idle))]
    likely = within_right(cycle, claim, ground, useful)
    best = _evicting(cycle, claim, ground, likely, idle) if _give_room(claim, ground, likely) else None
    if claim.job.required or (best is None and claim.entitled):
        best = with_moves(cycle, claim, ground, likely, idle, best)
    if claim.pool.exclusive and not claim.entitled:
        best = gathered(cycle, claim, ground, best)
    return best


def _give_room(claim: Claim, ground: Ground, groups: Sequence[Group]) -> bool:
    """Whether there would be room for the claim's workers if all of these gave what they can, seen from afar."""
    if claim.pool.exclusive:
        return bool(groups)
    freed = freed_by(group[-1] for group in groups)
    return ground.outlook.rooms(claim.job.gpus_per_worker, freed) >= claim.job.min_workers


def _useful(claim: Claim, ground: Ground, group: Group, idle: Idle) -> Group:
    """The ways of giving that do not leave GPUs idle whatever else is taken."""
    if claim.pool.exclusive and group[0].tenant != claim.tenant.name:
        hosts = (name for name in group[-1].freed if ground.outlook.base(name) is not None)
        return () if all(ground.holders.crowded(name, idle.on_a_host) for name in hosts) else group
    if group[-1].gpus <= idle.usable:
        return group
    return tuple(option for option in group if not idle.left_by((option,)))


def _evicting(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group], idle: Idle) -> Taking | None:
    effort, anywhere = Effort(), test_of(cycle, claim, ground, groups, None, idle)
    if not groups or not anywhere.possible([group[-1] for group in groups]):
        return None
    found = _in_one_domain(cycle, claim, ground, groups, idle, effort) or cheapest(groups, anywhere, effort)
    return _taking(cycle, claim, ground, found) if found else None


def _taking(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option]) -> Taking | None:
    nodes = ground.stand(freed_by(options), cap=cap_of(cycle, claim, options))
    return Taking(claim, nodes, tuple(options), {}) if nodes else None


def _in_one_domain(
    cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group], idle: Idle, effort: Effort
) -> tuple[Option, ...] | None:
    """The best set of each domain by itself, then the best of all, where the gang must stand in one domain."""
    best: tuple[Option, ...] | None = None
    for least, there, test in by_domain(cycle, claim, ground, groups, idle) if len(groups) > 1 else ():
        if best is not None and cost(best) < least:
            break
        found = cheapest(there, test, effort)
        if found and (best is None or cost(found) < cost(best)):
            best = found
    return best
