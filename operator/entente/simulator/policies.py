"""The policies by name. A policy is made for one replay, of the site alone."""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from entente.simulator.policy import Policy, Site

_CLASSES = {
    "entente": "entente.simulator.entente:EntentePolicy",
    "static": "entente.simulator.baselines.static:StaticPolicy",
    "fifo": "entente.simulator.baselines.fifo:FifoPolicy",
    "backfill": "entente.simulator.baselines.backfill:BackfillPolicy",
    "easy": "entente.simulator.baselines.easy:EasyPolicy",
    "fair": "entente.simulator.baselines.fair:FairPolicy",
    "kueue": "entente.simulator.baselines.kueue:KueuePolicy",
    "kai": "entente.simulator.baselines.kai:KaiPolicy",
}

NAMES = tuple(_CLASSES)
"""All of them, the production engine first."""


def policy_of(name: str, site: Site) -> Policy:
    """A policy for one replay. Raises KeyError for a name that is not in `NAMES`."""
    module, class_ = _CLASSES[name].split(":")
    # imported when asked for: a replay of one policy does not pay for the others
    made = cast("Callable[[Site], Policy]", getattr(import_module(module), class_))
    return made(site)
