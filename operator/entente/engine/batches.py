"""Pending jobs of a lane that ask for the same: in order, and set aside together when that is out of reach."""

import heapq
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from entente.engine.queues import Ask, Pending, Rank


@dataclass(slots=True, eq=False)
class Run:
    """Jobs that are alike, in order."""

    entries: list[Pending]
    at: int = 0

    @property
    def head(self) -> Pending:
        """The first that was not passed yet."""
        return self.entries[self.at]

    @property
    def passed(self) -> bool:
        """Whether all of them were."""
        return self.at == len(self.entries)


@dataclass(slots=True, eq=False)
class Batch:
    """Runs of jobs that ask for the same."""

    ask: Ask | None
    """What that is; none for entitled jobs, which are never out of reach."""
    untouched: Collection[list[Pending]]
    """Jobs that are alike, each in order; made to runs when the first of them is looked at."""
    rank: Rank | None = None
    """Where it is queued by its first job; none when it is not."""
    runs: list[tuple[Rank, int, Run]] = field(default_factory=list)

    @property
    def any(self) -> Pending:
        """One of its jobs: the first, or one that was passed already."""
        return next(iter(self.untouched))[0] if self.untouched else self.runs[0][2].entries[0]

    def head(self) -> Pending | None:
        """The first job."""
        if self.untouched:
            for entries in self.untouched:
                self.put(Run(entries))
            self.untouched = ()
        return self.runs[0][2].head if self.runs else None

    def put(self, run: Run) -> None:
        """A run takes its place, unless it has no more jobs."""
        if not run.passed:
            heapq.heappush(self.runs, (run.head.rank, id(run), run))

    def take(self) -> Run:
        """Take the first run out."""
        return heapq.heappop(self.runs)[2]

    def go_on(self) -> None:
        """The first job was passed."""
        run = self.take()
        run.at += 1
        self.put(run)


class Batches:
    """The batches of a lane in the order of their first jobs, and what was set aside."""

    def __init__(self) -> None:
        self._heads: list[tuple[Rank, int, Batch]] = []
        self._parked: list[tuple[Batch, Run]] = []
        """Runs whose first job is like one that could not be placed."""
        self._beyond: dict[object, list[tuple[int, Rank, int, Batch]]] = {}
        """Batches that were out of reach, the smallest ask first, by all else of it."""

    def put(self, batch: Batch, rank: Rank) -> None:
        """A batch takes its place by its first job."""
        batch.rank = rank
        heapq.heappush(self._heads, (rank, id(batch), batch))

    def head(self) -> Batch | None:
        """The batch with the first job."""
        while self._heads:
            rank, _, batch = self._heads[0]
            if batch.rank == rank:
                return batch
            heapq.heappop(self._heads)  # it was queued anew since
        return None

    def settle(self, batch: Batch) -> None:
        """The first batch takes its place anew: it goes, if it has no more jobs."""
        first = batch.head()
        rank = first.rank if first else None
        if rank != batch.rank:
            heapq.heappop(self._heads)
            batch.rank = None
            if rank is not None:
                self.put(batch, rank)

    def park(self, batch: Batch) -> None:
        """Set the first run of the first batch aside."""
        self._parked.append((batch, batch.take()))
        self.settle(batch)

    def set_aside(self, batch: Batch, ask: Ask) -> None:
        """Set the first batch aside: what it asks for is out of reach."""
        rank, _, _ = heapq.heappop(self._heads)
        batch.rank = None
        heapq.heappush(self._beyond.setdefault(ask.kind, []), (ask.gpus, rank, id(batch), batch))

    def return_runs(self) -> None:
        """The runs that were set aside are to be tried again."""
        for batch, run in self._parked:
            batch.put(run)
            first = batch.runs[0][0]
            if batch.rank is None or first < batch.rank:
                self.put(batch, first)
        self._parked.clear()

    def return_batches(self, beyond: Callable[[Batch], bool]) -> None:
        """The batches that were set aside take their places again, but for those that are still out of reach.

        If one is, so are all that differ from it in asking for more GPUs only.
        """
        for aside in self._beyond.values():
            while aside and not beyond(aside[0][3]):
                _, rank, _, batch = heapq.heappop(aside)
                self.put(batch, rank)
