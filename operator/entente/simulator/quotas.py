"""Guarantees for the tenants of a trace: in proportion to their work, and never too small for their largest gang."""

from collections.abc import Mapping

from entente.api.amounts import count
from entente.engine.guarantees import apportion


class QuotaError(Exception):
    """The capacity is too small for the largest gang of each tenant."""


def proportional(capacity: int, work: Mapping[str, float], least: Mapping[str, int], unit: int = 1) -> dict[str, int]:
    """Divide all of a capacity among tenants.

    Whoever would get less than its least gets that; the others divide the rest, again in proportion to their work, by
    largest remainder, ties by name.

    Args:
        capacity: GPUs, a multiple of the unit.
        work: GPU-hours of each tenant.
        least: GPUs below which a tenant is not to be.
        unit: GPUs of a host, where hosts are not shared.

    Raises:
        QuotaError: even the least of all tenants together is more than there is.
    """
    units = capacity // unit
    floors = {name: -(-least[name] // unit) for name in sorted(work)}
    if sum(floors.values()) > units:
        needed = sum(floors.values()) * unit
        message = f"the largest gangs of all tenants need {count(needed, 'GPU')}, and the pools have {capacity}"
        raise QuotaError(message)
    parts = {name: max(0, round(work[name])) for name in floors}
    raised: dict[str, int] = {}
    while True:
        rest = {name: part for name, part in parts.items() if name not in raised}
        shares = apportion(units - sum(raised.values()), rest) if any(rest.values()) else dict.fromkeys(rest, 0)
        below = {name: floors[name] for name, share in shares.items() if share < floors[name]}
        if not below:
            break
        raised |= below
    found = raised | shares
    spare = units - sum(found.values())  # nobody works, or all are raised
    for index, name in enumerate(floors):
        found[name] += spare // len(floors) + (index < spare % len(floors))
    return {name: found[name] * unit for name in floors}
