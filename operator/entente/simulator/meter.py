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
    held: float = 0.0
    """By all pods, those that are stopping included, until the end."""
    held_in_window: float = 0.0
    held_while_waiting: float = 0.0
    """While jobs were pending, in the window."""
    waiting_s: float = 0.0
    """Seconds of the window in which jobs were pending."""


@dataclass(slots=True)
class _Row:
    """A tenant in a pool, with its rates since the last change."""

    tenant: str
    guaranteed: int
    most: int
    weight: int
    asked: Asked
    tally: Tally = field(default_factory=Tally)
    used: int = 0
    due: float = 0.0
    entitled: int = 0
    missing: int = 0
    borrowed: int = 0
    lent: float = 0.0


@dataclass(slots=True)
class _Pool:
    capacity: int
    unguaranteed: int
    rows: list[_Row]
    held: int = 0
    pending: int = 0
    tally: PoolTally = field(default_factory=PoolTally)
    changed: bool = True
    """Since time passed last."""


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
                    rows.append(_Row(name, terms.guaranteed, most, terms.weight, Asked(terms.guaranteed)))
                    self._rows[name, pool] = rows[-1]
            capacity = site.capacity(pool)
            self._pools[pool] = _Pool(capacity, max(0, capacity - sum(row.guaranteed for row in rows)), rows)
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
            if pool.changed:
                _rate(pool)
                pool.changed = False
                self._note(name, pool)
            _count(pool, elapsed, inside)
        self.now = now

    def _note(self, name: str, pool: _Pool) -> None:
        series = self.series[name]
        series.at.append(self.now)
        series.held.append(pool.held)
        series.pending.append(pool.pending)

    def wait(self, tenant: str, pool: str, place: Place, gpus: int) -> None:
        """A job is pending, first of all in this pool."""
        self._rows[tenant, pool].asked.wait(place, gpus, self.now)
        self._pools[pool].changed = True

    def start(self, tenant: str, home: str, pool: str, place: Place, gpus: int) -> None:
        """A job that was pending in its home pool runs with so many GPUs."""
        row = self._rows[tenant, home]
        if pool == home:
            row.asked.start(place, gpus, self.now)
        else:
            row.asked.start(place, 0, self.now)
            self._rows[tenant, pool].asked.used += gpus
            self._pools[home].changed = True
        self._pools[pool].held += gpus
        self._pools[pool].changed = True

    def stop(self, tenant: str, pool: str, gpus: int) -> None:
        """A running job was told to stop: its pods still hold their GPUs."""
        self._rows[tenant, pool].asked.end(gpus, self.now)
        self._pools[pool].changed = True

    def leave(self, pool: str, gpus: int) -> None:
        """The pods of a job that was told to stop are gone."""
        self._pools[pool].held -= gpus
        self._pools[pool].changed = True

    def entitled_since(self, tenant: str, pool: str, place: Place) -> float | None:
        """Since when a pending job is entitled."""
        return self._rows[tenant, pool].asked.entitled_since(place)


def _rate(pool: _Pool) -> None:
    """Take over what has changed into the rates."""
    wishes, borrowed, idle, pool.pending = [], 0, 0, 0
    for row in pool.rows:
        asked, guaranteed = row.asked, row.guaranteed
        row.used = used = asked.used
        row.missing = asked.missing
        row.entitled = (min(guaranteed, used)) + asked.missing
        row.borrowed = used - guaranteed if used > guaranteed else 0
        borrowed += row.borrowed
        idle += guaranteed - used if used < guaranteed else 0
        pool.pending += asked.pending
        wishes.append(Wish(used + asked.pending, guaranteed, row.most, row.weight))
    part = min(1.0, max(0, borrowed - pool.unguaranteed) / max(1, idle))
    for row, due in zip(pool.rows, dues(pool.capacity, wishes), strict=True):
        row.due = due
        row.lent = part * max(0, row.guaranteed - row.used)


def _count(pool: _Pool, elapsed: float, inside: float) -> None:
    tally = pool.tally
    tally.held += pool.held * elapsed
    if inside:
        tally.held_in_window += pool.held * inside
        if pool.pending:
            tally.held_while_waiting += pool.held * inside
            tally.waiting_s += inside
    for row in pool.rows:
        count = row.tally
        count.used += row.used * elapsed
        count.due += row.due * elapsed
        count.entitled += row.entitled * elapsed
        if row.missing:
            count.missing += row.missing * elapsed
        if row.borrowed:
            count.borrowed += row.borrowed * elapsed
        if row.lent:
            count.lent += row.lent * elapsed
