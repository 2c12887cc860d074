"""What is taken for one claim: the victims, and where it and those that are moved will stand."""

from dataclasses import dataclass

from entente.engine.cycle import Claim
from entente.engine.option import Option


@dataclass(frozen=True, slots=True)
class Taking:
    claim: Claim
    nodes: dict[str, int]
    """Workers of the claim's job on each node."""
    options: tuple[Option, ...]
    moved: dict[str, dict[str, int]]
    """Where the jobs that are moved will stand."""

    @property
    def risk(self) -> float:
        """GPU-seconds that are lost by it."""
        return sum(o.risk for o in self.options)
