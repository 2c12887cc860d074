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
        return heapq.heappop(self.runs)[2]

    def go_on(self) -> None:
        run = self.take()
        run.at += 1
        self.put(run)


class Batches:
    """The batches of a lane in the order of their first jobs, and what was set aside."""

    def __init__(self) -> None:
        self._heads: list[tuple[Rank, int, Batch]] = []
        self._beyond: dict[object, list[tuple[int, int, Batch]]] = {}
        """Batches that were out of reach, the smallest ask first, by all else of it."""
        self._waiting: list[Batch] = []
        """Batches whose jobs would wait for what comes free."""

    def put(self, batch: Batch, rank: Rank) -> None:
        """A batch takes its place by its first job."""
        batch.rank = rank
        heapq.heappush(self._heads, (rank, id(batch), batch))

    def head(self) -> Batch | None:
        return self._heads[0][2] if self._heads else None

    def settle(self, batch: Batch) -> None:
        """The first batch takes its place anew: it goes, if it has no more jobs."""
        first = batch.head()
        rank = first.rank if first else None
        if rank != batch.rank:
            self._take(batch)
            if rank is not None:
                self.put(batch, rank)

    def pass_over(self, batch: Batch) -> None:
        """The first run of the first batch is not served in this decision."""
        batch.take()
        self.settle(batch)

    def set_aside(self, batch: Batch, ask: Ask) -> None:
        """Set the first batch aside: what it asks for is out of reach."""
        self._take(batch)
        heapq.heappush(self._beyond.setdefault(ask.kind, []), (ask.gpus, id(batch), batch))

    def let_wait(self, batch: Batch) -> None:
        """Set the first batch aside: its jobs would wait for what comes free."""
        self._take(batch)
        self._waiting.append(batch)

    def return_waiting(self, last: Rank) -> None:
        """What comes free may be less now: the batches that would wait for it take their places again."""
        for batch in self._waiting:
            self._return(batch, last)
        self._waiting.clear()

    def return_beyond(self, last: Rank, beyond: Callable[[Batch], bool]) -> None:
        """The batches that were out of reach take their places again, but for those that still are.

        If one is, so are all that differ from it in asking for more GPUs only.
        """
        for aside in self._beyond.values():
            while aside and not beyond(aside[0][2]):
                self._return(heapq.heappop(aside)[2], last)

    def _take(self, batch: Batch) -> None:
        heapq.heappop(self._heads)
        batch.rank = None

    def _return(self, batch: Batch, last: Rank) -> None:
        """Let a batch come again, without the runs that had their turn: those up to the job that was served last."""
        while (entry := batch.head()) and entry.rank <= last:
            batch.take()
        if entry:
            self.put(batch, entry.rank)
