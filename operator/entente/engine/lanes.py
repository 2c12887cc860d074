"""In which order pending jobs are served: a lane for each tenant and pool, and the lane whose turn it is.

Rule 11: the lower `u / due` goes first, ties by longest waiting, then name. In a lane jobs go in their tenant's order,
each once; those that are like one that could not be placed are passed over.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from entente.api.job import AllocationClass
from entente.engine.batches import Batch, Batches
from entente.engine.cycle import Cycle
from entente.engine.queues import Likeness, Pending, Rank, waited
from entente.engine.reach import out_of_reach
from entente.engine.standing import waits_in_vain
from entente.engine.walk import ENTITLED

if TYPE_CHECKING:
    from entente.engine.serving import Unplaced

Alike = tuple[str, Likeness, tuple[tuple[bool, bool], ...]]
"""A tenant, what its jobs have in common, and for each of their pools whether they are entitled and first there."""

Turn = tuple[bool, Fraction, float, str, str]

NONE_YET: Rank = (-inf, 0.0, 0.0, "")
ALL: Rank = (inf, 0.0, 0.0, "")


@dataclass(slots=True, eq=False)
class _Lane:
    tenant: str
    pool: str
    batches: Batches = field(default_factory=Batches)
    last: Rank = NONE_YET
    """Of the job that was served last."""


class Lanes:
    """The lanes of one class of jobs."""

    def __init__(self, cycle: Cycle, unplaced: Unplaced, class_: AllocationClass) -> None:
        self._cycle, self._unplaced = cycle, unplaced
        self._only_entitled = class_ is ENTITLED
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._turns: list[tuple[Turn, _Lane]] = []

    def add(self, tenant: str, pool: str, batch: Batch, rank: Rank) -> None:
        self._lanes.setdefault((tenant, pool), _Lane(tenant, pool)).batches.put(batch, rank)

    def next(self) -> Pending | None:
        """The job that is served next; none when all have been."""
        while self._turns:
            _, lane = heapq.heappop(self._turns)
            entry = self._head(lane, in_turn=True)
            if entry is None:
                lane.last = ALL
                continue
            if self._turns and self._turn(lane, entry) > self._turns[0][0]:
                self._queue(lane)  # its first job was passed over meanwhile, and others wait longer
                continue
            self._pass(lane)
            self._cycle_on(lane)
            lane.last = entry.rank
            return entry
        return None

    def turn_anew(self) -> None:
        """Somebody was given GPUs: the shares are others now."""
        self._turns = []
        for lane in self._lanes.values():
            if lane.last != ALL:
                lane.batches.return_waiting(lane.last)
                self._queue(lane)

    def look_anew(self) -> None:
        """GPUs are being freed: what was out of reach may have come into it, for those that did not have their turn."""
        for lane in self._lanes.values():
            if lane.last != ALL:
                lane.batches.return_beyond(lane.last, partial(self._is_beyond, lane.tenant))

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
        batch = lane.batches.head()
        entry = batch.head() if batch else None
        if entry is not None:
            heapq.heappush(self._turns, (self._turn(lane, entry), lane))

    def _queue(self, lane: _Lane) -> None:
        entry = self._head(lane)
        if entry is not None:
            heapq.heappush(self._turns, (self._turn(lane, entry), lane))

    def _turn(self, lane: _Lane, entry: Pending) -> Turn:
        late, share = self._cycle.ratio(lane.tenant, lane.pool)
        return (late, share, -waited(entry.job, self._cycle.now), lane.tenant, lane.pool)

    def _head(self, lane: _Lane, *, in_turn: bool = False) -> Pending | None:
        """The lane's first job that is still to be served; with those that would only wait if it is not its turn."""
        if self._only_entitled and (lane.tenant, lane.pool) in self._cycle.blocked:
            return None  # they come again among the borrowers, in their place
        while batch := lane.batches.head():
            if batch.ask is not None and self._is_behind(lane.tenant, batch):
                if out_of_reach(self._cycle, batch.any):
                    lane.batches.set_aside(batch, batch.ask)
                    continue
                if in_turn and waits_in_vain(self._cycle, batch.any):
                    lane.batches.let_wait(batch)
                    continue
            entry = batch.head()
            if entry is None:
                lane.batches.settle(batch)
            elif self._is_served(batch, entry):
                self._pass(lane)
            elif self.alike(entry) in self._unplaced.tried:
                lane.batches.pass_over(batch)
            else:
                return entry
        return None

    def _pass(self, lane: _Lane) -> None:
        """Go on behind the lane's first job."""
        if batch := lane.batches.head():
            batch.go_on()
            lane.batches.settle(batch)

    def _is_served(self, batch: Batch, entry: Pending) -> bool:
        key, tenant = entry.job.key, entry.job.tenant or ""
        if key in self._cycle.out or key in self._unplaced.claims or key in self._cycle.spent.get(tenant, ()):
            return True
        return batch.ask is not None and key in self._cycle.walks[tenant].homes

    def _is_beyond(self, tenant: str, batch: Batch) -> bool:
        return self._is_behind(tenant, batch) and out_of_reach(self._cycle, batch.any)

    def _is_behind(self, tenant: str, batch: Batch) -> bool:
        """Whether its tenant has others that wait before its jobs, in all pools that may take them."""
        return all((tenant, pool) in self._unplaced.firsts for pool in batch.any.pools)


def lanes_of(cycle: Cycle, unplaced: Unplaced, class_: AllocationClass) -> Lanes:
    """The entitled jobs in their lanes; or all others, with the entitled ones that were not served."""
    lanes = Lanes(cycle, unplaced, class_)
    for tenant, queue in cycle.state.queues.items():
        alike: dict[tuple[str, Likeness], list[Pending]] = {}
        for key, pool in cycle.walks[tenant].homes.items():
            if entry := queue.get(key):
                alike.setdefault((pool, queue.group_of(key).like), []).append(entry)
        for (pool, _), entries in alike.items():
            lanes.add(tenant, pool, Batch(None, [entries]), entries[0].rank)
        if class_ is not ENTITLED:
            for ask, groups in queue.by_ask.items():
                entries_of = [group.entries for group in groups.values()]
                lanes.add(tenant, ask.pools[0], Batch(ask, entries_of), min(e[0].rank for e in entries_of))
    lanes.turn_anew()
    return lanes
