import pytest

from entente.engine.decisions import PoolBook, TenantBook
from entente.simulator.memory import TELL_EVERY_S, Memory
from tests.support.replays import a_site


def book(borrowed: int) -> dict[str, PoolBook]:
    row = TenantBook(
        guaranteed=8, entitled=8, borrowed=borrowed, lent=0, fair_surplus=0, charged=8 + borrowed, pending=0
    )
    return {"h100": PoolBook(16, 0, {"x": row})}


def test_borrowing_is_remembered_and_fades_by_half_in_a_half_life() -> None:
    memory = Memory(a_site({"x": 8, "y": 8}, half_life_s=1000.0))
    memory.see(book(4))
    first = {tenant.name: tenant.terms["h100"] for tenant in memory.tenants(100.0)}
    assert first["x"].borrowed_gpu_s == pytest.approx(400.0, rel=0.05)
    assert (first["x"].as_of, first["y"].borrowed_gpu_s) == (100.0, 0.0)
    memory.see(book(0))
    later = {tenant.name: tenant.terms["h100"] for tenant in memory.tenants(1100.0)}
    assert later["x"].borrowed_gpu_s == pytest.approx(first["x"].borrowed_gpu_s / 2)


@pytest.mark.parametrize(("half_life", "due"), [pytest.param(0.0, False, id="off"), pytest.param(9e5, True, id="on")])
def test_the_planner_is_told_at_times_where_there_is_a_memory(*, half_life: float, due: bool) -> None:
    memory = Memory(a_site({"x": 8}, half_life_s=half_life))
    assert memory.due(TELL_EVERY_S) is due
    assert not memory.due(TELL_EVERY_S - 1)
