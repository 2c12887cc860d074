"""Pending jobs in the order of submission, those of equal shape in one lane.

Of a lane only the first job needs to be tried: where that does not fit, none does. So a decision costs a try for each
shape, not for each of tens of thousands of pending jobs.
"""

import heapq
import math
import sys
from collections.abc import Callable, Hashable

from entente.simulator.hosts import Gang
from entente.simulator.policy import SimJob

UNKNOWN = sys.float_info.max
"""The length of a job that says nothing about it: longer than any that does."""

_TAKEN = math.inf


def gang_of(job: SimJob) -> Gang:
    """The whole gang: baselines start a job with the workers it asks for, elastic or not."""
    return Gang(job.workers, job.gpus_per_worker)


class Lane:
    """Pending jobs of one shape, first come first.

    A tree of minima over the lengths of the jobs finds the first one that is short enough in logarithmic time. A job
    that is pending again gets its old place back.
    """

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._size = 1
        self._shortest = [_TAKEN, _TAKEN]

    def put(self, key: str, length: float) -> None:
        """A job is pending, at the end of the lane unless it was in it before."""
        place = self._places.get(key)
        if place is None:
            place = len(self._keys)
            self._places[key] = place
            self._keys.append(key)
            if place == self._size:
                self._grow()
        self._set(place, length)

    def take(self, key: str) -> None:
        self._set(self._places[key], _TAKEN)

    def first(self, longest: float = UNKNOWN) -> str | None:
        """The first pending job that is no longer than so many seconds; none if there is none."""
        shortest = self._shortest
        if shortest[1] > longest:
            return None
        i = 1
        while i < self._size:
            i *= 2
            if shortest[i] > longest:
                i += 1
        return self._keys[i - self._size]

    def _set(self, place: int, length: float) -> None:
        shortest = self._shortest
        i = place + self._size
        shortest[i] = length
        while i > 1:
            i //= 2
            least = min(shortest[2 * i], shortest[2 * i + 1])
            if shortest[i] == least:
                break
            shortest[i] = least

    def _grow(self) -> None:
        leaves = self._shortest[self._size :] + [_TAKEN] * self._size
        self._size *= 2
        self._shortest = [_TAKEN] * self._size + leaves
        for i in range(self._size - 1, 0, -1):
            self._shortest[i] = min(self._shortest[2 * i], self._shortest[2 * i + 1])


Shape = Hashable
"""What makes jobs equal to a placement."""


class Backlog:
    """Pending jobs in the order of submission, over all lanes.

    Args:
        shape_of: What makes jobs equal to a placement.
    """

    def __init__(self, shape_of: Callable[[SimJob], Shape]) -> None:
        self.shape_of = shape_of
        self.pending: dict[str, SimJob] = {}
        self.lanes: dict[Shape, Lane] = {}
        self._orders: dict[str, int] = {}
        self._heads: list[tuple[int, str]] = []
        """A heap with the first job of each lane that is not closed, and with jobs that were that once."""
        self._closed: set[Shape] = set()

    def order(self, key: str) -> int:
        """The job's number in the order of submission; it keeps it when it is pending again."""
        return self._orders[key]

    def put(self, job: SimJob, length: float = UNKNOWN) -> None:
        """A job is pending. Length: in seconds, as far as known."""
        self._orders.setdefault(job.key, len(self._orders))
        self.pending[job.key] = job
        shape = self.shape_of(job)
        lane = self.lanes.get(shape)
        if lane is None:
            lane = self.lanes[shape] = Lane()
        lane.put(job.key, length)
        if shape not in self._closed and lane.first() == job.key:
            heapq.heappush(self._heads, (self._orders[job.key], job.key))

    def take(self, job: SimJob) -> None:
        del self.pending[job.key]
        shape = self.shape_of(job)
        lane = self.lanes[shape]
        lane.take(job.key)
        if shape not in self._closed:
            self._push_first(lane)

    def first(self) -> SimJob | None:
        """The first job of all lanes that are not closed."""
        while self._heads:
            key = self._heads[0][1]
            job = self.pending.get(key)
            if job is not None:
                shape = self.shape_of(job)
                if shape not in self._closed and self.lanes[shape].first() == key:
                    return job
            heapq.heappop(self._heads)
        return None

    def close(self, job: SimJob) -> None:
        """The job does not fit, so no job of its lane does until `reopen`."""
        self._closed.add(self.shape_of(job))

    def reopen(self) -> None:
        """Something came free: all lanes are to be tried again."""
        for shape in self._closed:
            self._push_first(self.lanes[shape])
        self._closed.clear()

    def _push_first(self, lane: Lane) -> None:
        key = lane.first()
        if key is not None:
            heapq.heappush(self._heads, (self._orders[key], key))
