"""The debug port: what the engine was asked last, for those who can reach the loopback address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from entente.api.inputs import Inputs
from entente.cli.main import main
from entente.cli.plan import printed
from entente.engine.planner import decide
from entente.operator.debug import DECIDED_AT, DebugServer
from entente.operator.latest import Latest
from tests.support.apiserver import ApiServer
from tests.support.eventful import asked, inputs
from tests.support.miniature import Miniature


@dataclass
class State:
    latest: Latest | None = None
    url: str = ""


@pytest.fixture
async def server() -> AsyncIterator[State]:
    state = State()
    made = DebugServer(lambda: state.latest, printed)
    state.url = f"http://127.0.0.1:{await made.start(0)}"
    yield state
    await made.aclose()


async def _get(url: str, **headers: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers.get(DECIDED_AT, "")


def _replayed(text: str, now: str, folder: Path) -> str:
    """What a laptop makes of it."""
    file = folder / "snapshot.json"
    file.write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["plan", "-f", str(file), "--now", now, "-o", "json"]).output


async def test_the_decision_is_made_again_from_what_is_served(server: State, tmp_path: Path) -> None:
    given = inputs()
    server.latest = Latest(given, decide(asked(given)))
    code, text, moment = await _get(server.url + "/debug/snapshot")
    assert (code, moment) == (200, given.moment.isoformat())
    assert text == given.to_json()
    assert await _get(server.url + "/debug/plan") == (200, _replayed(text, moment, tmp_path), moment)


@pytest.mark.parametrize("path", ["/debug/snapshot", "/debug/plan"])
async def test_a_standby_has_nothing_to_show(server: State, path: str) -> None:
    assert (await _get(server.url + path))[:2] == (503, "nothing was decided here yet; only the leader decides\n")


async def test_what_the_engine_failed_on_can_still_be_had(server: State) -> None:
    server.latest = Latest(inputs(), None)
    assert (await _get(server.url + "/debug/snapshot"))[0] == 200
    code, text, _ = await _get(server.url + "/debug/plan")
    assert code == 503
    assert "the engine failed" in text


@pytest.mark.parametrize(
    ("host", "code"),
    [("evil.example", 403), ("evil.example:8082", 403), ("localhost:8082", 200), ("[::1]:8082", 200)],
)
async def test_a_page_in_a_browser_cannot_read_it_under_its_own_name(server: State, host: str, code: int) -> None:
    server.latest = Latest(inputs(), None)
    assert (await _get(server.url + "/debug/snapshot", Host=host))[0] == code


async def test_the_loop_keeps_what_it_asked_last(tmp_path: Path) -> None:
    async with ApiServer.running() as api:
        cluster = Miniature(api)
        await cluster.furnish(2, anthropic=8, xai=8)
        async with cluster.kubelet(), cluster.operator() as core:
            jobs = [cluster.submit("anthropic", f"job-{number}", 1, 8) for number in range(3)]
            await cluster.until(lambda: [cluster.phase(job) for job in jobs].count("Running") == 2)
            latest = core.loop.latest
            assert latest is not None
            assert latest.plan is not None
            assert {job.key for job in latest.inputs.jobs} == set(jobs)
            replayed = _replayed(latest.inputs.to_json(), latest.inputs.moment.isoformat(), tmp_path)
            assert replayed == printed(latest.plan)


async def test_the_loop_keeps_what_the_engine_failed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    async with ApiServer.running() as api:
        cluster = Miniature(api)
        await cluster.furnish(1, anthropic=8)
        monkeypatch.setattr("entente.operator.core.Successive.decide", fails)
        async with cluster.operator() as core:
            cluster.submit("anthropic", "job", 1, 8)

            def failed() -> bool:
                latest = core.loop.latest
                return latest is not None and latest.plan is None and len(latest.inputs.jobs) == 1

            await cluster.until(failed)
            assert isinstance(core.loop.latest, Latest)
            assert isinstance(core.loop.latest.inputs, Inputs)
