"""`fifo`: one queue for everybody, strictly first come, first served.

The job at the head waits until its whole gang fits, and all others wait behind it, whatever room there is: FCFS with
variable partitions in Feitelson, "A survey of scheduling in multiprogrammed parallel systems" (IBM RC 19790, 1997),
Kueue's StrictFIFO within one queue. No quotas, no preemption.
"""

import heapq
from collections.abc import Sequence

from typing_extensions import override

from entente.simulator.baselines.nonpreemptive import NonPreemptive
from entente.simulator.policy import Action, SimJob, Site


class FifoPolicy(NonPreemptive):
    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._orders: dict[str, int] = {}
        self._waiting: list[tuple[int, str]] = []

    @override
    def queue(self, job: SimJob) -> None:
        order = self._orders.setdefault(job.key, len(self._orders))
        heapq.heappush(self._waiting, (order, job.key))

    @override
    def freed(self) -> None:
        """The head is tried at each decision."""

    @override
    def decide(self, now: float) -> Sequence[Action]:
        placed = []
        while self._waiting:
            job = self._jobs[self._waiting[0][1]]
            place = self.floor.find(job)
            if place is None:
                break
            heapq.heappop(self._waiting)
            placed.append(self.started(job, place))
        return placed
