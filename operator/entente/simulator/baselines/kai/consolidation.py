"""Moving jobs together, to make room for one more: nobody loses its place for good (rule N12).

After pkg/scheduler/actions/consolidation/consolidation.go of kai-scheduler/KAI-Scheduler. Its candidates are the first
jobs of a map, that is any, and others in each cycle; here they are drawn by chance, from a fixed seed. In-quota jobs
are moved too, and no minimum runtime is kept to (N24).
"""

from random import Random

from entente.simulator.baselines.kai.cluster import Cluster, freed_by
from entente.simulator.baselines.kai.ordering import JobRank
from entente.simulator.baselines.kai.search import Outcome, Search
from entente.simulator.baselines.kai.victims import in_order
from entente.simulator.baselines.kai.work import Unit

CANDIDATES = 17
"""KAI's setting is 16, and its counter lets one more through."""


def draw(cluster: Cluster, chance: Random) -> dict[str, list[JobRank]]:
    """Candidates for being moved, by leaf, as ranked."""
    running = sum(len(ranks) for ranks in cluster.running.values())
    drawn = sorted(range(running) if running <= CANDIDATES else chance.sample(range(running), CANDIDATES))
    candidates: dict[str, list[JobRank]] = {}
    end = index = 0
    for name, ranks in cluster.running.items():
        start, end = end, end + len(ranks)
        while index < len(drawn) and drawn[index] < end:
            candidates.setdefault(name, []).append(ranks[drawn[index] - start])
            index += 1
    return candidates


def consolidate(cluster: Cluster, unit: Unit, chance: Random) -> Outcome | None:
    """A scenario in which the unit and all that make room for it have a place; none if none was found."""
    if cluster.hosts.free < unit.gang.total:
        return None
    candidates = draw(cluster, chance)
    reach = freed_by(cluster.unit(rank) for ranks in candidates.values() for rank in ranks)
    return Search(cluster, unit, lambda: in_order(cluster, candidates), _all_placed, reach, all_placed=True).solve()


def _all_placed(outcome: Outcome) -> bool:
    return not outcome.gone
