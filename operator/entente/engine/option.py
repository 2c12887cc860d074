"""One way in which a running job gives GPUs."""

from collections.abc import Mapping
from dataclasses import dataclass


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

    @property
    def gpus(self) -> int:
        """GPUs that it gives."""
        return sum(self.freed.values())


Group = tuple[Option, ...]
"""The options of one job, of which at most one is taken; the one that gives most comes last."""
