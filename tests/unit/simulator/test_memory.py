from dataclasses import replace

import pytest

from entente.engine.model import Job, Placement
from entente.simulator.memory import TELL_EVERY_S, Memory
from tests.support.estates import POOL, a_job
from tests.support.replays import a_site


def running(key: str, nodes: dict[str, int], gpus_per_worker: int = 4) -> Job:
    return replace(a_job(key, gpus_per_worker=gpus_per_worker), placement=Placement(POOL, nodes))


def borrowed(memory: Memory, now: float) -> dict[str, float]:
    return {tenant.name: tenant.terms[POOL].borrowed_gpu_s for tenant in memory.tenants(now)}


def test_what_is_above_the_guarantee_is_remembered_and_fades_by_half_in_a_half_life() -> None:
    memory = Memory(a_site({"x": 4, "y": 8}, half_life_s=1000.0))
    job = running("x/a", {"h100-0": 2})
    memory.started(running("y/b", {"h100-1": 2}), 0.0)
    memory.started(job, 100.0)
    memory.ended(job, 110.0)
    first = borrowed(memory, 110.0)
    assert first == {"x": pytest.approx(4 * 10.0, rel=0.01)}
    assert borrowed(memory, 1110.0) == {}  # no news: the engine lets it fade by itself
    memory.started(job, 1110.0)
    assert borrowed(memory, 1110.0) == {"x": pytest.approx(first["x"] / 2)}


def test_the_moment_of_the_figures_is_told_with_them() -> None:
    memory = Memory(a_site({"x": 0}, half_life_s=1000.0))
    memory.started(running("x/a", {"h100-0": 1}), 5.0)
    (tenant,) = memory.tenants(25.0)
    assert tenant.terms[POOL].as_of == 25.0
    assert len(list(memory.tenants(50.0))) == 1  # it borrows on


def test_on_exclusive_hosts_whole_hosts_are_borrowed_once() -> None:
    memory = Memory(a_site({"x": 8}, exclusive=True, half_life_s=1e9))
    one, two = running("x/a", {"h100-0": 1, "h100-1": 1}, 1), running("x/b", {"h100-1": 1}, 1)
    memory.started(one, 0.0)
    memory.started(two, 0.0)
    memory.ended(one, 10.0)
    assert borrowed(memory, 20.0) == {"x": pytest.approx(8 * 10.0)}


@pytest.mark.parametrize(("half_life", "due"), [pytest.param(0.0, False, id="off"), pytest.param(9e5, True, id="on")])
def test_the_planner_is_told_at_times_where_there_is_a_memory(*, half_life: float, due: bool) -> None:
    memory = Memory(a_site({"x": 8}, half_life_s=half_life))
    assert memory.due(TELL_EVERY_S) is due
    assert not memory.due(TELL_EVERY_S - 1)
