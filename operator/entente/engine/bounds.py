"""A lower bound of what a set of victims costs once it is complete: the least that makes the room still missing.

Dynamic programming over the candidates that are left, host by host: exact in all that adds up (work at risk, GPUs,
jobs) where each candidate is on one host and room for workers is all that matters; else the true cost is higher, never
lower. Own work is counted first, by priority, as in the cost of a set.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from entente.engine.option import Group, Option

Amounts = tuple[int, int, int, int, int]
"""Own work at risk, work at risk (thousandths of GPU-seconds, so that sums are exact), GPUs evicted, GPUs, jobs."""

NOTHING: Amounts = (0, 0, 0, 0, 0)

NO_OWN = float("-inf")
"""The priority of a set without own victims."""

Bound = tuple[float, Amounts]
"""The highest priority of own victims, and the amounts."""


def amounts(option: Option) -> Amounts:
    """What an option adds to the cost of a set."""
    risk = round(option.risk * 1000)
    evicted = option.gpus if option.keeps is None and not option.moves else 0
    own = risk + 1 if option.own else 0  # own work that loses nothing is own work, too
    return (own, risk, evicted, option.gpus, 1)


def plus(one: Amounts, other: Amounts) -> Amounts:
    """The amounts of both."""
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3], one[4] + other[4])


@dataclass(frozen=True, slots=True)
class Room:
    """What a placement still lacks."""

    workers: int
    """Workers that find no room as it is."""
    gpus_per_worker: int
    made: Callable[[str, int], int]
    """Further workers that a host takes when so many GPUs are freed on it, at the most."""


def main_host(group: Group) -> str:
    """The host on which a candidate gives most."""
    freed = group[-1].freed
    return min(freed, key=lambda name: (-freed[name], name), default="")


class Bounds:
    """Bounds for one list of candidates, which must be in the order of their main hosts."""

    def __init__(self, groups: Sequence[Group], room: Room) -> None:
        self.groups, self.room = groups, room
        self.hosts = [main_host(g) for g in groups]
        self._main = {g[-1].job: host for g, host in zip(groups, self.hosts, strict=True)}
        self._limits = (NO_OWN, *sorted({o.rank for g in groups for o in g if o.own}))
        self._known: dict[tuple[float, int, int, int], Amounts | None] = {}

    def rest(self, rank: float, chosen: Sequence[Option], after: int) -> Bound | None:
        """The least that a set still needs of the candidates from `after` on, if they can complete it.

        `rank` is the highest priority of its own victims; that of the bound is of the whole set.
        """
        here = self.hosts[after] if after < len(self.groups) else None
        missing, freed = self.room.workers, dict[str, int]()
        for option in chosen:
            host = self._main[option.job]
            freed[host] = freed.get(host, 0) + option.freed.get(host, 0)
            missing -= self._beside(option, host)
        missing -= sum(self.room.made(host, gpus) for host, gpus in freed.items() if host != here)
        for limit in self._limits:
            if limit >= rank:
                least = self._least(limit, after, missing, freed.get(here, 0) if here is not None else 0)
                if least is not None:
                    return limit, least
        return None

    def lacks(self, chosen: Sequence[Option]) -> bool:
        """Whether a set surely makes too little room."""
        missing, freed = self.room.workers, dict[str, int]()
        for option in chosen:
            for host, gpus in option.freed.items():
                freed[host] = freed.get(host, 0) + gpus
        return missing > sum(self.room.made(host, gpus) for host, gpus in freed.items())

    def _beside(self, option: Option, host: str) -> int:
        """Workers for which an option makes room on other hosts than its main one, at the most."""
        per = self.room.gpus_per_worker
        return sum(
            -(-gpus // per) * bool(self.room.made(name, 1 << 30)) for name, gpus in option.freed.items() if name != host
        )

    def _least(self, limit: float, index: int, missing: int, freed: int) -> Amounts | None:
        """The least amounts of the candidates from `index` on, with own ones up to a priority.

        `freed` are GPUs that candidates before it give on its host.
        """
        if index == len(self.groups):
            return NOTHING if missing <= 0 else None
        if missing - self.room.made(self.hosts[index], freed) <= 0:
            return NOTHING
        key = (limit, index, missing, freed)
        if key not in self._known:
            self._known[key] = self._best(limit, index, missing, freed)
        return self._known[key]

    def _best(self, limit: float, index: int, missing: int, freed: int) -> Amounts | None:
        best = self._next(limit, index, missing, freed)
        for option in self.groups[index]:
            if option.own and option.rank > limit:
                continue
            here = freed + option.freed.get(self.hosts[index], 0)
            rest = self._next(limit, index, missing - self._beside(option, self.hosts[index]), here)
            if rest is not None:
                total = plus(amounts(option), rest)
                best = total if best is None else min(best, total)
        return best

    def _next(self, limit: float, index: int, missing: int, freed: int) -> Amounts | None:
        host, following = self.hosts[index], index + 1
        if following < len(self.groups) and self.hosts[following] == host:
            return self._least(limit, following, missing, freed)
        return self._least(limit, following, missing - self.room.made(host, freed), 0)
