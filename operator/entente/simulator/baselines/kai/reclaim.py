"""Who may take from whom: the rules of reclaim (N13-N18), apart from the search for victims.

After pkg/scheduler/plugins/proportion/reclaimable/{reclaimable,filter_victims}.go and .../strategies/strategies.go of
kai-scheduler/KAI-Scheduler.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from entente.simulator.baselines.kai.queues import Queue, non_preemptible_over_quota


@dataclass(frozen=True, slots=True)
class Claim:
    """What a pending job asks for: all of a gang, or as many of its workers as are tried together."""

    queue: Queue
    gpus: int
    non_preemptible: bool = False


def may_reclaim(claim: Claim) -> bool:
    """Whether a job may take from other queues at all: its queue stays within its fair share with it (N13)."""
    if claim.queue.allocated + claim.gpus > claim.queue.fair_share:
        return False
    quota = claim.queue.quota
    return not (
        claim.non_preemptible and quota is not None and claim.queue.allocated_non_preemptible + claim.gpus > quota
    )


def leveled(reclaimer: Queue, victim: Queue) -> tuple[Queue, Queue]:
    """The two queues to be compared: those just below the lowest common ancestor of the leaves (N15)."""
    mine, theirs = list(reclaimer.path())[::-1], list(victim.path())[::-1]
    pair = (reclaimer, victim)
    for pair in zip(mine, theirs, strict=False):
        if pair[0] is not pair[1]:
            break
    return pair


def may_be_victim(claim: Claim, victim: Queue) -> bool:
    """Whether a queue's jobs are looked at as victims: a job of a queue for which no scenario can hold is not."""
    mine, theirs = leveled(claim.queue, victim)
    if mine.within_quota(claim.gpus):
        return theirs.quota is not None and theirs.allocated > theirs.quota
    return _above(theirs.allocated, theirs.allocatable)


def valid(
    claim: Claim, victims: Mapping[str, Sequence[int]], leaves: Mapping[str, Queue], slowness: float = 1.0
) -> bool:
    """Whether a job may have these GPUs of other queues (N16, N17).

    Args:
        claim: The job.
        victims: By leaf, the GPUs of each victim, in the order in which they are taken. Jobs that get a new place in
            the same scenario are no victims.
        leaves: All leaves by name.
        slowness: m of N18, at least 1; 1 unless set otherwise.
    """
    remaining: dict[str, int] = {}
    touched: dict[str, Queue] = {}
    for name, taken in victims.items():
        leaf = leaves[name]
        mine, theirs = leveled(claim.queue, leaf)
        for gpus in taken:
            if not _may_lose(claim, mine, theirs, remaining.get(theirs.name, theirs.allocated)):
                return False
            for queue in leaf.path():
                remaining[queue.name] = remaining.get(queue.name, queue.allocated) - gpus
                touched[queue.name] = queue
    return _within_boundaries(claim, remaining, touched, slowness)


def _may_lose(claim: Claim, mine: Queue, theirs: Queue, remaining: int) -> bool:
    """Whether one more victim may be taken from a queue that has so many GPUs left: judged before it is taken (N16)."""
    if _above(remaining, theirs.allocatable):
        return True  # MaintainFairShare
    # GuaranteeDeserved
    return mine.within_quota(claim.gpus) and theirs.quota is not None and remaining > theirs.quota


def _within_boundaries(
    claim: Claim, remaining: Mapping[str, int], touched: Mapping[str, Queue], slowness: float
) -> bool:
    """Whether, at each level, the reclaimer stays less saturated than each queue that lost something (N17)."""
    for queue in claim.queue.path():
        after = remaining.get(queue.name, queue.allocated) + claim.gpus
        ratio = _saturation(after, queue.fair_share)
        for name, sibling in touched.items():
            if sibling.parent is not queue.parent or sibling is queue:
                continue
            theirs = _saturation(remaining[name], sibling.fair_share)
            if ratio > 1 and sibling.fair_share > 0 and ratio * slowness >= theirs:
                return False
    return not (claim.non_preemptible and non_preemptible_over_quota(claim.queue, claim.gpus))


def _above(gpus: int, bound: int | None) -> bool:
    return bound is not None and gpus > bound


def _saturation(allocated: int, fair_share: int) -> float:
    if not fair_share:
        return inf if allocated > 0 else 0.0
    return allocated / fair_share
