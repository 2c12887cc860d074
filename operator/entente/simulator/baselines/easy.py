"""`easy`: EASY backfill. One queue; only the job at its head has a reservation, and nobody may delay that.

Lifka, "The ANL/IBM SP scheduling system" (JSSPP 1995), as Feitelson and Weil, "Utilization and predictability in
scheduling the IBM SP2 with backfilling" (IPPS/SPDP 1998), describe it: jobs start in the order of submission until one
does not fit. From the expected ends of the running jobs follows when it will (the shadow time) and what is left beside
it then (the extra nodes). The jobs behind it are tried in order: one may start if it fits now and either is expected
to end by the shadow time or takes only what is left. Here the reservation is of hosts, not of a number of GPUs: GPUs
left over do not help a gang if they are on the wrong hosts.

All it knows of a job's length is `expected_s`. A job that runs longer is expected to end at any moment. One that says
nothing never counts as ending, neither to make room for the head nor by the shadow time. If the head does not fit
without such an end, its time is not known: it is then promised the hosts that it would have when those end in the order
of their starts, and everybody else has to do without them. No quotas, no preemption.
"""

import bisect
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from typing_extensions import override

from entente.simulator.baselines.lanes import UNKNOWN, Backlog, Lane, Shape, gang_of
from entente.simulator.baselines.nonpreemptive import NonPreemptive
from entente.simulator.hosts import Hosts, Placed
from entente.simulator.policy import Action, Place, SimJob, Site

_End = tuple[float, int, str]
"""When a running job is expected to end, the number of its start, its key."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What the head of the queue was promised."""

    job: SimJob
    pool: str
    turn: float | None
    """When its hosts are expected to be free; none: somebody does not say how long it runs."""
    workers_on: Mapping[str, int]
    """Its workers on each host."""
    then: Hosts
    """The pool as it will be when the head has started there."""


