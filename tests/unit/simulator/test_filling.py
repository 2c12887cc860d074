"""How full small estates get."""

import pytest

from entente.simulator.baselines.backfill import BackfillPolicy
from entente.simulator.baselines.fifo import FifoPolicy
from entente.simulator.filling import OPENB_HOSTS, Filled, arrivals, drawn, fill
from entente.simulator.trace import TraceJob
from tests.support.baselines import site


def pods(*gpus: int) -> list[TraceJob]:
    return [TraceJob(str(i), "a", float(i), 1.0, count) for i, count in enumerate(gpus)]


@pytest.mark.parametrize(
    ("hosts", "asked", "allocated"),
    [
        pytest.param([8, 8], [8, 4, 4], 16, id="all of it"),
        pytest.param([8, 8], [4, 1, 8, 3], 16, id="best fit keeps a host free"),
        pytest.param([4, 4], [3, 3, 2], 6, id="what is left is in two places"),
        pytest.param([4, 4], [3, 3, 2, 1, 1], 8, id="a smaller pod behind it still fits"),
        pytest.param([8], [], 0, id="nobody comes"),
    ],
)
def test_what_is_given_out_is_counted_when_all_have_come(hosts: list[int], asked: list[int], allocated: int) -> None:
    estate = site(hosts, {"a": sum(hosts)})
    filled = fill(estate, arrivals(pods(*asked), estate), BackfillPolicy(estate))
    assert filled == Filled(sum(hosts), sum(asked), allocated)
    assert filled.unallocated == sum(hosts) - allocated


def test_the_placement_rule_makes_the_difference() -> None:
    estate = site([4, 4], {"a": 8})
    jobs = arrivals(pods(3, 3, 2, 1, 1), estate)
    assert fill(estate, jobs, FifoPolicy(estate)).unallocated == 2


def test_as_much_is_asked_for_as_there_is() -> None:
    chosen = drawn(pods(1, 2, 8), 100, seed=3)
    assert sum(pod.gpus for pod in chosen) == 100
    assert chosen == drawn(pods(1, 2, 8), 100, seed=3)
    assert chosen != drawn(pods(1, 2, 8), 100, seed=4)


def test_what_no_pod_is_small_enough_for_is_not_asked_for() -> None:
    assert sum(pod.gpus for pod in drawn(pods(8), 20, seed=0)) == 16


def test_an_empty_trace_is_refused() -> None:
    with pytest.raises(ValueError, match="trace: no job is given"):
        drawn([], 8, seed=0)


def test_the_hosts_of_openb_are_those_of_its_node_list() -> None:
    assert (len(OPENB_HOSTS), sum(OPENB_HOSTS)) == (1213, 6212)
