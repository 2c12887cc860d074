"""Who would only wait: each of them waits when it is tried."""

from collections import Counter

import pytest

from entente.engine.cycle import Cycle, begin
from entente.engine.reclaim import Waiting, reclaim
from entente.engine.standing import waits_in_vain
from entente.engine.state import State
from entente.engine.verdict import opened
from tests.support.crowds import behind, judged
from tests.support.estates import NOW, RACK, estate


def counted(cycle: Cycle) -> Counter[str]:
    """How those that still wait are judged; fails where one does not wait that was to."""
    found = Counter[str]()
    for entry, claim in behind(cycle):
        only_waits, waits = waits_in_vain(cycle, entry), isinstance(reclaim(cycle, claim), Waiting)
        assert waits or not only_waits, entry.job
        found.update(only_waits=only_waits, waits=waits, all=1)
    return found


@pytest.mark.parametrize("seeds", [range(n, n + 50) for n in range(0, 200, 50)], ids=str)
def test_whoever_is_said_to_wait_does(seeds: range) -> None:
    found = sum((judged(seed, counted) for seed in seeds), Counter[str]())
    assert found["all"] > found["waits"] >= found["only_waits"] > 0


def waits(*, workers: int, required: bool, ends_in: float = 120.0) -> bool:
    """Whether workers of half a host each would wait where a job ends on a host in each of two racks."""
    draft = estate().pool(hosts=4, racks=2).tenant("a", 0).tenant("b", 0)
    for host in range(4):
        ends = 10.0 + ends_in if host % 2 else None
        draft = draft.running(f"b/{host}", {f"h100-{host}": 1}, gpus_per_worker=8, ran_s=10.0, max_s=ends)
    draft = draft.pending("a/gang", workers=workers, gpus_per_worker=4, level=RACK, required=required)
    state = State(draft.snapshot())
    state.estate.watch()
    cycle = opened(begin(state, NOW))
    (entry,) = cycle.pending("a")
    return waits_in_vain(cycle, entry)


@pytest.mark.parametrize(
    ("workers", "required", "ends_in", "expected"),
    [
        pytest.param(4, False, 120.0, True, id="room on both hosts together"),
        pytest.param(5, False, 120.0, False, id="more than comes free"),
        pytest.param(2, True, 120.0, True, id="room in one rack"),
        pytest.param(3, True, 120.0, False, id="room in no single rack"),
        pytest.param(4, False, 900.0, False, id="after the notice"),
    ],
)
def test_what_comes_free_in_time_and_together_counts(
    *, workers: int, required: bool, ends_in: float, expected: bool
) -> None:
    assert waits(workers=workers, required=required, ends_in=ends_in) is expected
