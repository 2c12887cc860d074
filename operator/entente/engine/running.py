"""A job that has GPUs, and what it would keep of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from entente.engine.model import Job


@dataclass(frozen=True, slots=True)
class Running:
    """A job that has GPUs and keeps them: started earlier or in this decision."""

    job: Job
    tenant: str
    pool: str
    nodes: Mapping[str, int]
    """Workers on each node."""
    on_call: bool = False
    new: bool = False
    """Started or grown in this decision: no victim in it."""
    shrunk: bool = False
    """Shrunk in this decision: it may be shrunk further, but not evicted."""

    workers: int = field(init=False)
    """All of them."""
    gpus: int = field(init=False)
    """GPUs that it has."""

    def __post_init__(self) -> None:
        """Counted once: they are asked for again and again."""
        object.__setattr__(self, "workers", sum(self.nodes.values()))
        object.__setattr__(self, "gpus", self.workers * self.job.gpus_per_worker)


def gpus_on(nodes: Mapping[str, int], per_worker: int) -> dict[str, int]:
    """GPUs on each node of a placement."""
    return {name: workers * per_worker for name, workers in nodes.items()}


def without_workers(nodes: Mapping[str, int], count: int) -> dict[str, int]:
    """What a job keeps when it gives up `count` workers: the hosts with the fewest of its workers are emptied first."""
    left = dict(nodes)
    for name in sorted(nodes, key=lambda n: (nodes[n], n)):
        taken = min(count, left[name])
        left[name] -= taken
        count -= taken
        if not count:
            break
    return {name: workers for name, workers in left.items() if workers}