class EasyPolicy(NonPreemptive):
    """A reservation for the head, and backfill that does not delay it."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._backlog = Backlog(self.floor.shape_of)
        self._ends: dict[str, list[_End]] = {pool: [] for pool in site.pools}
        """By pool, in order; who does not say how long it runs comes last."""
        self._end_of: dict[str, _End] = {}
        self._starts = 0
        self._tried: set[Shape] = set()
        """Shapes of which no job can start, as long as the reservation stands and nobody else comes."""
        self.reservation: Reservation | None = None

    @override
    def queue(self, job: SimJob) -> None:
        self._backlog.put(job, _length(job))
        self._tried.discard(self.floor.shape_of(job))

    @override
    def freed(self) -> None:
        self.reservation = None

    @override
    def finished(self, key: str, now: float) -> None:
        self._forget_end(key)
        super().finished(key, now)

    @override
    def stopped(self, key: str, now: float) -> None:
        self._forget_end(key)
        super().stopped(key, now)

    @override
    def restarted(self, key: str, now: float) -> None:
        pool = self._forget_end(key)
        self._expect_end(self._jobs[key], pool, now)
        self.reservation = None

    @override
    def host_lost(self, host: str, now: float) -> None:
        super().host_lost(host, now)
        self.reservation = None

    @override
    def decide(self, now: float) -> Sequence[Action]:
        placed = []
        while (head := self._backlog.first()) is not None:
            place = self.floor.find(head)
            if place is None:
                break
            self.reservation = None
            placed.append(self._begin(head, place, now))
        if head is None:
            self.reservation = None
            return placed
        self._renew(head, now)
        placed += self._backfill(now)
        return placed

    def _begin(self, job: SimJob, place: Place, now: float) -> Place:
        self._backlog.take(job)
        pool = self.floor.start(job, place)
        self._expect_end(job, pool, now)
        reserved = self.reservation
        if reserved is not None and pool == reserved.pool and not self._over_by_turn(job, now):
            reserved.then.restore(job.key, Placed(job.tenant, gang_of(job), place.workers_on))
        return place

    def _renew(self, head: SimJob, now: float) -> None:
        """Work out what the head is promised, unless that still stands."""
        old = self.reservation
        if old is not None and old.job is head and (old.turn is None or now <= old.turn):
            return
        self._tried.clear()
        reservations = [r for pool in head.pools if (r := self._reserve(head, pool, now)) is not None]
        # the earliest turn; of equal ones the better pool
        self.reservation = min(reservations, key=lambda r: UNKNOWN if r.turn is None else r.turn, default=None)

    def _reserve(self, head: SimJob, pool: str, now: float) -> Reservation | None:
        then, gang = self.floor.hosts[pool].copy(), gang_of(head)
        for turn, keys in self._endings(pool, now):
            for key in keys:
                then.release(key)
            if (workers_on := then.place(head.key, head.tenant, gang)) is not None:
                return Reservation(head, pool, turn, workers_on, then)
        return None  # it would fit only if a host came back

    def _endings(self, pool: str, now: float) -> Iterator[tuple[float | None, list[str]]]:
        """The running jobs in the order of their expected ends: those of one time together, the unknown one by one."""
        ends = self._ends[pool]
        known = bisect.bisect_left(ends, (UNKNOWN, 0, ""))
        for turn, ended in groupby(ends[:known], key=lambda end: max(end[0], now)):
            yield turn, [key for _, _, key in ended]
        for _, _, key in ends[known:]:
            yield None, [key]

    def _backfill(self, now: float) -> Iterator[Place]:
        """Start jobs behind the head, in the order of submission, as long as one can."""
        waiting: list[tuple[int, Shape]] = []
        for shape, lane in self._backlog.lanes.items():
            self._line_up(waiting, shape, lane, now)
        while waiting:
            order, shape = heapq.heappop(waiting)
            lane = self._backlog.lanes[shape]
            found = self._first_of(lane, now)
            if found is not None and self._backlog.order(found[0].key) == order:
                yield self._begin(*found, now)
            self._line_up(waiting, shape, lane, now)

    def _line_up(self, waiting: list[tuple[int, Shape]], shape: Shape, lane: Lane, now: float) -> None:
        """Put the lane's first job that can start into the queue, by the order of submission."""
        if shape in self._tried:
            return
        found = self._first_of(lane, now)
        if found is None:
            self._tried.add(shape)
        else:
            heapq.heappush(waiting, (self._backlog.order(found[0].key), shape))

    def _first_of(self, lane: Lane, now: float) -> tuple[SimJob, Place] | None:
        """The first job of a lane that can start without delaying the head, and where."""
        key = lane.first()
        if key is None:
            return None
        job, reserved = self._backlog.pending[key], self.reservation
        place = self.floor.find(job)
        if place is None or reserved is None or reserved.pool not in job.pools or self._over_by_turn(job, now):
            return None if place is None else (job, place)
        if (beside := self._find_beside(job, reserved)) is not None:
            return job, beside
        short = None if reserved.turn is None else lane.first(reserved.turn - now)
        return None if short is None else (self._backlog.pending[short], Place(short, place.workers_on))

    def _find_beside(self, job: SimJob, reserved: Reservation) -> Place | None:
        """Where the job can run for any time without delaying the head."""
        for pool in job.pools:
            hosts = self.floor.hosts[pool]
            with hosts.hidden(self._kept_from(job, reserved) if pool == reserved.pool else {}):
                workers_on = hosts.find(job.tenant, gang_of(job))
            if workers_on is not None:
                return Place(job.key, workers_on)
        return None

    def _kept_from(self, job: SimJob, reserved: Reservation) -> dict[str, int]:
        """GPUs free now that the job must leave for the head, since it will still run at the head's turn."""
        hosts = self.floor.hosts[reserved.pool]
        free = {host: hosts.free_on(host) for host in reserved.workers_on}
        if hosts.exclusive and job.tenant != reserved.job.tenant:
            return free
        return {host: max(0, gpus - reserved.then.free_on(host)) for host, gpus in free.items()}

    def _over_by_turn(self, job: SimJob, now: float) -> bool:
        turn = self.reservation.turn if self.reservation is not None else None
        return turn is not None and _length(job) <= turn - now

    def _expect_end(self, job: SimJob, pool: str, now: float) -> None:
        self._starts += 1
        end = UNKNOWN if job.expected_s is None else now + job.expected_s
        self._end_of[job.key] = (end, self._starts, job.key)
        bisect.insort(self._ends[pool], self._end_of[job.key])

    def _forget_end(self, key: str) -> str:
        """The job does not run any more; returns its pool."""
        end, pool = self._end_of.pop(key), self.floor.pool_of(key)
        del self._ends[pool][bisect.bisect_left(self._ends[pool], end)]
        return pool


def _length(job: SimJob) -> float:
    return UNKNOWN if job.expected_s is None else job.expected_s
