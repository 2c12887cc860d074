"""The pending jobs of all queues, and whose turn it is among thousands of them (rules N10, N11).

An action of KAI takes the first job of the first queue, tries it, and goes on with what is left until all were tried.
Nearly all of these tries fail for a reason that is known beforehand. Here only those that may succeed are given out, in
the very order in which KAI comes to them: since a queue's rank never gets better with a larger job in front, a job is
reached when the largest at or before it has its turn.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from entente.simulator.baselines.kai.ordering import JobRank, QueueRank, queue_rank
from entente.simulator.baselines.kai.queues import Queue
from entente.simulator.baselines.kai.work import Unit
from entente.simulator.hosts import Gang


class Kind(NamedTuple):
    """What all pending units have in common that an action treats alike."""

    gang: Gang
    preemptible: bool


class Backlog:
    """Pending units by queue and kind, each kind in its order."""

    def __init__(self, queues: Iterable[Queue]) -> None:
        self.queues = {queue.name: queue for queue in queues}
        self._ranks: dict[str, dict[Kind, list[JobRank]]] = {name: {} for name in self.queues}
        self._units: dict[JobRank, Unit] = {}
        self._kinds: dict[Kind, int] = {}

    def __len__(self) -> int:
        return len(self._units)

    def add(self, unit: Unit) -> None:
        kind, of_queue = kind_of(unit), self._ranks[unit.queue.name]
        if (ranks := of_queue.get(kind)) is None:
            of_queue[kind] = [unit.rank]
            self._kinds[kind] = self._kinds.get(kind, 0) + 1
        elif ranks[-1] < unit.rank:
            ranks.append(unit.rank)
        else:
            insort(ranks, unit.rank)
        self._units[unit.rank] = unit

    def remove(self, unit: Unit) -> None:
        kind, of_queue = kind_of(unit), self._ranks[unit.queue.name]
        ranks = of_queue[kind]
        del self._units[unit.rank], ranks[bisect_left(ranks, unit.rank)]
        if not ranks:
            del of_queue[kind]
            self._kinds[kind] -= 1
            if not self._kinds[kind]:
                del self._kinds[kind]

    def kinds(self) -> Iterable[Kind]:
        """The kinds of which units are pending, in any queue."""
        return self._kinds

    def kinds_of(self, queue: str) -> Mapping[Kind, list[JobRank]]:
        """The pending units of a queue, as ranked, by kind."""
        return self._ranks[queue]

    def unit(self, rank: JobRank) -> Unit:
        return self._units[rank]


def kind_of(unit: Unit) -> Kind:
    """What the unit has in common with others."""
    return Kind(unit.gang, unit.work.preemptible)


class _Turn(NamedTuple):
    """The next try of a queue."""

    at: QueueRank
    """When it comes: by the largest job at or before it."""
    queue: Queue
    rank: JobRank


class Turns:
    """One action's way through the backlog.

    Args:
        backlog: The pending units.
        total: GPUs of the cluster.
        worth: Whether a try of such a unit of that queue may succeed, as things are now. After a try, it may change for
            the unit's queue; for others only after `settle`.
    """

    def __init__(self, backlog: Backlog, total: int, worth: Callable[[Queue, Kind], bool]) -> None:
        self._backlog = backlog
        self._total = total
        self._worth = worth
        self._from: dict[str, tuple[object, ...]] = {}
        """The first rank of each queue that was not reached yet; none of a queue that was not."""
        self._turns: dict[str, _Turn | None] = {}
        self._latest: QueueRank | None = None
        """The latest moment that was reached since the queues changed."""
        self._taken: Queue | None = None
        """The queue of the last try."""

    def next(self) -> Unit | None:
        """The next unit to be tried; none when no try is left that may succeed."""
        for name, queue in self._backlog.queues.items():
            if name not in self._turns:
                self._turns[name] = self._turn_of(queue)
        turn = min((turn for turn in self._turns.values() if turn is not None), default=None)
        if turn is None:
            return None
        self._latest = turn.at if self._latest is None else max(turn.at, self._latest)
        self._from[turn.queue.name] = (*turn.rank, 0)
        self._taken = turn.queue
        del self._turns[turn.queue.name]
        return self._backlog.unit(turn.rank)

    def settle(self) -> None:
        """The last try succeeds: before the queues change by it, note what was tried in vain by now."""
        if self._latest is not None:
            for queue in self._backlog.queues.values():
                if queue is not self._taken:
                    self._pass(queue, self._latest)
        self._latest = None
        self._turns = {}

    def _turn_of(self, queue: Queue) -> _Turn | None:
        if not (kinds := self._backlog.kinds_of(queue.name)):
            return None
        worth = [kind for kind in kinds if self._worth(queue, kind)]
        if not worth:
            return None
        ahead = self._ahead(queue)
        first = min((ahead[kind] for kind in worth if kind in ahead), default=None)
        if first is None:
            return None
        largest = max(kind.gang.total for kind, rank in ahead.items() if rank <= first)
        return _Turn(queue_rank(queue, self._total, largest), queue, first)

    def _ahead(self, queue: Queue) -> dict[Kind, JobRank]:
        """The first unit of each kind that was not reached yet."""
        ahead, start = {}, self._from.get(queue.name)
        for kind, ranks in self._backlog.kinds_of(queue.name).items():
            index = 0 if start is None else bisect_left(ranks, start)
            if index < len(ranks):
                ahead[kind] = ranks[index]
        return ahead

    def _pass(self, queue: Queue, turn: QueueRank) -> None:
        """All that KAI comes to before this turn was tried by then."""
        ahead = self._ahead(queue)
        if not ahead:
            return
        barred = [rank for kind, rank in ahead.items() if queue_rank(queue, self._total, kind.gang.total) > turn]
        self._from[queue.name] = min(barred) if barred else (1 << 62,)
