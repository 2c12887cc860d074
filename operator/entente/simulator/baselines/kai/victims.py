"""In which order running jobs are looked at as victims (rule N14).

After pkg/scheduler/actions/utils/job_order_by_queue.go of kai-scheduler/KAI-Scheduler (`VictimQueue`): the order of
pending jobs turned round. The worst queue comes first, as it stands without the victims taken from it so far and its
next one; in a queue the lowest priority, then workers that an elastic job can do without, then the job submitted last.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence

from entente.simulator.baselines.kai.cluster import Cluster
from entente.simulator.baselines.kai.ordering import JobRank, queue_rank, share_of
from entente.simulator.baselines.kai.work import Unit


def in_order(cluster: Cluster, ranks: Mapping[str, Sequence[JobRank]]) -> Iterator[Unit]:
    """The units of these ranks, by queue each in the order of the queue, as they are taken as victims."""
    # of a queue's rank, victims change the one share only: the rest is made once, and turned round for the heap
    fixed = {
        name: (
            (not rank.above_fair_share, not rank.above_quota, -rank.minus_priority, not rank.uses_zero_share),
            (-rank.share, -rank.allocatable, -rank.age),
        )
        for name in ranks
        for rank in [queue_rank(cluster.leaves[name], cluster.total)]
    }
    heap: list[tuple[tuple[object, ...], str, int, int, Unit]] = []

    def push(name: str, left: int, taken: int) -> None:
        if left:
            unit, leaf = cluster.unit(ranks[name][left - 1]), cluster.leaves[name]
            taken += unit.gang.total
            share = share_of(leaf.allocated - taken, leaf.allocatable, cluster.total)
            first, last = fixed[name]
            heapq.heappush(heap, ((first, -share, last), name, left, taken, unit))

    for name in ranks:
        push(name, len(ranks[name]), 0)
    while heap:
        _, name, left, taken, unit = heapq.heappop(heap)
        yield unit
        push(name, left - 1, taken)
