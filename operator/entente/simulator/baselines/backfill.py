"""`backfill`: one queue for everybody, and every job that fits may start.

Greedy backfill without any reservation: at each decision the pending jobs are tried in the order of submission, and
each that fits starts. It is the far end of what Feitelson and Weil, "Utilization and predictability in scheduling the
IBM SP2 with backfilling" (IPPS/SPDP 1998), discuss: nothing keeps small jobs from delaying a large gang, which waits
until enough happens to be free at once. Kueue's BestEffortFIFO does the same within one queue. No quotas, no
preemption.
"""

from collections.abc import Callable, Iterator, Sequence

from typing_extensions import override

from entente.simulator.baselines.lanes import Backlog
from entente.simulator.baselines.nonpreemptive import NonPreemptive
from entente.simulator.policy import Action, Place, SimJob, Site


def fill(backlog: Backlog, find: Callable[[SimJob], Place | None]) -> Iterator[tuple[SimJob, Place]]:
    """Each job that fits, in the order of submission; the taker books it before the next is looked for."""
    while (job := backlog.first()) is not None:
        place = find(job)
        if place is None:
            backlog.close(job)
        else:
            backlog.take(job)
            yield job, place


class BackfillPolicy(NonPreemptive):
    """One queue with greedy backfill."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._backlog = Backlog(self.floor.shape_of)

    @override
    def queue(self, job: SimJob) -> None:
        self._backlog.put(job)

    @override
    def freed(self) -> None:
        self._backlog.reopen()

    @override
    def decide(self, now: float) -> Sequence[Action]:
        return [self.started(job, place) for job, place in fill(self._backlog, self.floor.find)]
