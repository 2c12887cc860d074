"""Bounds of what a claim lacks on some ground: the room that its victims must make, and what its tenant is charged."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from entente.engine.bounds import Room
from entente.engine.ground import Ground
from entente.engine.outlook import NOTHING
from entente.engine.placement import Spot


def lacking(ground: Ground, only: frozenset[str] | None, most: float = math.inf) -> Room:
    """What the claim's least gang lacks on these hosts (all of them if none are named).

    `most`: where hosts are not shared, one on which others have more GPUs than that makes no room.
    """
    claim, per = ground.claim, ground.claim.job.gpus_per_worker

    @cache
    def made(name: str, gpus: int) -> int:
        base = ground.outlook.base(name)
        if base is None or (only is not None and name not in only):
            return 0
        before = max(0, base) // per
        if claim.pool.exclusive and (others := ground.holders.others_on(name)):
            before = 0
            if gpus < sum(others.values()) or ground.holders.crowded(name, most):
                return 0
        return max(0, min(base + gpus, ground.estate.hosts[name].capacity)) // per - before

    found = _found_alone(ground, only) if claim.pool.exclusive else ground.outlook.rooms(per, only=only)
    return Room(max(0, claim.job.min_workers - found), per, made)


def charged_alone(ground: Ground, given: Mapping[str, int]) -> int:
    """What the tenant is charged with the claim on exclusive hosts, at the least.

    `given`: GPUs of each host that its own jobs could give to it.
    """
    tenant, per = ground.claim.tenant.name, ground.claim.job.gpus_per_worker
    at_home = rooms_alone(_spots(ground), per, 0) + sum(-(-gpus // per) for gpus in given.values())
    charged = ground.charges(NOTHING)[tenant] - sum(ground.holders.left(tenant, given).values())
    return charged + max(0, ground.claim.job.min_workers - at_home) * per


def rooms_alone(spots: Iterable[Spot], gpus: int, further: int) -> int:
    """Workers of so many GPUs that find room on exclusive hosts: on their tenant's own, and on some of the others.

    `further`: GPUs of all the hosts that the tenant may have beside its own.
    """
    rooms = {True: 0, False: 0}
    for spot in spots:
        rooms[spot.own] += spot.free // gpus
    return rooms[True] + min(-(-further // gpus), rooms[False])


def _found_alone(ground: Ground, only: frozenset[str] | None) -> int:
    """Workers that find room on exclusive hosts: the tenant's, and as many further ones as others leave it."""
    further = ground.allowance(NOTHING, ground.charges(NOTHING))
    return rooms_alone(_spots(ground, only), ground.claim.job.gpus_per_worker, further)


def _spots(ground: Ground, only: frozenset[str] | None = None) -> Sequence[Spot]:
    claim = ground.claim
    return ground.outlook.spots(claim.tenant.name, least=claim.job.gpus_per_worker, only=only)
