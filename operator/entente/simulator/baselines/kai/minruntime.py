"""How long a job is left alone after its start (rules N22-N24).

After pkg/scheduler/plugins/minruntime/{minruntime,resolver}.go of kai-scheduler/KAI-Scheduler. Reclaim and preempt keep
to it, consolidation does not. It is 0 unless a queue says otherwise.
"""

from entente.simulator.baselines.kai.queues import Queue
from entente.simulator.baselines.kai.work import Unit

DEFAULT_S = 0.0


def for_preempt(victim: Queue) -> float:
    """Seconds for which a job of that leaf is safe from its own queue: the first set, from the leaf upwards (N22)."""
    return next((s for queue in victim.path() if (s := queue.preempt_min_runtime_s) is not None), DEFAULT_S)


def for_reclaim(claimant: Queue, victim: Queue) -> float:
    """Seconds for which a job of that leaf is safe from the claimant's (N23, method `lca`).

    What counts is the queue just below the lowest common ancestor, on the victim's side, else the first above that says
    something; of queues with different tops the victim's top alone.
    """
    mine, theirs = list(claimant.path())[::-1], list(victim.path())[::-1]
    common = 0
    while common < min(len(mine), len(theirs)) and mine[common] is theirs[common]:
        common += 1
    below = min(common, len(theirs) - 1)
    return next((s for queue in theirs[below::-1] if (s := queue.reclaim_min_runtime_s) is not None), DEFAULT_S)


def safe(unit: Unit, seconds: float, now: float) -> bool:
    """Whether a running unit may not be evicted yet; workers beyond an elastic job's least always may."""
    return not unit.rank.surplus and now < unit.work.started + seconds
