"""`static` on small estates, worked out by hand."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.engine.model import Node
from entente.simulator.baselines.backfill import BackfillPolicy
from entente.simulator.baselines.static import StaticPolicy, partition
from entente.simulator.failures import Failure
from entente.simulator.replay import Conditions
from tests.support.baselines import Submitted, drawn_jobs, job, replayed, site, starts


def nodes(*sizes: int) -> list[Node]:
    return [Node(f"p{i}", "p", gpus, ()) for i, gpus in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "guaranteed", "least", "gpus"),
    [
        pytest.param([8] * 4, {"a": 16, "b": 16}, {}, {"a": 16, "b": 16}, id="whole hosts"),
        pytest.param([8] * 4, {"a": 10, "b": 10, "c": 12}, {}, {"a": 8, "b": 8, "c": 16}, id="largest remainder"),
        pytest.param([8] * 3, {"a": 12, "b": 12}, {}, {"a": 16, "b": 8}, id="ties by name"),
        pytest.param([8] * 4, {"a": 4, "b": 4}, {}, {"a": 16, "b": 16}, id="what nobody is guaranteed is split, too"),
        pytest.param([8] * 4, {"a": 30, "b": 2}, {}, {"a": 32, "b": 0}, id="a small part is rounded to nothing"),
        pytest.param([8] * 4, {"a": 30, "b": 2}, {"b": 1}, {"a": 24, "b": 8}, id="but not where it needs a host"),
        pytest.param([8] * 4, {"a": 20, "b": 12}, {"b": 16}, {"a": 16, "b": 16}, id="room for the largest gang"),
        pytest.param([8] * 2, {"a": 9, "b": 7}, {"a": 16, "b": 16}, {"a": 8, "b": 8}, id="not possible for all"),
        pytest.param([8, 4, 4], {"a": 8, "b": 8}, {}, {"a": 8, "b": 8}, id="hosts of unlike size"),
        pytest.param([8], {"a": 0, "b": 8}, {"a": 1}, {"b": 8}, id="no guarantee, no host"),
        pytest.param([8], {"a": 0}, {}, {}, id="no guarantees at all"),
    ],
)
def test_hosts_are_split_in_proportion_to_the_guarantees(
    sizes: list[int], guaranteed: dict[str, int], least: dict[str, int], gpus: dict[str, int]
) -> None:
    shares = partition(nodes(*sizes), guaranteed, least)
    assert {tenant: sum(node.gpus for node in mine) for tenant, mine in shares.items()} == gpus


@given(st.integers(1, 30), st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1))
def test_every_host_is_somebodys_and_equal_hosts_are_split_to_less_than_one(
    hosts: int, guaranteed: dict[str, int]
) -> None:
    shares = partition(nodes(*[8] * hosts), guaranteed, {})
    assert sorted(node.name for mine in shares.values() for node in mine) == sorted(n.name for n in nodes(*[8] * hosts))
    for tenant, mine in shares.items():
        assert abs(len(mine) - hosts * guaranteed[tenant] / sum(guaranteed.values())) < 1


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        pytest.param(
            [job("a/1", 0, 8, 100), job("a/2", 1, 1, 10), job("b/1", 2, 1, 10)],
            {"a/1": 0, "a/2": 100, "b/1": 2},
            id="another's idle host is of no use",
        ),
        pytest.param(
            [job("a/1", 0, 6, 100), job("a/2", 1, 4, 10), job("a/3", 2, 2, 10)],
            {"a/1": 0, "a/2": 100, "a/3": 2},
            id="whoever fits starts",
        ),
        pytest.param([job("a/1", 0, 8, 10, workers=2), job("a/2", 1, 8, 10)], {"a/2": 1}, id="too large for its part"),
        pytest.param([job("c/1", 0, 1, 10), job("a/1", 0, 1, 5)], {"a/1": 0}, id="no part"),
    ],
)
def test_each_tenant_has_its_own_hosts(jobs: list[Submitted], expected: dict[str, float]) -> None:
    estate = site([8, 8], {"a": 8, "b": 8, "c": 0})
    assert starts(StaticPolicy(estate), estate, jobs) == expected


def test_the_largest_gang_finds_room_where_it_is_known() -> None:
    estate = site([8] * 4, {"a": 20, "b": 12})
    jobs = [job("b/1", 0, 8, 10, workers=2)]
    assert starts(StaticPolicy(estate), estate, jobs) == {}
    assert starts(StaticPolicy(replace(estate, largest={"b": 16})), estate, jobs) == {"b/1": 0}


def test_a_host_that_is_lost_is_its_tenants_loss_alone() -> None:
    estate = site([8, 8], {"a": 8, "b": 8})
    jobs = [job("a/1", 0, 8, 100), job("a/2", 1, 8, 10), job("b/1", 20, 8, 10)]
    lost = Conditions(failure_restart_s=0, host_down_s=50, failures=lambda: iter([Failure(10.0, "p0", 0)]))
    done = replayed(StaticPolicy(estate), estate, jobs, conditions=lost)
    assert done.starts == {"a/1": 60, "a/2": 160, "b/1": 20}


@given(drawn_jobs())
def test_each_partition_goes_on_as_if_it_were_alone(jobs: list[Submitted]) -> None:
    estate = site([8, 8, 4], {"a": 8, "b": 8, "c": 4})
    together = replayed(StaticPolicy(estate), estate, jobs)
    for tenant, host in (("a", "p0"), ("b", "p1"), ("c", "p2")):
        alone = site([estate.nodes[host].gpus], {tenant: 8})
        mine = [(j, runs) for j, runs in jobs if j.tenant == tenant]
        expected = starts(BackfillPolicy(alone), alone, mine)
        assert {key: at for key, at in together.starts.items() if key.startswith(tenant)} == expected
        assert all(together.nodes[key].keys() == {host} for key in expected)
