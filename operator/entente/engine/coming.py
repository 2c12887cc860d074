"""What comes free by itself in a pool, and when: known ends of running jobs, and what is on its way out."""

from bisect import bisect_right

from entente.engine.cycle import Cycle
from entente.engine.model import DAY_S, Pool


class Coming:
    """The known ends in a pool as of a step of a decision, up to a day or a notice away."""

    def __init__(self, cycle: Cycle, pool: Pool) -> None:
        horizon = cycle.now + max(DAY_S, pool.notice_s)
        self._ends = cycle.estate.ends[pool.name].known_by(horizon, cycle.now)
        going = {key for host in cycle.estate.stocks[pool.name].moving.values() for key in host.going}
        leaving = {cycle.leaves_by(key, pool) for key in going}
        self._moments = sorted(leaving | {end for end, _ in self._ends})
        self._over: dict[int, frozenset[str]] = {}

    def moments(self, until: float) -> list[float]:
        """When something is free, in order."""
        return self._moments[: bisect_right(self._moments, until)]

    def over_by(self, moment: float) -> frozenset[str]:
        """Running jobs that have ended by then."""
        count = bisect_right(self._ends, moment, key=lambda end: end[0])
        if count not in self._over:
            self._over[count] = frozenset(key for _, key in self._ends[:count])
        return self._over[count]


def coming(cycle: Cycle, pool: Pool) -> Coming:
    """What comes free in a pool, the same until the next step."""
    return cycle.until_next_step(cycle.coming, pool.name, lambda: Coming(cycle, pool))
