"""What is counted while time passes: GPUs in use, borrowed, lent, asked for and due, by tenant and pool.

Between two instants nothing changes, so each figure is a sum of rates times durations, exact up to floats.
"""

from array import array
from dataclasses import dataclass, field

from entente.simulator.asked import Asked, Place
from entente.simulator.dues import Wish, dues
from entente.simulator.policy import Site

_UNLIMITED = 10**9


@dataclass(slots=True)
class Tally:
    """One tenant's GPU-seconds in one pool."""

    used: float = 0.0
    """By running jobs that were not told to stop."""
    due: float = 0.0
    entitled: float = 0.0
    """Asked for inside the guarantee."""
    missing: float = 0.0
    """Asked for inside the guarantee and not had."""
    borrowed: float = 0.0
    lent: float = 0.0


@dataclass(slots=True)
class PoolTally:
    """One pool's GPU-seconds."""

    held: float = 0.0
    """By all pods, those that are stopping included, until the end."""
    held_in_window: float = 0.0
    held_while_waiting: float = 0.0
    """While jobs were pending, in the window."""
    waiting_s: float = 0.0
    """Seconds of the window in which jobs were pending."""


@dataclass(slots=True)
class _Row:
    tenant: str
    wish: Wish
    asked: Asked
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class _Pool:
    capacity: int
    rows: list[_Row]
    held: int = 0
    tally: PoolTally = field(default_factory=PoolTally)
    rates: list[tuple[_Row, int, float, int, int, int, float]] | None = None
    """Of what changed since time passed last: none."""


@dataclass(slots=True)
class Series:
    """The course of a pool, one entry for each instant at which something changed."""

    at: "array[float]" = field(default_factory=lambda: array("d"))
    held: "array[int]" = field(default_factory=lambda: array("l"))
    pending: "array[int]" = field(default_factory=lambda: array("l"))
    """GPUs asked for by pending jobs."""


class Meter:
    """Counts one replay.

    Args:
        site: the estate and its rules.
        window_s: end of the submissions; utilisation is counted up to there, so that it says nothing of the drain.
    """

    def __init__(self, site: Site, window_s: float) -> None:
        self.now = 0.0
        self._window_s = window_s
        self._pools: dict[str, _Pool] = {}
        self._rows: dict[tuple[str, str], _Row] = {}
        self.series: dict[str, Series] = {}
        for pool in site.pools:
            rows = []
            for name, tenant in site.tenants.items():
                if terms := tenant.terms.get(pool):
                    limit = terms.borrow_limit
                    most = _UNLIMITED if limit is None else terms.guaranteed + limit
                    rows.append(_Row(name, Wish(0, terms.guaranteed, most, terms.weight), Asked(terms.guaranteed)))
                    self._rows[name, pool] = rows[-1]
            self._pools[pool] = _Pool(site.capacity(pool), rows)
            self.series[pool] = Series()

    def tally(self, tenant: str, pool: str) -> Tally:
        """What was counted of a tenant in a pool that it has terms for. Raises KeyError."""
        return self._rows[tenant, pool].tally

    def pool_tally(self, pool: str) -> PoolTally:
        """What was counted of a pool. Raises KeyError."""
        return self._pools[pool].tally

    def advance(self, now: float) -> None:
        """Let time pass up to now."""
        elapsed = now - self.now
        if elapsed <= 0:
            return
        inside = max(0.0, min(now, self._window_s) - self.now)
        for name, pool in self._pools.items():
            if pool.rates is None:
                pool.rates = _rates(pool)
                self._note(name, pool)
            _count(pool, elapsed, inside)
        self.now = now

    def _note(self, name: str, pool: _Pool) -> None:
        series = self.series[name]
        series.at.append(self.now)
        series.held.append(pool.held)
        series.pending.append(sum(row.asked.pending for row in pool.rows))

    def wait(self, tenant: str, pool: str, place: Place, gpus: int) -> None:
        """A job is pending, first of all in this pool."""
        self._rows[tenant, pool].asked.wait(place, gpus, self.now)
        self._pools[pool].rates = None

    def start(self, tenant: str, home: str, pool: str, place: Place, gpus: int) -> None:
        """A job that was pending in its home pool runs with so many GPUs."""
        row = self._rows[tenant, home]
        if pool == home:
            row.asked.start(place, gpus, self.now)
        else:
            row.asked.start(place, 0, self.now)
            self._rows[tenant, pool].asked.used += gpus
            self._pools[home].rates = None
        self._pools[pool].held += gpus
        self._pools[pool].rates = None

    def stop(self, tenant: str, pool: str, gpus: int) -> None:
        """A running job was told to stop: its pods still hold their GPUs."""
        self._rows[tenant, pool].asked.end(gpus, self.now)
        self._pools[pool].rates = None

    def leave(self, pool: str, gpus: int) -> None:
        """The pods of a job that was told to stop are gone."""
        self._pools[pool].held -= gpus
        self._pools[pool].rates = None

    def entitled_since(self, tenant: str, pool: str, place: Place) -> float | None:
        """Since when a pending job is entitled."""
        return self._rows[tenant, pool].asked.entitled_since(place)


def _rates(pool: _Pool) -> list[tuple[_Row, int, float, int, int, int, float]]:
    asked = [row.asked for row in pool.rows]
    due = dues(pool.capacity, [r.wish._replace(demand=r.asked.used + r.asked.pending) for r in pool.rows])
    borrowed = [max(0, a.used - r.wish.guaranteed) for a, r in zip(asked, pool.rows, strict=True)]
    idle = [max(0, r.wish.guaranteed - a.used) for a, r in zip(asked, pool.rows, strict=True)]
    unguaranteed = max(0, pool.capacity - sum(r.wish.guaranteed for r in pool.rows))
    part = max(0, sum(borrowed) - unguaranteed) / max(1, sum(idle))
    return [
        (row, a.used, due[i], a.entitled, a.missing, borrowed[i], min(1.0, part) * idle[i])
        for i, (row, a) in enumerate(zip(pool.rows, asked, strict=True))
    ]


def _count(pool: _Pool, elapsed: float, inside: float) -> None:
    tally = pool.tally
    tally.held += pool.held * elapsed
    if inside:
        tally.held_in_window += pool.held * inside
        if any(row.asked.pending for row in pool.rows):
            tally.held_while_waiting += pool.held * inside
            tally.waiting_s += inside
    for row, used, due, entitled, missing, borrowed, lent in pool.rates or ():
        count = row.tally
        count.used += used * elapsed
        count.due += due * elapsed
        count.entitled += entitled * elapsed
        if missing:
            count.missing += missing * elapsed
        if borrowed:
            count.borrowed += borrowed * elapsed
        if lent:
            count.lent += lent * elapsed
