"""Small replays of baseline policies: who starts when, and where."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from hypothesis import strategies as st

from entente.engine.model import Node, Pool, Tenant, Terms
from entente.simulator.policy import Action, Place, Policy, SimJob, Site
from entente.simulator.replay import Conditions, Replay

Submitted = tuple[SimJob, float]
"""A job, and how long it runs, in seconds."""


def site(
    hosts: Sequence[int] | Mapping[str, Sequence[int]], guaranteed: Mapping[str, int], *, exclusive: bool = False
) -> Site:
    """An estate with these hosts (of each pool; else of the pool `p`), and with the same guarantee in each pool."""
    pools = hosts if isinstance(hosts, Mapping) else {"p": hosts}
    return Site(
        pools={name: Pool(name, (), 300.0, 600.0, 3600.0, exclusive, None, 0.0) for name in pools},
        nodes={f"{p}{i}": Node(f"{p}{i}", p, gpus, ()) for p, sizes in pools.items() for i, gpus in enumerate(sizes)},
        tenants={name: Tenant(name, {pool: Terms(gpus) for pool in pools}) for name, gpus in guaranteed.items()},
    )


def job(
    name: str,
    at: float,
    gpus: int,
    runs: float,
    *,
    workers: int = 1,
    expected: float | None = None,
    pools: tuple[str, ...] = ("p",),
) -> Submitted:
    """A job `tenant/name` with so many GPUs for each worker."""
    return SimJob(name, name.partition("/")[0], workers, gpus, at, pools, expected_s=expected), runs


@dataclass(slots=True)
class Watched:
    policy: Policy
    watch: Callable[[float], None] = lambda _: None
    starts: dict[str, float] = field(default_factory=dict)
    nodes: dict[str, Mapping[str, int]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> object:
        return getattr(self.policy, name)

    def decide(self, now: float) -> Sequence[Action]:
        actions = self.policy.decide(now)
        for action in actions:
            assert isinstance(action, Place)  # none of these policies stops a job
            self.starts[action.key], self.nodes[action.key] = now, action.workers_on
        self.watch(now)
        return actions


def replayed(
    made: Policy,
    estate: Site,
    jobs: Iterable[Submitted],
    *,
    watch: Callable[[float], None] = lambda _: None,
    conditions: Conditions | None = None,
) -> Watched:
    """Replay the jobs to their end; the replay itself refuses an overfilled host and a gang that is not whole."""
    watched = Watched(made, watch)
    in_order = sorted(jobs, key=lambda submitted: submitted[0].submitted)
    # what it does not have itself it has from the policy
    Replay(estate, in_order, cast("Policy", watched), conditions=conditions or Conditions()).run()
    return watched


def starts(made: Policy, estate: Site, jobs: Iterable[Submitted]) -> dict[str, float]:
    return replayed(made, estate, jobs).starts


def drawn_jobs(tenants: str = "abc", pools: tuple[str, ...] = ("p",)) -> st.SearchStrategy[list[Submitted]]:
    """Jobs with times in whole seconds, of sizes that often do not fit together."""

    def build(rows: list[tuple[str, int, int, int, int, int | None]]) -> list[Submitted]:
        made, at = [], 0
        for i, (tenant, wait, workers, gpus, runs, more) in enumerate(rows):
            at += wait
            expected = None if more is None else float(runs + more)
            submitted = job(f"{tenant}/{i}", float(at), gpus, float(runs), workers=workers, expected=expected)
            made.append((replace(submitted[0], pools=pools), submitted[1]))
        return made

    row = st.tuples(
        st.sampled_from(tenants),
        st.integers(0, 20),
        st.integers(1, 4),
        st.integers(1, 8),
        st.integers(1, 60),
        st.one_of(st.none(), st.integers(0, 30)),
    )
    return st.lists(row, max_size=30).map(build)
