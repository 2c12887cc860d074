"""Rule 6: the set of victims that makes a placement possible with the least work lost.

Best-first search over sets of options, by a lower bound of what a set costs once it is complete: exact for few
candidates, and identical ones are taken in the order of their names only. Beyond that, greedy by work at risk per GPU,
and then every victim that can be left out is left out, costliest first.
"""

import heapq
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from entente.engine.bounds import NOTHING, Bounds, Room, Tally, main_host, plus
from entente.engine.option import NO_OWN, Cost, Group, Option
from entente.engine.outlook import Freed

EXACT_CANDIDATES = 20
"""Up to this many candidate jobs the minimum is exact."""

_MOST_SETS = 2_000
"""Sets looked at for one claim, over all domains, before the search falls back to the greedy one."""

NO_MATTER = Room(0, 1, lambda _host, _gpus: 0)
"""Room as such is not what is missing, or not known."""

Feasible = Callable[[Sequence[Option]], bool]


def cost(chosen: Iterable[Option]) -> Cost:
    """What a set costs; a set that holds another never costs less.

    Own victims: their highest priority, their work at risk (so that others give first, and own work only the rest).
    Then all work at risk, GPUs evicted rather than moved or shrunk away, GPUs, jobs, start times (the later goes),
    names.
    """
    options = list(chosen)
    if len(options) == 1:
        return options[0].cost
    total = NOTHING
    for option in options:
        total = plus(total, option.amounts)
    return (
        _rank(options),
        *total,
        tuple(sorted(-o.started for o in options)),
        tuple(sorted(o.job for o in options)),
    )


def _rank(options: Iterable[Option]) -> float:
    return max((o.rank for o in options if o.own), default=NO_OWN)


def freed_by(options: Iterable[Option]) -> Freed:
    return {o.job: o.freed for o in options}


@dataclass(frozen=True, slots=True)
class Test:
    allowed: Feasible
    """May be taken at all: false for every superset of a set for which it is false."""
    possible: Feasible
    """Makes the placement possible: true for every superset of a set for which it is true."""
    acceptable: Feasible
    """Anything else."""
    room: Room = NO_MATTER
    """What the placement lacks."""
    growing: Callable[[], Callable[[Option], bool]] | None = None
    """Makes what takes one option after the other if it is allowed beside those taken; else `allowed` is asked."""
    wanted: Callable[[Cost], bool] = lambda _: True
    """Whether a set of such a cost is better than what is found already: false for whatever costs more, if for this."""
    asking: int = 0
    """How many sets could be looked at while one is found not to be acceptable, beside that one."""

    def taker(self) -> Callable[[Option], bool]:
        """What takes options that are allowed beside those that it took, and says whether it did."""
        if self.growing is not None:
            return self.growing()
        taken: list[Option] = []

        def take(option: Option) -> bool:
            if not self.allowed([*taken, option]):
                return False
            taken.append(option)
            return True

        return take

    def passed(self, chosen: Sequence[Option]) -> bool:
        return self.possible(chosen) and self.acceptable(chosen)


@dataclass(slots=True)
class Effort:
    """What may still be spent on a claim."""

    sets: int = _MOST_SETS
    """Sets that may still be looked at."""


def cheapest(groups: Sequence[Group], test: Test, effort: Effort) -> tuple[Option, ...] | None:
    """The cheapest set of options of candidate jobs that passes the test, at most one option of each job."""
    ordered = _ordered(groups)
    if not ordered or not test.possible(_all_of(ordered)):
        return None
    if len(ordered) <= EXACT_CANDIDATES:
        found, finished = _search(ordered, test, effort)
        if finished:
            return found
    return _greedy(ordered, test)


def at_least(groups: Sequence[Group], test: Test) -> Cost | None:
    """What no set of these candidates that passes costs less than; none when there is no such set."""
    if len(groups) > EXACT_CANDIDATES:
        return ()  # costs more than it tells
    bound = Bounds(_ordered(groups), test.room).rest(NO_OWN, (), 0)
    return (bound[0], *bound[1]) if bound else None


def _ordered(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda g: (main_host(g), g[-1].cost))


def _all_of(groups: Sequence[Group]) -> list[Option]:
    return [g[-1] for g in groups]


def _search(groups: Sequence[Group], test: Test, effort: Effort) -> tuple[tuple[Option, ...] | None, bool]:
    """The cheapest set that passes; none when there is none. False when the search was given up."""
    tree = _Tree(groups, test)
    tree.add((), 0)
    while effort.sets:
        effort.sets -= 1
        if not tree.heap:
            return None, True
        _, _, chosen, after, enough = heapq.heappop(tree.heap)
        if not enough:
            tree.branch(chosen, after)
        elif test.acceptable(chosen):  # asked for late: it costs most
            return chosen, True
        else:
            effort.sets = max(0, effort.sets - test.asking)
            tree.add(chosen, after)
    return None, False


