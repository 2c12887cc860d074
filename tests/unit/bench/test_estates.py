"""The estate that the benchmark of the engine draws is the one that its figures are said to be of."""

from collections import Counter

import pytest

from bench.estates import FILL, PARTIES, POOL, Estate, make_estate
from bench.shapes import HOST_GPUS, SHAPES
from entente.engine.model import Job

GPUS = 10_000


@pytest.fixture(scope="module", params=[False, True], ids=["shared", "exclusive"])
def estate(request: pytest.FixtureRequest) -> Estate:
    return make_estate(GPUS, exclusive=request.param)


def running(estate: Estate) -> list[Job]:
    return [job for job in estate.snapshot.jobs.values() if job.placement]


def test_the_same_estate_is_drawn_each_time() -> None:
    assert make_estate(GPUS).snapshot == make_estate(GPUS).snapshot


def test_another_seed_draws_another_estate() -> None:
    assert make_estate(GPUS, seed=1).snapshot != make_estate(GPUS, seed=2).snapshot


def test_it_has_the_hosts_tenants_shapes_and_pending_jobs_that_it_is_said_to_have(estate: Estate) -> None:
    assert len(estate.snapshot.nodes) == GPUS // HOST_GPUS
    assert len(estate.snapshot.tenants) == 16
    assert len(estate.catalogue.shapes) == SHAPES == 500
    assert len(estate.snapshot.jobs) - len(running(estate)) == GPUS // 5
    assert max(shape.gpus for shape in estate.catalogue.shapes) == 4096


def test_running_jobs_fill_it_but_for_gaps() -> None:
    estate = make_estate(GPUS)
    assert len(running(estate)) == 600
    assert sum(job.gpus for job in running(estate)) == pytest.approx(FILL * GPUS, rel=0.02)


def test_no_host_holds_more_than_it_has_and_an_exclusive_one_no_two_tenants(estate: Estate) -> None:
    used: Counter[str] = Counter()
    tenants: dict[str, set[str | None]] = {}
    for job in running(estate):
        assert job.placement is not None
        assert job.placement.workers == job.workers
        for name, workers in job.placement.nodes.items():
            used[name] += workers * job.gpus_per_worker
            tenants.setdefault(name, set()).add(job.tenant)
    assert max(used.values()) <= HOST_GPUS
    if estate.snapshot.pools[POOL].exclusive:
        assert all(len(there) == 1 for there in tenants.values())


def test_some_tenants_borrow_and_some_do_not_have_all_of_their_guarantee() -> None:
    estate = make_estate(GPUS)
    used: Counter[str | None] = Counter()
    for job in running(estate):
        used[job.tenant] += job.gpus
    over = {p.name for p in PARTIES if used[p.name] > estate.snapshot.tenants[p.name].terms[POOL].guaranteed}
    asking = {job.tenant for job in estate.snapshot.jobs.values() if job.placement is None}
    assert over
    assert {p.name for p in PARTIES} - over & asking


@pytest.mark.parametrize("gpus", [4000, 10_001])
def test_sizes_that_cannot_be_are_refused_with_what_can(gpus: int) -> None:
    with pytest.raises(ValueError, match=f"multiple of 8 and at least 4096, not {gpus}"):
        make_estate(gpus)
