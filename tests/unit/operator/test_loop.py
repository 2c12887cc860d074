"""The loop decides when something happens, and when nothing does but the time has come."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.support.apiserver import ApiServer
from tests.support.miniature import SETTINGS, Miniature

IDLE = replace(SETTINGS, idle_s=60.0)
"""Longer than any test waits."""


@pytest.fixture
async def cluster(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Miniature]:
    async with ApiServer.running() as server:
        small = Miniature(server)
        async with small.kubelet():
            yield small
    assert [record.message for record in caplog.records if "invariant broken" in record.message] == []


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()


async def test_the_loop_decides_when_a_reservation_begins_though_nothing_happens(cluster: Miniature) -> None:
    await cluster.furnish(1, lab=0, guest=0)
    guest = cluster.submit("guest", "run", 1, 8)
    async with cluster.operator(settings=IDLE):
        await cluster.until(lambda: cluster.phase(guest) == "Running")
        start = time.time() + 5
        cluster.reserve({"tenant": "lab", "gpus": 8, "start": moment(start), "end": moment(start + 3600)})
        claim = cluster.submit("lab", "reserved", 1, 8)
        await cluster.until(lambda: cluster.phase(claim) == "Pending")
        assert cluster.phase(guest) == "Running"
        await cluster.until(lambda: cluster.phase(claim) == "Running")
        assert time.time() >= start
        eviction = cluster.job(guest)["status"]["evictions"][0]
        assert eviction["cause"] == "Guarantee"
        assert cluster.job(claim)["status"]["allocation"]["class"] == "Entitled"
