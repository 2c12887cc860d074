"""What evictions could free at the most, so that a search for victims that must fail is not repeated at every event.

This is no part of Kueue, and no decision depends on it: it only says when the search has to fail.
"""

from collections.abc import Mapping

from entente.simulator.hosts import Placed


class Ceiling:
    """Free GPUs of each host once every ClusterQueue is cut back to its quota, or more than that.

    It holds for a cohort without cohorts in it, and for preemptors that stay within their quota and evict nothing of
    their own. A ClusterQueue above its quota then yields a first part of its workloads in their order. That part does
    not grow, as long as what is freed and what is told to stop is added here, and newly admitted workloads come first
    in that order; when one does not, the ceiling is void.

    Args:
        free: GPUs of each host, after a search that took all victims it could get.
    """

    def __init__(self, free: Mapping[str, int]) -> None:
        self._free = dict(free)
        self._slots: dict[int, int] = {}

    def raise_by(self, placed: Placed) -> None:
        """These GPUs may come free, too."""
        for host, workers in placed.workers_on.items():
            before = self._free.get(host, 0)
            self._free[host] = after = before + workers * placed.gang.gpus
            for gpus in self._slots:
                self._slots[gpus] += after // gpus - before // gpus

    def slots(self, gpus: int) -> int:
        """Workers with so many GPUs each that could have room, at the most."""
        if gpus not in self._slots:
            self._slots[gpus] = sum(free // gpus for free in self._free.values())
        return self._slots[gpus]
