"""Figures that last: borrowing with its memory, budgets with their periods."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from entente.api.base import Condition
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.engine.decisions import PoolBook, TenantBook
from entente.engine.model import Window
from entente.engine.windows import Cover
from entente.operator.accounts import Accounts, decayed, pool_status
from tests.support import manifests
from tests.support.workloads import NOW, at

DAY_S = 86_400.0


def tenant(**status: object) -> Tenant:
    return Tenant.model_validate(
        {**manifests.tenant(budget={"gpuHours": 100, "periodDays": 1, "whenSpent": "Block"}), "status": status}
    )


def pool(**usage: int) -> GPUPool:
    return GPUPool.model_validate(manifests.pool(usage=usage or {"halfLifeSeconds": 1000}))


def books(charged: int, borrowed: int) -> dict[str, PoolBook]:
    book = TenantBook(
        guaranteed=64,
        entitled=charged - borrowed,
        borrowed=borrowed,
        lent=0,
        fair_surplus=8,
        charged=charged,
        pending=0,
    )
    return {"h100": PoolBook(capacity=128, free=128 - charged, tenants={"anthropic": book})}


HALF_LIVES = {
    "nothing borrowed halves in a half-life": (1000.0, 0, 1000.0, 1000.0, 500.0),
    "borrowing on and on comes to a rest": (0.0, 8, 1e9, 1000.0, 8 * 1000 / math.log(2)),
    "a moment of borrowing adds its GPU-seconds": (0.0, 8, 0.001, 1e9, 0.008),
    "no half-life, no memory": (500.0, 8, 10.0, 0.0, 0.0),
}


@pytest.mark.parametrize(("before", "gpus", "elapsed", "half_life", "after"), HALF_LIVES.values(), ids=HALF_LIVES)
def test_borrowing_is_remembered(before: float, gpus: int, elapsed: float, half_life: float, after: float) -> None:
    assert decayed(before, gpus, elapsed, half_life) == pytest.approx(after, rel=1e-6)


def test_it_does_not_matter_how_often_it_is_counted() -> None:
    once = decayed(100.0, 5, 600.0, 1000.0)
    often = 100.0
    for _ in range(600):
        often = decayed(often, 5, 1.0, 1000.0)
    assert often == pytest.approx(once)


def test_a_restarted_operator_goes_on_from_what_was_written() -> None:
    written = tenant(pools=[{"name": "h100", "borrowedGpuSeconds": 800.0, "asOf": at(-1000)}])
    accounts = Accounts()
    accounts.take_over(written, NOW)
    accounts.advance([written], {"h100": pool()}, books(64, 0), NOW)
    row = accounts.tenant_figures(written, books(64, 0), NOW)["pools"][0]
    assert row["borrowedGpuSeconds"] == 400
    assert row["asOf"] == at(0)


def test_a_budget_counts_what_is_charged_and_starts_anew_with_each_period() -> None:
    one = tenant()
    accounts = Accounts()
    accounts.advance([one], {"h100": pool()}, {}, NOW)
    accounts.advance([one], {"h100": pool()}, books(36, 0), NOW + 7200)
    budget = accounts.tenant_figures(one, books(36, 0), NOW + 7200)["budget"]
    assert budget == {"periodStart": at(0), "spentGpuHours": 72.0}
    accounts.advance([one], {"h100": pool()}, books(36, 0), NOW + 7200 + DAY_S)
    budget = accounts.tenant_figures(one, {}, NOW + 7200 + DAY_S)["budget"]
    assert budget["periodStart"] == at(DAY_S)


def test_the_engine_sees_the_figures_as_they_are_now_not_as_they_were_written() -> None:
    one = tenant()
    accounts = Accounts()
    accounts.advance([one], {"h100": pool()}, {}, NOW)
    accounts.advance([one], {"h100": pool()}, books(72, 8), NOW + 10)
    current = accounts.current(one, NOW + 10).status
    assert current.pools[0].borrowed_gpu_seconds == pytest.approx(80, rel=0.01)
    assert current.budget is not None
    assert current.budget.spent_gpu_hours == pytest.approx(0.2)


def test_figures_of_a_pool_say_when_more_is_promised_than_there_is() -> None:
    told = pool_status(pool(), books(64, 0)["h100"], nodes=16, promised=160, conditions=(), now=NOW)
    assert (told["capacity"], told["free"], told["guaranteed"], told["nodes"]) == (128, 64, 160, 16)
    assert told["conditions"][0]["status"] == "True"
    assert "tenants are guaranteed 160 GPUs, and the pool has 128" in told["conditions"][0]["message"]
    fine = pool_status(pool(), books(64, 0)["h100"], nodes=16, promised=128, conditions=(), now=NOW)
    assert fine["conditions"][0]["status"] == "False"


def told_of_reservations(covered: list[int], conditions: tuple[Condition, ...] = ()) -> dict[str, dict[str, Any]]:
    """The conditions of a pool whose reservations of 16 GPUs each are covered so far, by type."""
    windows = [Window(f"lab-{place}", 16, NOW + place, NOW + 3600) for place in range(len(covered))]
    reservations = [{"tenant": w.tenant, "gpus": w.gpus, "start": at(w.start - NOW), "end": at(3600)} for w in windows]
    made = GPUPool.model_validate(manifests.pool(reservations=reservations))
    covers = tuple(Cover(window, gpus) for window, gpus in zip(windows, covered, strict=True))
    book = replace(books(64, 0)["h100"], reservations=covers)
    told = pool_status(made, book, nodes=16, promised=64, conditions=conditions, now=NOW)
    return {condition["type"]: condition for condition in told["conditions"]}


def test_figures_of_a_pool_say_which_reservations_are_short_and_name_no_tenant() -> None:
    short = told_of_reservations([16, 8])["ReservationShort"]
    assert (short["status"], short["reason"]) == ("True", "NotCovered")
    assert "spec.reservations[1]: 8 of 16 GPUs" in short["message"]
    assert "lab" not in short["message"]
    assert "reservations[0]" not in short["message"]
    assert told_of_reservations([16, 16])["ReservationShort"]["status"] == "False"


def test_a_pool_without_reservations_says_nothing_of_them() -> None:
    before = tuple(Condition.model_validate(each) for each in told_of_reservations([8]).values())
    assert {condition.type for condition in before} == {"Overcommitted", "ReservationShort"}
    assert set(told_of_reservations([], before)) == {"Overcommitted"}
