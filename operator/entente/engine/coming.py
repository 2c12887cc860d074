"""What comes free by itself in a pool, and when: known ends of running jobs, and what is on its way out."""

from bisect import bisect_right
from functools import cached_property

from entente.engine.cycle import Cycle
from entente.engine.model import DAY_S, Pool


class Coming:
    """The known ends in a pool as of a step of a decision, up to a day or a notice away; worked out when asked for."""

    def __init__(self, cycle: Cycle, pool: Pool) -> None:
        self._cycle, self._pool = cycle, pool
        self._over: dict[int, frozenset[str]] = {}

    @cached_property
    def _ends(self) -> list[tuple[float, str]]:
        """Running jobs, by when they end."""
        horizon = self._cycle.now + max(DAY_S, self._pool.notice_s)
        return self._cycle.estate.ends[self._pool.name].known_by(horizon, self._cycle.now)

    @cached_property
    def _leaving(self) -> list[tuple[float, str]]:
        """Hosts of jobs on their way out, by when these are gone at the latest."""
        moving, leaves_by = self._cycle.estate.stocks[self._pool.name].moving, self._cycle.leaves_by
        gone = {key: leaves_by(key, self._pool) for key in {key for host in moving.values() for key in host.going}}
        return sorted((gone[key], host.name) for host in moving.values() for key in host.going)

    @cached_property
    def _moments(self) -> list[float]:
        return sorted({end for end, _ in (*self._leaving, *self._ends)})

    def moments(self, until: float) -> list[float]:
        """When something is free, in order."""
        return self._moments[: bisect_right(self._moments, until)]

    def over_by(self, moment: float) -> frozenset[str]:
        """Running jobs that have ended by then."""
        count = bisect_right(self._ends, moment, key=lambda end: end[0])
        if count not in self._over:
            self._over[count] = frozenset(key for _, key in self._ends[:count])
        return self._over[count]

    def left_by(self, moment: float) -> int:
        """How often something on its way out has left a host by then."""
        return bisect_right(self._leaving, moment, key=lambda end: end[0])

    def left_between(self, first: float, last: float) -> set[str]:
        """Hosts that something on its way out leaves between two moments."""
        after, until = sorted((self.left_by(first), self.left_by(last)))
        return {name for _, name in self._leaving[after:until]}


def coming(cycle: Cycle, pool: Pool) -> Coming:
    """What comes free in a pool, the same until the next step."""
    return cycle.until_next_step(cycle.coming, pool.name, lambda: Coming(cycle, pool))
