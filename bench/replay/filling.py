"""How full Alibaba's cluster gets with each policy, as runs."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.replay.cases import REPLAYED_BY, hashed
from bench.replay.fingerprint import fingerprint
from entente.engine.model import Node, Pool, Tenant, Terms
from entente.simulator.filling import OPENB_HOSTS, Filled, arrivals, drawn, fill
from entente.simulator.policies import policy_of
from entente.simulator.policy import Site
from entente.simulator.quotas import proportional
from entente.simulator.trace import TraceJob, read_trace

_POOL = "openb"


@dataclass(frozen=True, slots=True)
class FillRun:
    """One policy fills the cluster with pods drawn by one seed."""

    trace: Path
    policy: str
    seed: int

    @property
    def label(self) -> str:
        """For people, and for the name of a file."""
        return f"fill-{self.seed}-{self.policy}"

    def key(self) -> str:
        """A hash of everything that the result rests on."""
        module = type(policy_of(self.policy, _site([]))).__module__
        code = fingerprint((*REPLAYED_BY, "entente.simulator.filling", module))
        return hashlib.sha256(f"{code} {self.policy} {self.seed} {hashed(self.trace)}".encode()).hexdigest()

    def make(self) -> Filled:
        pods = drawn(read_trace(str(self.trace)), sum(OPENB_HOSTS), self.seed)
        site = _site(pods)
        return fill(site, arrivals(pods, site), policy_of(self.policy, site))


def _site(pods: list[TraceJob]) -> Site:
    """The cluster; each tenant is guaranteed its part of what is asked for."""
    asked = Counter[str]()
    for pod in pods:
        asked[pod.tenant] += pod.gpus
    guaranteed = proportional(sum(OPENB_HOSTS), asked, dict.fromkeys(asked, 0)) if asked else {"nobody": 1}
    nodes = {f"h{i:04}": Node(f"h{i:04}", _POOL, gpus, ()) for i, gpus in enumerate(OPENB_HOSTS)}
    pool = Pool(_POOL, (), 300.0, 600.0, 3600.0, exclusive=False, handover_s=None, half_life_s=0.0)
    return Site({_POOL: pool}, nodes, {name: Tenant(name, {_POOL: Terms(gpus)}) for name, gpus in guaranteed.items()})
