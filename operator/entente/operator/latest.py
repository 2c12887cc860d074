"""The last decision, for whoever looks into it afterwards."""

from dataclasses import dataclass

from entente.api.inputs import Inputs
from entente.engine.decisions import Plan


@dataclass(frozen=True, slots=True)
class Latest:
    """What the engine was asked last, and what it said."""

    inputs: Inputs
    plan: Plan | None
    """None when it could not decide."""
