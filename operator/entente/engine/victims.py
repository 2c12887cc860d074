"""Rule 6: the set of victims that makes a placement possible with the least work lost.

Uniform-cost search over sets of options in the order of what they cost, exact for few candidates; identical candidates
are taken in the order of their names only. Beyond that, greedy by work at risk per GPU, and then every victim that
can be left out is left out, costliest first.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from entente.engine.ground import Freed

EXACT_CANDIDATES = 20
"""Up to this many candidate jobs the minimum is exact."""

_MOST_SETS = 20_000
"""Sets looked at before the search falls back to the greedy one."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way in which a running job gives GPUs."""

    job: str
    tenant: str
    own: bool
    """Of the claim's own tenant: taken only for what others' borrowed work does not give."""
    rank: float
    """Its priority where it is own; elastic surplus ranks below all."""
    risk: float
    started: float
    freed: Mapping[str, int]
    """GPUs that it gives on each node."""
    keeps: Mapping[str, int] | None = None
    """Workers that a shrunken job keeps on each node; none when it is evicted."""
    moves: bool = False
    """Evicted, and given another place in the same decision."""

    @property
    def gpus(self) -> int:
        """GPUs that it gives."""
        return sum(self.freed.values())


Group = tuple[Option, ...]
"""The options of one job, of which at most one is taken; the one that gives most comes last."""

Cost = tuple[object, ...]

Feasible = Callable[[Sequence[Option]], bool]


def cost(chosen: Iterable[Option]) -> Cost:
    """What a set costs; a set that holds another never costs less.

    Own victims: whether there are any, their highest priority, their work at risk (so that others give first, and own
    work only the rest). Then all work at risk, GPUs evicted rather than moved or shrunk away, GPUs, jobs, start times
    (the later goes), names.
    """
    options = list(chosen)
    own = [o for o in options if o.own]
    return (
        bool(own),
        max((o.rank for o in own), default=float("-inf")),
        sum(o.risk for o in own),
        sum(o.risk for o in options),
        sum(o.gpus for o in options if o.keeps is None and not o.moves),
        sum(o.gpus for o in options),
        len(options),
        tuple(sorted(-o.started for o in options)),
        tuple(sorted(o.job for o in options)),
    )


def freed_by(options: Iterable[Option]) -> Freed:
    """What a set of options gives."""
    return {o.job: o.freed for o in options}


@dataclass(frozen=True, slots=True)
class Test:
    """What a set of victims must satisfy."""

    allowed: Feasible
    """May be taken at all: false for every superset of a set for which it is false."""
    possible: Feasible
    """Makes the placement possible: true for every superset of a set for which it is true."""
    acceptable: Feasible
    """Anything else."""

    def passed(self, chosen: Sequence[Option]) -> bool:
        """Whether the set will do."""
        return self.possible(chosen) and self.acceptable(chosen)


def cheapest(groups: Sequence[Group], test: Test) -> tuple[Option, ...] | None:
    """The cheapest set of options of candidate jobs that passes the test, at most one option of each job."""
    ordered = sorted(groups, key=lambda g: cost(g[-1:]))
    if not ordered or not test.possible(_all_of(ordered)):
        return None
    if len(ordered) <= EXACT_CANDIDATES:
        found, finished = _search(ordered, test)
        if finished:
            return found
    return _greedy(ordered, test)


def _all_of(groups: Sequence[Group]) -> list[Option]:
    return [g[-1] for g in groups]


def _search(groups: Sequence[Group], test: Test) -> tuple[tuple[Option, ...] | None, bool]:
    """Sets in the order of their cost; the first feasible one is the cheapest. False when it was given up."""
    twins = _twins(groups)
    heap: list[tuple[Cost, int, tuple[Option, ...], int]] = []
    seen = 0

    def push(chosen: tuple[Option, ...], after: int) -> None:
        nonlocal seen
        names = {o.job for o in chosen}
        for index in range(after, len(groups)):
            twin = twins[index]
            if twin is not None and twin not in names:
                continue
            for option in groups[index]:
                larger = (*chosen, option)
                if test.allowed(larger):
                    seen += 1
                    heapq.heappush(heap, (cost(larger), seen, larger, index + 1))

    push((), 0)
    for _ in range(_MOST_SETS):
        if not heap:
            return None, True
        _, _, chosen, after = heapq.heappop(heap)
        if test.passed(chosen):
            return chosen, True
        if test.possible([*chosen, *_all_of(groups[after:])]):
            push(chosen, after)
    return None, False


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
    ordered = sorted(_all_of(groups), key=lambda o: (o.own, o.rank if o.own else 0, o.risk / max(1, o.gpus), cost([o])))
    chosen: list[Option] = []
    for option in ordered:
        if test.allowed([*chosen, option]):
            chosen.append(option)
            if test.passed(chosen):
                break
    if not test.passed(chosen):
        return None
    smaller = {g[-1].job: g[:-1] for g in groups}
    for option in sorted(chosen, key=lambda o: cost([o]), reverse=True):
        without = [o for o in chosen if o is not option]
        if test.passed(without):
            chosen = without
            continue
        for less in smaller[option.job]:
            if less.risk <= option.risk and test.allowed([*without, less]) and test.passed([*without, less]):
                chosen = [*without, less]
                break
    return tuple(chosen)
