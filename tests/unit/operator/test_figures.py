"""Figures of tenants and pools: written when they change, seldom, and without harm to what others write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.engine.decisions import PoolBook, TenantBook
from entente.kube.client import KubeClient
from entente.kube.kinds import GPU_POOL, TENANT
from entente.kube.writer import Writer
from entente.operator.accounts import Accounts
from entente.operator.figures import Figures
from tests.support import manifests
from tests.support.apiserver import ApiServer, Fault
from tests.support.workloads import NOW, at

BOOK = TenantBook(guaranteed=64, entitled=64, borrowed=8, lent=0, fair_surplus=8, charged=72, pending=0)


class Desk:
    """Figures, and the server that they are written to."""

    def __init__(self, server: ApiServer, client: KubeClient) -> None:
        self.server = server
        self.errors: list[Exception] = []
        self.writer = Writer(4, on_error=lambda _, error: self.errors.append(error))
        self.figures = Figures(client, self.writer, Accounts(), least_s=2.0)
        server.put(GPU_POOL, manifests.pool())
        self.foreign = {"type": "Ready", "status": "True", "reason": "x", "message": "", "lastTransitionTime": at(0)}
        server.put(TENANT, {**manifests.tenant(), "status": {"conditions": [self.foreign]}})

    async def write(self, now: float, book: TenantBook = BOOK) -> None:
        tenants = [Tenant.model_validate(self.tenant)]
        books = {"h100": PoolBook(capacity=128, free=56, tenants={"anthropic": book})}
        self.figures.write(tenants, [GPUPool.model_validate(self.pool)], [], books, now)
        await self.writer.drain()
        assert self.errors == []

    @property
    def tenant(self) -> manifests.Manifest:
        return self.server.objects[TENANT.path(None, "anthropic")]

    @property
    def pool(self) -> manifests.Manifest:
        return self.server.objects[GPU_POOL.path(None, "h100")]

    @property
    def writes(self) -> int:
        return len(self.server.seen("PATCH"))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with ApiServer.running() as server, KubeClient(server.connection) as client:
        yield Desk(server, client)


async def test_figures_are_written_beside_what_others_say(desk: Desk) -> None:
    await desk.write(NOW)
    row = desk.tenant["status"]["pools"][0]
    assert {key: row[key] for key in ("entitled", "borrowed", "due")} == {"entitled": 64, "borrowed": 8, "due": 72}
    assert desk.tenant["status"]["conditions"] == [desk.foreign]
    assert desk.pool["status"]["capacity"] == 128


async def test_figures_that_stay_are_not_written_again_soon(desk: Desk) -> None:
    await desk.write(NOW)
    before = desk.writes
    await desk.write(NOW + 10)
    assert desk.writes == before
    await desk.write(NOW + 61)
    assert desk.writes == before + 2


async def test_figures_that_change_are_written_but_not_at_once_again(desk: Desk) -> None:
    await desk.write(NOW)
    before = desk.writes
    changed = replace(BOOK, borrowed=16)
    await desk.write(NOW + 1, changed)
    assert desk.writes == before
    await desk.write(NOW + 2, changed)
    assert desk.writes == before + 1
    assert desk.tenant["status"]["pools"][0]["borrowed"] == 16


async def test_a_write_that_failed_is_made_again(desk: Desk) -> None:
    desk.server.fail("PATCH", Fault(status=403), Fault(status=403))
    await desk.write(NOW)
    await desk.write(NOW + 3)
    assert desk.tenant["status"]["pools"][0]["borrowed"] == 8
    assert desk.pool["status"]["capacity"] == 128


async def test_a_guarantee_that_whole_hosts_cut_down_is_told_and_taken_back(desk: Desk) -> None:
    await desk.write(NOW, replace(BOOK, guaranteed=60, rounded_down=True))
    told = {each["type"]: each for each in desk.tenant["status"]["conditions"]}
    assert set(told) == {"Ready", "GuaranteeRoundedDown"}
    assert "60 of 64 GPUs" in told["GuaranteeRoundedDown"]["message"]
    await desk.write(NOW + 3)
    assert desk.tenant["status"]["conditions"] == [desk.foreign]
