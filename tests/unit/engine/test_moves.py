"""Jobs that are moved to make room, seen in whole decisions."""

import pytest

from entente.api.job import EvictionCause
from entente.engine.decisions import Evict, Hold
from entente.engine.model import Terms
from entente.engine.planner import decide
from tests.support.estates import HOST, RACK, estate


@pytest.mark.parametrize(
    ("borrow_limit", "cause"),
    [
        pytest.param(None, EvictionCause.MOVE, id="it finds a place on the other host"),
        pytest.param(4, EvictionCause.MOVE, id="just within its tenant's limit"),
        pytest.param(2, EvictionCause.GUARANTEE, id="its tenant may not hold as much any more"),
    ],
)
def test_a_job_is_moved_only_where_its_own_tenants_limit_allows(borrow_limit: int | None, cause: EvictionCause) -> None:
    draft = (
        estate()
        .pool(hosts=2)
        .tenant("a", 8)
        .tenant("b", Terms(0, borrow_limit=borrow_limit))
        .tenant("c", 4)
        .running("b/lent", {"h100-0": 4})
        .running("c/stays", {"h100-1": 4})
        .pending("a/x", workers=8, level=HOST, required=True)
    )
    decisions = decide(draft.snapshot()).decisions
    taken = next(d for d in decisions if isinstance(d, Evict))
    assert (taken.job, taken.cause) == ("b/lent", cause)
    held = {d.job: d.nodes for d in decisions if isinstance(d, Hold)}
    assert held["a/x"] == {"h100-0": 8}
    assert held.get("b/lent") == ({"h100-1": 4} if cause is EvictionCause.MOVE else None)


@pytest.mark.parametrize(
    ("sizes", "asked", "moved"),
    [
        pytest.param((2, 2), 4, {"a/0"}, id="the rest of one host takes what is on the other"),
        pytest.param((3, 3), 2, set(), id="no rest is large enough"),
        pytest.param((4, 2), 4, set(), id="however close together, it would exceed the guarantee"),
    ],
)
def test_an_exclusive_tenants_jobs_are_gathered_for_one_that_is_then_within_the_guarantee(
    sizes: tuple[int, int], asked: int, moved: set[str]
) -> None:
    draft = estate().pool(hosts=3, gpus=4, exclusive=True).tenant("a", 8).tenant("b", 4)
    draft = draft.running("b/rest", {"h100-2": 4})
    for host, gpus in enumerate(sizes):
        draft = draft.running(f"a/{host}", {f"h100-{host}": 1}, gpus_per_worker=gpus)
    plan = decide(draft.pending("a/x", gpus_per_worker=asked).snapshot())
    assert {d.job for d in plan.decisions if isinstance(d, Evict)} == moved
    assert all(d.cause is EvictionCause.MOVE for d in plan.decisions if isinstance(d, Evict))
    assert {d.job for d in plan.decisions if isinstance(d, Hold)} == ({"a/x", *moved} if moved else set())


def test_for_a_required_domain_a_job_is_moved_off_an_exclusive_host_that_could_not_be_kept_as_busy() -> None:
    draft = (
        estate()
        .pool(hosts=2, gpus=4, racks=1, exclusive=True)
        .tenant("a", 0)
        .tenant("b", 4)
        .running("b/stays", {"h100-1": 1}, priority="high")
        .running("b/moves", {"h100-0": 1}, gpus_per_worker=3, ran_s=7200.0)
        .pending("a/x", workers=2, gpus_per_worker=1, level=RACK, required=True)
    )
    decisions = decide(draft.snapshot()).decisions
    assert [(d.job, d.cause) for d in decisions if isinstance(d, Evict)] == [("b/moves", EvictionCause.MOVE)]
    held = {d.job: d.nodes for d in decisions if isinstance(d, Hold)}
    assert held == {"a/x": {"h100-0": 2}, "b/moves": {"h100-1": 1}}
