"""Rules N12, N19: which scenario is found."""

from collections.abc import Mapping, Sequence
from random import Random

import pytest

from entente.simulator.baselines.kai.cluster import freed_by
from entente.simulator.baselines.kai.consolidation import CANDIDATES, consolidate, draw
from entente.simulator.baselines.kai.search import Outcome, Search
from entente.simulator.baselines.kai.victims import in_order
from entente.simulator.policy import SimJob
from tests.support.kai import Built, built, kai_job


def solved(made: Built, key: str, victims: Sequence[str]) -> Outcome | None:
    """The scenario for a job with the running jobs of these tenants as victims; everything is as before after it."""
    cluster = made.cluster
    before, allocated = made.placed(), {name: leaf.allocated for name, leaf in cluster.leaves.items()}
    ranks = {name: cluster.running[name] for name in victims}
    outcome = Search(
        cluster, made.core(key), lambda: in_order(cluster, ranks), lambda _: True, cluster.reach(victims)
    ).solve()
    assert made.placed() == before
    assert {name: leaf.allocated for name, leaf in cluster.leaves.items()} == allocated
    return outcome


def ids(outcome: Outcome | None) -> tuple[list[str], Mapping[str, Mapping[str, int]]]:
    assert outcome is not None
    return [unit.id for unit in outcome.gone], outcome.moved


def test_w8_the_whole_gang_goes_for_one_gpu() -> None:
    made = built([4], {"a": 2, "b": 2}, [(kai_job("a/4", 4), {"h0": 1})], [kai_job("b/1", 1, at=1.0)])
    outcome = solved(made, "b/1", ["a"])
    assert ids(outcome) == (["a/4"], {})


def test_victims_on_one_node_that_are_not_needed_stay() -> None:
    """The newest two of a's are on h1, of which one alone makes the room: the other finds its own place again."""
    running = [
        (kai_job("a/1", 4, at=0.0), {"h0": 1}),
        (kai_job("a/2", 4, at=1.0), {"h0": 1}),
        (kai_job("a/3", 6, at=2.0), {"h1": 1}),
        (kai_job("a/4", 2, at=3.0), {"h1": 1}),
    ]
    made = built([8, 8], {"a": 4, "b": 8}, running, [kai_job("b/1", 6, at=9.0)])
    assert ids(solved(made, "b/1", ["a"])) == (["a/3"], {})


def test_a_victim_that_fits_elsewhere_is_moved() -> None:
    running = [(kai_job("a/1", 5, at=0.0), {"h0": 1}), (kai_job("a/2", 3, at=1.0), {"h1": 1})]
    made = built([8, 8], {"a": 4, "b": 8}, running, [kai_job("b/1", 8, at=9.0)])
    assert ids(solved(made, "b/1", ["a"])) == ([], {"a/2": {"h0": 1}})


def test_a_gang_on_several_nodes_takes_node_by_node() -> None:
    running = [(kai_job(f"a/{i}", 8, at=float(i)), {f"h{i}": 1}) for i in range(4)]
    made = built([8] * 4, {"a": 8, "b": 16}, running, [kai_job("b/1", 8, workers=2, at=9.0)])
    outcome = solved(made, "b/1", ["a"])
    assert sorted(ids(outcome)[0]) == ["a/2", "a/3"]
    assert outcome is not None
    assert outcome.workers_on == {"h2": 1, "h3": 1}


@pytest.mark.parametrize("workers", [4, 5, 7, 8])
def test_a_large_gang_takes_several_nodes_at_once(workers: int) -> None:
    running = [(kai_job(f"a/{i}", 8, at=float(i)), {f"h{i}": 1}) for i in range(8)]
    made = built([8] * 8, {"a": 0, "b": 64}, running, [kai_job("b/1", 8, workers=workers, at=9.0)])
    assert len(ids(solved(made, "b/1", ["a"]))[0]) == workers


def test_no_scenario_where_the_victims_do_not_make_enough_room() -> None:
    running = [(kai_job("a/1", 4), {"h0": 1}), (kai_job("c/1", 4), {"h0": 1})]
    made = built([8], {"a": 0, "b": 8, "c": 4}, running, [kai_job("b/1", 5, at=9.0)])
    assert solved(made, "b/1", ["a"]) is None


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311  # as the scheduler has it


FRAGMENTED: list[tuple[SimJob, Mapping[str, int]]] = [
    (kai_job("a/1", 5, at=0.0), {"h0": 1}),
    (kai_job("a/2", 3, at=1.0), {"h1": 1}),
]


def test_consolidation_moves_a_job_within_its_quota_for_one_that_is_not() -> None:
    """N12: in-quota jobs are not exempt, and no minimum runtime is kept to (N24)."""
    made = built([8, 8], {"a": 8, "b": 0}, FRAGMENTED, [kai_job("b/1", 8, at=1.0)])
    for leaf in made.cluster.leaves.values():
        leaf.reclaim_min_runtime_s = leaf.preempt_min_runtime_s = 1e9
    assert ids(consolidate(made.cluster, made.core("b/1"), chance(1))) == ([], {"a/2": {"h0": 1}})


def test_consolidation_leaves_nobody_without_a_place() -> None:
    running = [(kai_job(f"a/{i}", 5, at=float(i)), {f"h{i}": 1}) for i in range(2)]
    made = built([8, 8], {"a": 8, "b": 8}, running, [kai_job("b/1", 6, at=9.0)])
    assert made.cluster.hosts.free == 6
    assert consolidate(made.cluster, made.core("b/1"), chance(1)) is None


def test_consolidation_draws_no_more_candidates_than_it_may_and_always_the_same() -> None:
    running = [(kai_job(f"{tenant}/{i}", 1, at=float(i)), {"h0": 1}) for tenant in "ab" for i in range(20)]
    made = built([64], {"a": 8, "b": 8}, running)
    drawn = draw(made.cluster, chance(7))
    assert sum(map(len, drawn.values())) == CANDIDATES
    assert all(ranks == sorted(set(ranks)) for ranks in drawn.values())
    assert drawn == draw(made.cluster, chance(7)) != draw(made.cluster, chance(8))
    assert freed_by(made.cluster.unit(rank) for ranks in drawn.values() for rank in ranks) == {"h0": CANDIDATES}
