"""Rules 8 and 9: where the workers of a gang go, or that they go nowhere.

Topology first (the narrowest domain that holds the gang), then the tenant's own hosts, then best fit: the tightest host
that takes what is left, in the domain with the least free GPUs, so that whole hosts, racks and blocks stay free.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from entente.engine.model import Pool


@dataclass(frozen=True, slots=True)
class Spot:
    """A host that may take workers."""

    name: str
    domains: tuple[str, ...]
    """On each level of the pool, wide to narrow; empty where a label is missing."""
    free: int
    own: bool
    """The tenant is on it already."""


@dataclass(frozen=True, slots=True)
class Shape:
    least: int
    most: int
    """Workers: at least and, when they fit, at most."""
    gpus_per_worker: int
    level: str | None = None
    required: bool = False


def place(pool: Pool, spots: Sequence[Spot], shape: Shape) -> dict[str, int] | None:
    """Workers on each node, as many as fit between the shape's bounds; none when not even the least do.

    Deterministic: hosts are compared by what they are and last by name, never by their order in `spots`.
    """
    usable = [s for s in spots if s.free >= shape.gpus_per_worker]
    room = sum(s.free // shape.gpus_per_worker for s in usable)
    if room < shape.least:
        return None
    for members in _domains(pool, usable, shape):
        fitting = min(shape.most, sum(s.free // shape.gpus_per_worker for s in members))
        if fitting >= shape.least and (nodes := _pack(members, fitting, shape.gpus_per_worker)):
            return nodes
    return None


def holds(pool: Pool, spots: Sequence[Spot], shape: Shape) -> bool:
    """Whether the least number of workers could be placed."""
    per = shape.gpus_per_worker
    if shape.level is None or not shape.required:
        return sum(s.free // per for s in spots) >= shape.least
    if shape.level not in pool.levels:
        return False
    rooms: dict[str, int] = {}
    for spot in spots:
        if domain := spot.domains[pool.levels.index(shape.level)]:
            rooms[domain] = rooms.get(domain, 0) + spot.free // per
    return any(room >= shape.least for room in rooms.values())


def _domains(pool: Pool, spots: Sequence[Spot], shape: Shape) -> Iterable[Sequence[Spot]]:
    """Sets of hosts to try, best first: domains at or below the level asked for, narrowest first, then wider ones."""
    if shape.level is None or (shape.level not in pool.levels and not shape.required):
        yield spots
        return
    if shape.level not in pool.levels:
        return
    asked = pool.levels.index(shape.level)
    for most in dict.fromkeys((shape.most, shape.least)):
        for index in range(len(pool.levels) - 1, asked - 1, -1):
            yield from _fitting(spots, index, most, shape.gpus_per_worker)
    if shape.required:
        return
    for index in range(asked - 1, -1, -1):
        yield from _fitting(spots, index, shape.least, shape.gpus_per_worker)
    yield spots


def _fitting(spots: Sequence[Spot], index: int, workers: int, per_worker: int) -> Iterable[Sequence[Spot]]:
    """Domains of one level with room for so many workers: most of the tenant's own room first, then the least free."""
    rooms: dict[str, int] = {}
    for spot in spots:
        domain = spot.domains[index]
        rooms[domain] = rooms.get(domain, 0) + spot.free // per_worker
    members: dict[str, list[Spot]] = {domain: [] for domain, room in rooms.items() if domain and room >= workers}
    for spot in spots if members else ():
        if spot.domains[index] in members:
            members[spot.domains[index]].append(spot)
    ranked = []
    for domain, inside in members.items():
        own = sum(s.free // per_worker for s in inside if s.own)
        ranked.append((-min(own, workers), sum(s.free for s in inside), domain))
    for _, _, domain in sorted(ranked):
        yield members[domain]


def _pack(spots: Sequence[Spot], workers: int, per_worker: int) -> dict[str, int]:
    """Fill own hosts first, then others; few hosts, and the last workers on the tightest host that takes them."""
    crowd = _crowding(spots)
    nodes: dict[str, int] = {}
    for own in (True, False):
        side = [s for s in spots if s.own is own]
        workers -= _fill(side, workers, per_worker, nodes, crowd)
    return dict(sorted(nodes.items())) if not workers else {}


def _crowding(spots: Sequence[Spot]) -> Mapping[str, tuple[int, ...]]:
    """Free GPUs in the domains around each host, narrow to wide: the least free is filled first."""
    free: dict[str, int] = {}
    for spot in spots:
        for domain in spot.domains[:-1]:
            free[domain] = free.get(domain, 0) + spot.free
    return {s.name: tuple(free.get(d, 0) for d in reversed(s.domains[:-1])) for s in spots}


def _fill(
    spots: Sequence[Spot],
    workers: int,
    per_worker: int,
    nodes: dict[str, int],
    crowd: Mapping[str, tuple[int, ...]],
) -> int:
    """Put workers on these hosts; returns how many found room."""
    tight = sorted(spots, key=lambda s: (s.free, crowd[s.name], s.name))
    roomy = sorted(spots, key=lambda s: (-(s.free // per_worker), s.free, crowd[s.name], s.name))
    placed = 0
    for spot in roomy:
        left = workers - placed
        if not left:
            break
        if spot.free // per_worker >= left:
            last = next(s for s in tight if s.free // per_worker >= left and s.name not in nodes)
            nodes[last.name] = left
            return workers
        nodes[spot.name] = spot.free // per_worker
        placed += nodes[spot.name]
    return placed
