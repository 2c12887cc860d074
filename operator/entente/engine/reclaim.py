"""Rules 4 to 7 for one claim: wait for what comes free by itself, else take the least work there is to lose."""

from collections.abc import Sequence
from dataclasses import dataclass

from entente.engine.candidates import candidates
from entente.engine.cycle import Claim, Cycle
from entente.engine.domains import by_domain
from entente.engine.estate import Running
from entente.engine.ground import Ground
from entente.engine.limits import cap_of, takes_from_nobody, test_of, within_right
from entente.engine.model import MIN_GRACE_S
from entente.engine.moves import gathered, with_moves
from entente.engine.option import Group, Option
from entente.engine.risk import enforced_end, estimated_end, known_end, needed_grace
from entente.engine.taking import Taking
from entente.engine.victims import cheapest, cost, freed_by


@dataclass(frozen=True, slots=True)
class Waiting:
    """GPUs that come free by themselves within the notice."""

    nodes: dict[str, int]
    turn: float


def deadline(cycle: Cycle, claim: Claim) -> float:
    """When the claim's notice ends: it runs from when the job became both pending and entitled."""
    since = cycle.now
    if claim.entitled and claim.job.entitled_since is not None:
        since = min(cycle.now, claim.job.entitled_since)
    return since + claim.pool.notice_s


def reclaim(cycle: Cycle, claim: Claim) -> Taking | Waiting | None:
    """What the claim may take or wait for; nothing when the rules give it nothing."""
    # A victim gets MIN_GRACE_S at the least, so that what is free by then is not worth one, even after the notice.
    until = max(deadline(cycle, claim), cycle.now + MIN_GRACE_S)

    timed = [r for r in cycle.estate.timed[claim.pool.name].values() if not r.new]
    surely = {r.job.key for r in timed if _enforced_by(cycle, claim, r, until)}
    ground = Ground(cycle, claim, surely, until)
    if ground.stand() is not None:
        return wait_for(cycle, claim, until)
    taking = take(cycle, claim, ground)
    slack = _slack(cycle, claim, taking) if taking else 0.0

    likely = surely | {r.job.key for r in timed if _estimated_by(cycle, r, until - slack)}
    if likely != surely:
        ground = Ground(cycle, claim, likely, until)
        if ground.stand() is not None:
            return wait_for(cycle, claim, until)
        taking = take(cycle, claim, ground)
    return taking


def _slack(cycle: Cycle, claim: Claim, taking: Taking) -> float:
    """Seconds before the end of the notice at which these victims must be told, should an estimate fail."""
    graces = [needed_grace(cycle.estate.running[o.job].job, claim.pool) for o in taking.options]
    return max(graces, default=0.0) + (claim.pool.handover_s or 0.0)


def _enforced_by(cycle: Cycle, claim: Claim, running: Running, moment: float) -> bool:
    end = enforced_end(running.job, claim.pool, cycle.now)
    return end is not None and end <= moment


def _estimated_by(cycle: Cycle, running: Running, moment: float) -> bool:
    end = estimated_end(running.job, cycle.now)
    return end is not None and end <= moment


def wait_for(cycle: Cycle, claim: Claim, until: float) -> Waiting | None:
    """The earliest known end by which the claim can stand with its least workers, and where."""
    going = {key for host in cycle.estate.stocks[claim.pool.name].moving.values() for key in host.going}
    leaving = {end for key in going if (end := cycle.leaves_by(key, claim.pool)) <= until}
    ends = sorted(leaving | {end for end in known_ends(cycle, claim).values() if end <= until})
    low, high, found = 0, len(ends), None
    while low < high:  # what has come free stays free: more ends never hurt
        middle = (low + high) // 2
        nodes = Ground(cycle, claim, ends_by(cycle, claim, ends[middle]), ends[middle]).stand(least=True)
        if nodes is None:
            low = middle + 1
        else:
            high, found = middle, Waiting(nodes, max(cycle.now, ends[middle]))
    return found


def known_ends(cycle: Cycle, claim: Claim) -> dict[str, float]:
    """When running jobs of the claim's pool are over, of which that is known."""
    found = {}
    for key, running in cycle.estate.timed[claim.pool.name].items():
        end = None if running.new else known_end(running.job, claim.pool, cycle.now)
        if end is not None:
            found[key] = max(cycle.now, end)
    return found


def ends_by(cycle: Cycle, claim: Claim, moment: float) -> set[str]:
    """Running jobs of the claim's pool that are known to be over by then."""
    return {key for key, end in known_ends(cycle, claim).items() if end <= moment}


def take(cycle: Cycle, claim: Claim, ground: Ground) -> Taking | None:
    """The cheapest victims that let the claim stand on this ground."""
    if not claim.entitled and takes_from_nobody(cycle, claim, ground):
        free = sum(spot.free for spot in ground.spots())
        if not claim.job.required or free < claim.least_gpus:
            return None  # at the most jobs may be moved, which frees no GPUs
    groups = [g for g in candidates(cycle, claim) if g[0].job not in ground.over]
    likely = within_right(cycle, claim, ground, groups)
    found = _in_one_domain(cycle, claim, ground, likely) or cheapest(likely, test_of(cycle, claim, ground, None))
    best = _taking(cycle, claim, ground, found) if found else None
    if claim.job.required or (best is None and claim.entitled):
        best = with_moves(cycle, claim, ground, groups, best)
    if claim.pool.exclusive and not claim.entitled:
        best = gathered(cycle, claim, ground, best)
    return best


def _taking(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option]) -> Taking | None:
    nodes = ground.stand(freed_by(options), cap=cap_of(cycle, claim, options))
    return Taking(claim, nodes, tuple(options), {}) if nodes else None


def _in_one_domain(cycle: Cycle, claim: Claim, ground: Ground, groups: Sequence[Group]) -> tuple[Option, ...] | None:
    """The best set of each domain by itself, then the best of all, where the gang must stand in one domain."""
    best: tuple[Option, ...] | None = None
    for least, there, test in by_domain(cycle, claim, ground, groups) if len(groups) > 1 else ():
        if best is not None and cost(best) < least:
            break
        found = cheapest(there, test)
        if found and (best is None or cost(found) < cost(best)):
            best = found
    return best
