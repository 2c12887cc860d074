import pytest

from entente.simulator.occupancy import ImpossibleError, Occupancy
from tests.support.replays import a_site


def hosts(*, exclusive: bool = False) -> Occupancy:
    site = a_site({"x": 8, "y": 8}, hosts=2, exclusive=exclusive)
    return Occupancy(site.pools, site.nodes)


def test_a_gang_takes_its_gpus_and_gives_them_back() -> None:
    found = hosts()
    assert found.place("x/a", "x", {"h100-0": 2, "h100-1": 1}, 4) == "h100"
    assert found.user_of("h100-0", 7) == "x/a"
    assert found.user_of("h100-1", 4) is None
    found.leave("x/a", {"h100-0": 2, "h100-1": 1})
    assert found.jobs_on("h100-0") == ()
    assert found.place("y/b", "y", {"h100-0": 1}, 8) == "h100"


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        pytest.param({"h100-0": 1}, "8 GPUs on host h100-0, where 4 are free", id="overfilled"),
        pytest.param({"h100-9": 1}, "there is no host 'h100-9'", id="no host"),
        pytest.param({"h100-1": 0}, "0 workers on host h100-1", id="no worker"),
        pytest.param({}, "a gang is in one pool, not in none", id="nowhere"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(nodes: dict[str, int], message: str) -> None:
    found = hosts()
    found.place("x/a", "x", {"h100-0": 1}, 4)
    with pytest.raises(ImpossibleError, match=f"x/b: {message}"):
        found.place("x/b", "x", nodes, 8)
    assert found.place("x/c", "x", {"h100-0": 1, "h100-1": 2}, 4) == "h100"


def test_an_exclusive_host_takes_one_tenant_until_its_last_pod_is_gone() -> None:
    found = hosts(exclusive=True)
    found.place("x/a", "x", {"h100-0": 1}, 1)
    found.place("x/b", "x", {"h100-0": 1}, 1)
    found.leave("x/a", {"h100-0": 1})
    with pytest.raises(ImpossibleError, match="y/c: host h100-0 is another tenant's"):
        found.place("y/c", "y", {"h100-0": 1}, 1)
    found.leave("x/b", {"h100-0": 1})
    found.place("y/c", "y", {"h100-0": 1}, 1)


def test_a_lost_host_takes_nothing_until_it_is_back() -> None:
    found = hosts()
    assert found.lose("h100-0")
    assert not found.lose("h100-0")
    with pytest.raises(ImpossibleError, match="x/a: host h100-0 is lost"):
        found.place("x/a", "x", {"h100-0": 1}, 1)
    found.bring_back("h100-0")
    found.place("x/a", "x", {"h100-0": 1}, 1)
