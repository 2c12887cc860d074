"""A lower bound of what a set of victims costs once it is complete: the least that makes the room still missing.

Dynamic programming over the candidates that are left, host by host: exact in all that adds up (work at risk, GPUs,
jobs) where each candidate is on one host and room for workers is all that matters; else the true cost is higher, never
lower. Own work is counted first, by priority, as in the cost of a set.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate

from entente.engine.option import NO_OWN, Amounts, Group, Option

NOTHING: Amounts = (0, 0, 0, 0, 0)

Bound = tuple[float, Amounts]
"""The highest priority of own victims, and the amounts."""


def plus(one: Amounts, other: Amounts) -> Amounts:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3], one[4] + other[4])


class Givers(Enum):
    ALL = auto()
    NOT_OTHERS = auto()
    """Nobody else's for good."""
    OWN_FOR_NOTHING = auto()
    """All, but the tenant's own at no cost."""


Who = tuple[float, Givers]
"""Who may give: own jobs up to a priority, and which others."""


@dataclass(frozen=True, slots=True)
class Room:
    workers: int
    """Workers that find no room as it is."""
    gpus_per_worker: int
    made: Callable[[str, int], int]
    """Further workers that a host takes when so many GPUs are freed on it, at the most."""
    tenant: str = ""
    """Whose claim it is."""
    gpus: int = 0
    """GPUs that a set must give at the least, wherever they are: what is free beyond others' rights is too little."""
    own_gpus: int = 0
    """GPUs that this tenant's own jobs must give before those of others may give any."""

    def is_own(self, option: Option) -> bool:
        """Whether it is work of the claim's own tenant."""
        return option.tenant == self.tenant

    def by_other(self, option: Option) -> bool:
        """Whether it is taken from another tenant for good."""
        return not (self.is_own(option) or option.moves)


class Tally:
    """The room that a set of victims makes, kept up as it grows and shrinks."""

    def __init__(self, room: Room, chosen: Iterable[Option] = ()) -> None:
        self._room, self._freed, self._made, self._gpus, self._own = room, dict[str, int](), 0, 0, 0
        self._others = 0
        for option in chosen:
            self.add(option)

    @property
    def lacks(self) -> bool:
        """Whether the set surely makes too little room."""
        return self._room.workers > self._made or self._room.gpus > self._gpus

    @property
    def lacks_own(self) -> bool:
        """Whether it gives too little of the tenant's own work for that of others to be taken."""
        return self._others > 0 and self._room.own_gpus > self._own

    def add(self, option: Option) -> None:
        self._count(option, 1)
        for host, gpus in option.freed.items():
            self._change(host, gpus)

    def drop(self, option: Option) -> None:
        self._count(option, -1)
        for host, gpus in option.freed.items():
            self._change(host, -gpus)

    def _count(self, option: Option, sign: int) -> None:
        self._gpus += sign * option.gives
        if self._room.is_own(option):
            self._own += sign * option.gpus
        elif self._room.by_other(option):
            self._others += sign * option.gpus

    def _change(self, host: str, gpus: int) -> None:
        before = self._freed.get(host, 0)
        self._made += self._room.made(host, before + gpus) - self._room.made(host, before)
        self._freed[host] = before + gpus


def main_host(group: Group) -> str:
    """The host on which a candidate gives most."""
    freed = group[-1].freed
    if len(freed) == 1:
        return next(iter(freed))
    return min(freed, key=lambda name: (-freed[name], name), default="")


