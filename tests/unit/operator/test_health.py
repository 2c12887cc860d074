"""Health answers, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from entente.metrics.instruments import Instruments
from entente.operator.health import HealthServer


@dataclass
class State:
    alive: str | None = None
    ready: str | None = None
    url: str = ""


@pytest.fixture
async def server() -> AsyncIterator[State]:
    state = State()
    made = HealthServer(
        Instruments("1.2.3"), alive=lambda: state.alive, ready=lambda: state.ready, role=lambda: "standby"
    )
    state.url = f"http://127.0.0.1:{await made.start('127.0.0.1', 0)}"
    yield state
    await made.aclose()


async def _get(url: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text(), answer.headers["Content-Type"]


@pytest.mark.parametrize(("path", "text"), [("/healthz", "ok\n"), ("/readyz", "standby\n")])
async def test_all_is_well(server: State, path: str, text: str) -> None:
    assert (await _get(server.url + path))[:2] == (200, text)


async def test_what_is_wrong_is_said(server: State) -> None:
    server.alive, server.ready = "no cycle has ended for 61 s", "listing"
    assert (await _get(server.url + "/healthz"))[:2] == (503, "no cycle has ended for 61 s\n")
    assert (await _get(server.url + "/readyz"))[:2] == (503, "listing\n")


async def test_metrics_are_served(server: State) -> None:
    code, text, content_type = await _get(server.url + "/metrics")
    assert code == 200
    assert 'entente_build_info{version="1.2.3"} 1.0' in text
    assert content_type.startswith("text/plain")
