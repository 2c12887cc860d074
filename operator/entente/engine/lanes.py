"""In which order pending jobs are served: a lane for each tenant and pool, and the lane whose turn it is.

Rule 11: the lower `u / due` goes first, ties by longest waiting, then name. In a lane jobs go in their tenant's order;
those that are like one that could not be placed are passed over until GPUs come free.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from entente.api.job import AllocationClass
from entente.engine.cycle import Cycle
from entente.engine.queues import Likeness, Pending, Rank, waited
from entente.engine.walk import ENTITLED

if TYPE_CHECKING:
    from entente.engine.serving import Unplaced

Alike = tuple[str, Likeness, tuple[tuple[bool, bool], ...]]
"""A tenant, what its jobs have in common, and for each of their pools whether they are entitled and first there."""

Turn = tuple[bool, Fraction, float, str, str]


@dataclass(slots=True, eq=False)
class _Run:
    """Jobs that are alike, in order."""

    entries: list[Pending]
    guests: bool
    """Jobs that the walk entitles, which count in this pool though others of their likeness may not."""
    at: int = 0


@dataclass(slots=True, eq=False)
class _Lane:
    tenant: str
    pool: str
    heads: list[tuple[Rank, int, _Run]] = field(default_factory=list)
    parked: list[_Run] = field(default_factory=list)

    def push(self, run: _Run) -> None:
        if run.at < len(run.entries):
            heapq.heappush(self.heads, (run.entries[run.at].rank, id(run), run))


class Lanes:
    """The lanes of one class of jobs."""

    def __init__(self, cycle: Cycle, unplaced: Unplaced, class_: AllocationClass) -> None:
        self._cycle, self._unplaced = cycle, unplaced
        self._only_entitled = class_ is ENTITLED
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._turns: list[tuple[Turn, _Lane]] = []

    def add(self, tenant: str, pool: str, entries: list[Pending], *, guests: bool) -> None:
        """Jobs that are alike join a lane."""
        lane = self._lanes.setdefault((tenant, pool), _Lane(tenant, pool))
        lane.push(_Run(entries, guests))

    def next(self) -> Pending | None:
        """The job that is served next; none when all have been."""
        while self._turns:
            _, lane = heapq.heappop(self._turns)
            run = self._head(lane)
            if run is None:
                continue
            entry = run.entries[run.at]
            if self._turns and self._turn(lane, entry) > self._turns[0][0]:
                self._queue(lane)  # its first job was passed over meanwhile, and others wait longer
                continue
            heapq.heappop(lane.heads)
            run.at += 1
            lane.push(run)
            self._cycle_on(lane)
            return entry
        return None

    def turn_anew(self) -> None:
        """Somebody was given GPUs: the shares are others now."""
        self._turns = []
        for lane in self._lanes.values():
            self._queue(lane)

    def try_again(self) -> None:
        """GPUs came free: jobs that were passed over are tried after all."""
        for lane in self._lanes.values():
            for run in lane.parked:
                lane.push(run)
            lane.parked.clear()
        self.turn_anew()

    def alike(self, entry: Pending) -> Alike:
        """What the job has in common with those that need not be tried if it fails."""
        cycle, tenant, firsts = self._cycle, entry.job.tenant or "", self._unplaced.firsts
        walk, blocked = cycle.walks[tenant], cycle.blocked
        flags = []
        for pool in entry.pools:
            entitled = (entry.job.key, pool) in walk.elsewhere and (tenant, pool) not in blocked
            flags.append((entitled, (tenant, pool) not in firsts))
        return tenant, cycle.state.queues[tenant].group_of(entry.job.key).like, tuple(flags)

    def _cycle_on(self, lane: _Lane) -> None:
        """The lane's next job waits for its turn; it is looked at when that comes."""
        if lane.heads:
            entry = lane.heads[0][2].entries[lane.heads[0][2].at]
            heapq.heappush(self._turns, (self._turn(lane, entry), lane))

    def _queue(self, lane: _Lane) -> None:
        run = self._head(lane)
        if run is not None:
            heapq.heappush(self._turns, (self._turn(lane, run.entries[run.at]), lane))

    def _turn(self, lane: _Lane, entry: Pending) -> Turn:
        late, share = self._cycle.ratio(lane.tenant, lane.pool)
        return (late, share, -waited(entry.job, self._cycle.now), lane.tenant, lane.pool)

    def _head(self, lane: _Lane) -> _Run | None:
        """The run with the lane's first job that is still to be served."""
        if self._only_entitled and (lane.tenant, lane.pool) in self._cycle.blocked:
            return None  # they come again among the borrowers, in their place
        while lane.heads:
            _, _, run = lane.heads[0]
            entry = run.entries[run.at]
            if self._is_served(run, entry):
                heapq.heappop(lane.heads)
                run.at += 1
                lane.push(run)
            elif self.alike(entry) in self._unplaced.tried:
                heapq.heappop(lane.heads)
                lane.parked.append(run)
            else:
                return run
        return None

    def _is_served(self, run: _Run, entry: Pending) -> bool:
        key, tenant = entry.job.key, entry.job.tenant or ""
        if key in self._cycle.out or key in self._unplaced.claims or key in self._cycle.spent.get(tenant, ()):
            return True
        return not run.guests and key in self._cycle.walks[tenant].homes


def lanes_of(cycle: Cycle, unplaced: Unplaced, class_: AllocationClass) -> Lanes:
    """The entitled jobs in their lanes; or all others, with the entitled ones that were not served."""
    lanes = Lanes(cycle, unplaced, class_)
    for tenant, queue in cycle.state.queues.items():
        alike: dict[tuple[str, Likeness], list[Pending]] = {}
        for key, pool in cycle.walks[tenant].homes.items():
            if entry := queue.get(key):
                alike.setdefault((pool, queue.group_of(key).like), []).append(entry)
        for (pool, _), entries in alike.items():
            lanes.add(tenant, pool, entries, guests=True)
        if class_ is not ENTITLED:
            for like, group in queue.groups.items():
                lanes.add(tenant, like.pools[0], group.entries, guests=False)
    lanes.turn_anew()
    return lanes