class Bounds:
    """Bounds for one list of candidates, which must be in the order of their main hosts."""

    def __init__(self, groups: Sequence[Group], room: Room) -> None:
        self.groups, self.room = groups, room
        self.hosts = [main_host(g) for g in groups]
        self._main = {g[-1].job: host for g, host in zip(groups, self.hosts, strict=True)}
        self._limits = (NO_OWN, *sorted({o.rank for g in groups for o in g if o.own}))
        most = [max(o.gives for o in group) for group in groups]
        self._most = [0, *accumulate(reversed(most))][::-1]
        """GPUs that the candidates from each on give for good, at the most."""
        self._known: dict[tuple[Who, int, int, int], Amounts | None] = {}
        self._known_given: dict[tuple[bool, float, int, int], Amounts | None] = {}
        self._known_beside: dict[int, int] = {}
        """By identity of an option."""

    def rest(self, rank: float, chosen: Sequence[Option], after: int) -> Bound | None:
        """The least that a set still needs of the candidates from `after` on, if they can complete it.

        `rank` is the highest priority of its own victims; that of the bound is of the whole set.
        """
        gpus = self.room.gpus - sum(o.gives for o in chosen)
        if self._most[after] < gpus:
            return None
        here = self.hosts[after] if after < len(self.groups) else None
        missing, freed = self.room.workers, dict[str, int]()
        for option in chosen:
            host = self._main[option.job]
            freed[host] = freed.get(host, 0) + option.freed.get(host, 0)
            missing -= self._beside(option, host)
        missing -= sum(self.room.made(host, gpus) for host, gpus in freed.items() if host != here)
        there = freed.get(here, 0) if here is not None else 0
        own = self.room.own_gpus - sum(o.gpus for o in chosen if self.room.is_own(o))
        others = any(self.room.by_other(o) for o in chosen)
        for limit in self._limits:
            if limit >= rank:
                least = self._with_own(limit, after, missing, there, own, others=others)
                # where hosts lack room, too, what makes it bounds the cost by itself
                given = NOTHING if self.room.workers > 0 else self._least_given(limit, after, gpus, own=False)
                if least is not None and given is not None:
                    return limit, max(least, given)
        return None

    def _with_own(
        self, limit: float, after: int, missing: int, freed: int, own: int, *, others: bool
    ) -> Amounts | None:
        """The least amounts when others may only give beside so many GPUs of the tenant's own jobs."""
        least = self._least((limit, Givers.ALL), after, missing, freed)
        if least is None or own <= 0:
            return least
        alone = None if others else self._least((limit, Givers.NOT_OTHERS), after, missing, freed)
        given = self._least_given(limit, after, own, own=True)
        if given is None or (alone is not None and alone <= given):
            return alone
        beside = self._least((limit, Givers.OWN_FOR_NOTHING), after, missing, freed)
        assert beside is not None  # noqa: S101 - the same jobs give as for `least`
        both = max(least, plus(given, beside))
        return both if alone is None else min(alone, both)

    def own_first(self) -> Bound | None:
        """The highest priority and the amounts of the own jobs that must give before others do, at the least."""
        for limit in self._limits:
            given = self._least_given(limit, 0, self.room.own_gpus, own=True)
            if given is not None:
                return limit, given
        return None

    def _beside(self, option: Option, host: str) -> int:
        """Workers for which an option makes room on other hosts than its main one, at the most."""
        if len(option.freed) == 1:
            return 0
        found = self._known_beside.get(id(option))
        if found is None:
            per, made = self.room.gpus_per_worker, self.room.made
            others = ((name, gpus) for name, gpus in option.freed.items() if name != host)
            found = sum(-(-gpus // per) for name, gpus in others if made(name, 1 << 30))
            self._known_beside[id(option)] = found
        return found

    def _least_given(self, limit: float, index: int, gpus: int, *, own: bool) -> Amounts | None:
        """The least amounts of candidates from `index` on that give so many GPUs wherever they are; of `own` jobs only.

        Own jobs that are moved count among the latter, though they give nothing for good.
        """
        if gpus <= 0:
            return NOTHING
        if index == len(self.groups):
            return None
        key = (own, limit, index, gpus)
        if key not in self._known_given:
            best = self._least_given(limit, index + 1, gpus, own=own)
            for option in self.groups[index]:
                given = option.gpus if own else option.gives
                if not given or (own and not self.room.is_own(option)) or (option.own and option.rank > limit):
                    continue
                rest = self._least_given(limit, index + 1, gpus - given, own=own)
                if rest is not None:
                    total = plus(option.amounts, rest)
                    best = total if best is None else min(best, total)
            self._known_given[key] = best
        return self._known_given[key]

    def _least(self, who: Who, index: int, missing: int, freed: int) -> Amounts | None:
        """The least amounts of the candidates from `index` on; `freed` are GPUs that those before give on its host."""
        if index == len(self.groups):
            return NOTHING if missing <= 0 else None
        if missing - self.room.made(self.hosts[index], freed) <= 0:
            return NOTHING
        key = (who, index, missing, freed)
        if key not in self._known:
            self._known[key] = self._best(*key)
        return self._known[key]

    def _best(self, who: Who, index: int, missing: int, freed: int) -> Amounts | None:
        limit, givers = who
        best = self._next(who, index, missing, freed)
        for option in self.groups[index]:
            if option.own and option.rank > limit:
                continue
            if givers is Givers.NOT_OTHERS and self.room.by_other(option):
                continue
            here = freed + option.freed.get(self.hosts[index], 0)
            rest = self._next(who, index, missing - self._beside(option, self.hosts[index]), here)
            if rest is not None:
                costs_nothing = givers is Givers.OWN_FOR_NOTHING and self.room.is_own(option)
                total = rest if costs_nothing else plus(option.amounts, rest)
                best = total if best is None else min(best, total)
        return best

    def _next(self, who: Who, index: int, missing: int, freed: int) -> Amounts | None:
        host, following = self.hosts[index], index + 1
        if following < len(self.groups) and self.hosts[following] == host:
            return self._least(who, following, missing, freed)
        return self._least(who, following, missing - self.room.made(host, freed), 0)