class _Tree:
    """Sets still to look at, each with the first candidate that is not decided about, and whether it makes room."""

    def __init__(self, groups: Sequence[Group], test: Test) -> None:
        self.groups, self.test, self.twins = groups, test, _twins(groups)
        self.bounds = Bounds(groups, test.room)
        self.heap: list[tuple[Cost, int, tuple[Option, ...], int, bool]] = []
        self._serial = 0
        lacking = bisect(range(len(groups)), 0, key=lambda i: int(not test.possible(_all_of(groups[i:]))))
        self._enough_from = lacking - 1
        """The candidates from there on make the placement possible all together, whoever else gives."""
        self._latest = [sorted(-g[-1].started for g in groups[index:]) for index in range(len(groups) + 1)]

    def add(self, chosen: tuple[Option, ...], after: int) -> None:
        """Keep a set and all that may become of it, unless what is left of the candidates cannot complete it."""
        rest = self.bounds.rest(_rank(chosen), chosen, after)
        if rest is None:
            return
        rank, total = rest
        more = total[-1]
        for option in chosen:
            total = plus(total, option.amounts)
        starts = sorted([*(-o.started for o in chosen), *self._latest[after][:more]])
        self._push((rank, *total, tuple(starts), ()), chosen, after, enough=False)

    def _push(self, key: Cost, chosen: tuple[Option, ...], after: int, *, enough: bool) -> None:
        if not self.test.wanted(key):
            return
        self._serial += 1
        heapq.heappush(self.heap, (key, self._serial, chosen, after, enough))

    def branch(self, chosen: tuple[Option, ...], after: int) -> None:
        """Decide about one more candidate: each way in which it may give GPUs, or that it gives none."""
        if after == len(self.groups):
            return
        twin = self.twins[after]
        if twin is None or any(o.job == twin for o in chosen):
            tally = Tally(self.test.room, chosen)
            for option in self.groups[after]:
                larger = (*chosen, option)
                if not self.test.allowed(larger):
                    continue
                tally.add(option)
                if not tally.lacks and self.test.possible(larger):
                    self._push(cost(larger), larger, after + 1, enough=True)
                else:
                    self.add(larger, after + 1)
                tally.drop(option)
        later = after + 1
        if later <= self._enough_from or self.test.possible([*chosen, *_all_of(self.groups[later:])]):
            self.add(chosen, later)


def _twins(groups: Sequence[Group]) -> list[str | None]:
    """For each candidate the one just like it that must be taken first."""
    last: dict[object, str] = {}
    twins: list[str | None] = []
    for group in groups:
        option = group[-1]
        like = (
            option.tenant,
            option.own,
            option.rank,
            option.risk,
            option.started,
            len(group),
            option.moves,
            tuple(sorted(option.freed.items())),
        )
        twins.append(last.get(like))
        last[like] = option.job
    return twins


def _greedy(groups: Sequence[Group], test: Test) -> tuple[Option, ...] | None:
    ordered = sorted(_all_of(groups), key=lambda o: (o.own, o.rank if o.own else 0, o.risk / max(1, o.gpus), o.cost))
    chosen = _enough(ordered, test) or _enough([o for o in ordered if o.own], test)
    return None if chosen is None else tuple(_without_needless(chosen, {g[-1].job: g[:-1] for g in groups}, test))


def _without_needless(chosen: list[Option], smaller: Mapping[str, Group], test: Test) -> list[Option]:
    """The set without victims that can be left out, or give less; the costliest first."""
    tally = Tally(test.room, chosen)
    for option in sorted(chosen, key=lambda o: o.cost, reverse=True):
        without = [o for o in chosen if o is not option]
        tally.drop(option)
        if not (tally.lacks or tally.lacks_own) and test.passed(without):
            chosen = without
            continue
        for less in smaller[option.job]:
            tally.add(less)
            if less.risk <= option.risk and not tally.lacks:
                changed = [*without, less]
                if test.allowed(changed) and test.passed(changed):
                    chosen = changed
                    break
            tally.drop(less)
        else:
            tally.add(option)
    return chosen


def _enough(ordered: Sequence[Option], test: Test) -> list[Option] | None:
    """Options one after the other, until they will do."""
    chosen: list[Option] = []
    tally, take = Tally(test.room), test.taker()
    for option in ordered:
        if tally.lacks_own and not tally.lacks and not test.room.is_own(option):
            continue  # there is room, to which more of others' work would add nothing
        if take(option):
            chosen.append(option)
            tally.add(option)
            if not (tally.lacks or tally.lacks_own) and test.passed(chosen):
                return chosen
    return None
