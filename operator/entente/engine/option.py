"""One way in which a running job gives GPUs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Cost = tuple[Any, ...]
"""What a set of options costs: the lower one is better. The highest priority of its own victims, then `Amounts`."""

NO_OWN = float("-inf")
"""The priority of a set without own victims."""

Amounts = tuple[int, int, int, int, int]
"""Own work at risk, work at risk (thousandths of GPU-seconds, so that sums are exact), GPUs evicted, GPUs, jobs."""


def risk_of(cost: Cost) -> int:
    """All work at risk, in thousandths of GPU-seconds."""
    risk: int = cost[2]
    return risk


@dataclass(frozen=True, slots=True)
class Option:
    """One way in which a running job gives GPUs."""

    job: str
    tenant: str
    own: bool
    """Of the claim's own tenant: taken only for what others' borrowed work does not give."""
    rank: float
    """Its priority where it is own; elastic surplus ranks below all."""
    risk: float
    started: float
    freed: Mapping[str, int]
    """GPUs that it gives on each node."""
    keeps: Mapping[str, int] | None = None
    """Workers that a shrunken job keeps on each node; none when it is evicted."""
    moves: bool = False
    """Evicted, and given another place in the same decision."""

    gpus: int = field(init=False)
    """GPUs that it gives."""
    gives: int = field(init=False)
    """GPUs that it gives for good: none if it is moved."""
    amounts: Amounts = field(init=False)
    """What it adds to the cost of a set of victims."""
    cost: Cost = field(init=False)
    """What it costs alone, as in `victims.cost`."""

    def __post_init__(self) -> None:
        """Counted once: a search asks for them again and again."""
        gpus, risk = sum(self.freed.values()), round(self.risk * 1000)
        evicted = gpus if self.keeps is None and not self.moves else 0
        own = risk + 1 if self.own else 0  # own work that loses nothing is own work, too
        object.__setattr__(self, "gpus", gpus)
        object.__setattr__(self, "gives", 0 if self.moves else gpus)
        amounts = (own, risk, evicted, gpus, 1)
        object.__setattr__(self, "amounts", amounts)
        rank = self.rank if self.own else NO_OWN
        object.__setattr__(self, "cost", (rank, *amounts, (-self.started,), (self.job,)))


Group = tuple[Option, ...]
"""The options of one job, of which at most one is taken; the one that gives most comes last."""
