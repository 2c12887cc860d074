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
        """The unit is pending."""
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
        """The unit is not pending any more."""
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
        """The pending unit of that rank."""
        return self._units[rank]


def kind_of(unit: Unit) -> Kind:
    """What the unit has in common with others."""
    return Kind(unit.gang, unit.work.preemptible)


class Turns:
    """One action's way through the backlog.

    Args:
        backlog: The pending units.
        total: GPUs of the cluster.
        worth: Whether a try of such a unit of that queue may succeed, as things are now.
    """

    def __init__(self, backlog: Backlog, total: int, worth: Callable[[Queue, Kind], bool]) -> None:
        self._backlog = backlog
        self._total = total
        self._worth = worth
        self._from: dict[str, tuple[object, ...]] = {}
        """The first rank of each queue that was not reached yet; none of a queue that was not."""

    def next(self) -> Unit | None:
        """The next unit to be tried; none when no try is left that may succeed."""
        reached = [turn for queue in self._backlog.queues.values() if (turn := self._first_of(queue)) is not None]
        if not reached:
            return None
        if len(reached) == 1:
            queue, rank, largest = reached[0]
        else:
            queue, rank, largest = min(reached, key=lambda turn: queue_rank(turn[0], self._total, turn[2]))
        self._pass(queue, queue_rank(queue, self._total, largest))
        self._from[queue.name] = (*rank, 0)
        return self._backlog.unit(rank)

    def _first_of(self, queue: Queue) -> tuple[Queue, JobRank, int] | None:
        """The queue's next unit that may succeed, and the GPUs of the largest at or before it."""
        kinds = self._backlog.kinds_of(queue.name)
        worth = [kind for kind in kinds if self._worth(queue, kind)]
        if not worth:
            return None
        ahead = {kind: ranks[i] for kind, ranks in kinds.items() if (i := self._index(queue.name, ranks)) < len(ranks)}
        first = min((ahead[kind] for kind in worth if kind in ahead), default=None)
        if first is None:
            return None
        return queue, first, max(kind.gang.total for kind, rank in ahead.items() if rank <= first)

    def _index(self, queue: str, ranks: list[JobRank]) -> int:
        start = self._from.get(queue)
        return 0 if start is None else bisect_left(ranks, start)

    def _pass(self, taken: Queue, turn: QueueRank) -> None:
        """All that KAI comes to before this turn, in the other queues, was tried by then, in vain."""
        for queue in self._backlog.queues.values():
            if queue is taken:
                continue
            barred = [
                ranks[i]
                for kind, ranks in self._backlog.kinds_of(queue.name).items()
                if (i := self._index(queue.name, ranks)) < len(ranks)
                and queue_rank(queue, self._total, kind.gang.total) > turn
            ]
            self._from[queue.name] = min(barred) if barred else (1 << 62,)
