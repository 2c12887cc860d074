import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from entente.kube.backoff import Backoff
from entente.kube.client import KubeClient
from entente.kube.kinds import NODE, POD
from entente.kube.reflector import Reflector
from entente.kube.transport import Limits
from tests.support.apiserver import ApiServer, Fault
from tests.unit.kube.conftest import MakeClient


@dataclass(frozen=True)
class Record:
    name: str
    phase: str


def pod(name: str, phase: str = "Running", **labels: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "a", "name": name, "labels": labels}, "status": {"phase": phase}}


def parse(obj: dict[str, Any]) -> Record | None:
    phase = obj["status"]["phase"]
    return None if phase == "Ignored" else Record(obj["metadata"]["name"], phase)


@dataclass
class Changes:
    """What a reflector told, as `+name`, `-name`, `~name`."""

    told: list[str] = field(default_factory=list)

    def __call__(self, old: Record | None, new: Record | None) -> None:
        known = new or old
        assert known is not None
        sign = "~" if old and new else "+" if new else "-"
        self.told.append(sign + known.name)


@dataclass
class Followed:
    api: ApiServer
    reflector: Reflector[Record]
    changes: Changes

    async def until(self, condition: Callable[[], bool]) -> None:
        await self.api.until(condition)

    @property
    def phases(self) -> dict[str, str]:
        return {key: record.phase for key, record in self.reflector.items.items()}


@asynccontextmanager
async def following(api: ApiServer, client: KubeClient, **options: Any) -> AsyncIterator[Followed]:  # noqa: ANN401 - of Reflector
    changes = Changes()
    backoff = options.pop("backoff", Backoff(first_s=0.01, cap_s=0.02))
    reflector = Reflector(client, POD, parse, on_change=changes, backoff=backoff, **options)
    task = asyncio.ensure_future(reflector.run())
    try:
        async with asyncio.timeout(60):
            await reflector.synced.wait()
        await api.until(lambda: api.watching == 1)
        yield Followed(api, reflector, changes)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_collection_is_listed_in_pages_then_followed(api: ApiServer, client: KubeClient) -> None:
    for number in range(5):
        api.put(POD, pod(f"p{number}"))

    async with following(api, client, page_size=2) as followed:
        assert sorted(followed.phases) == [f"a/p{n}" for n in range(5)]
        api.put(POD, pod("p0", "Failed"))
        api.put(POD, pod("p9", "Pending"))
        api.remove(POD, "p1", "a")
        await followed.until(lambda: "a/p1" not in followed.phases)

        assert followed.phases["a/p0"] == "Failed"
        assert followed.changes.told[5:] == ["~p0", "+p9", "-p1"]
    assert len(api.seen("GET")) == 3


async def test_the_server_selects_by_label(api: ApiServer, client: KubeClient) -> None:
    api.put(POD, pod("mine", team="red"))
    api.put(POD, pod("other", team="blue"))

    async with following(api, client, label_selector="team=red") as followed:
        api.put(POD, pod("other2", team="blue"))
        api.put(POD, pod("mine2", team="red"))
        await followed.until(lambda: len(followed.phases) == 2)

        assert sorted(followed.phases) == ["a/mine", "a/mine2"]
    assert {r.query["labelSelector"] for r in api.requests} == {"team=red"}


async def test_a_relist_after_410_removes_ghosts(api: ApiServer, client: KubeClient) -> None:
    api.put(POD, pod("stays"))
    api.put(POD, pod("ghost"))

    async with following(api, client) as followed:
        api.fail("WATCH", Fault(503), Fault(503))
        api.end_watches()
        await followed.until(lambda: api.watching == 0)
        api.remove(POD, "ghost", "a")
        api.put(POD, pod("new"))
        api.forget_history()
        api.put(POD, pod("newer"))
        await followed.until(lambda: "a/newer" in followed.phases and api.watching == 1)

        assert sorted(followed.phases) == ["a/new", "a/newer", "a/stays"]
        assert followed.changes.told[2:][-1] == "-ghost"
        assert followed.reflector.relists == 2


async def test_a_list_whose_continue_token_expires_begins_anew(api: ApiServer, client: KubeClient) -> None:
    for number in range(4):
        api.put(POD, pod(f"p{number}"))
    api.expire_tokens()

    async with following(api, client, page_size=2) as followed:
        assert len(followed.phases) == 4
        assert followed.reflector.relists == 1
        assert followed.changes.told == ["+p0", "+p1", "+p2", "+p3"]


async def test_a_watch_that_stalls_is_started_again_and_misses_nothing(api: ApiServer, make_client: MakeClient) -> None:
    client = await make_client(limits=Limits(silence_s=0.1))
    api.put(POD, pod("x"))

    async with following(api, client) as followed:
        api.muted = True
        api.put(POD, pod("unheard"))
        await followed.until(lambda: len(api.seen("GET", watch=True)) >= 2)
        api.muted = False
        await followed.until(lambda: "a/unheard" in followed.phases)

        assert followed.reflector.relists == 1


async def test_bookmarks_keep_a_quiet_watch_alive_and_move_it_on(api: ApiServer, make_client: MakeClient) -> None:
    client = await make_client(limits=Limits(silence_s=2.0))
    api.put(POD, pod("x"))

    async with following(api, client) as followed:
        api.put(NODE, {"metadata": {"name": "n"}})  # the version moves on without an event for pods
        for _ in range(25):
            api.bookmark()
            await asyncio.sleep(0.1)
        assert len(api.seen("GET", watch=True)) == 1

        api.end_watches()
        await followed.until(lambda: len(api.seen("GET", watch=True)) == 2)
        assert api.seen("GET", watch=True)[1].query["resourceVersion"] == "2"


async def test_a_connection_that_is_cut_goes_on_where_it_was(api: ApiServer, client: KubeClient) -> None:
    async with following(api, client) as followed:
        for number in range(20):
            api.put(POD, pod(f"p{number}"))
            if number % 5 == 0:
                api.cut_watches()
                await followed.until(lambda: api.watching == 0)
        await followed.until(lambda: len(followed.phases) == 20)

        assert followed.changes.told == [f"+p{n}" for n in range(20)]
        assert followed.reflector.relists == 1


async def test_lists_do_not_chase_lists_when_every_watch_is_refused(api: ApiServer, client: KubeClient) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    api.fail("WATCH", *[Fault(410, reason="Expired")] * 6)

    async with following(
        api,
        client,
        sleep=sleep,
        backoff=Backoff(first_s=1.0, cap_s=16.0),
        rng=random.Random(3),  # noqa: S311 - jitter
    ) as followed:
        assert followed.reflector.relists == 7

    for pause, step in zip(pauses, [1, 2, 4, 8, 16, 16], strict=True):
        assert step / 2 <= pause <= step


async def test_a_busy_server_is_left_alone_as_long_as_it_asks(api: ApiServer, client: KubeClient) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    api.fail("WATCH", Fault(429, retry_after="9"))

    async with following(api, client, sleep=sleep):
        assert len(pauses) == 1
        assert pauses[0] >= 9


async def test_an_object_of_no_interest_is_not_held_and_leaves_when_it_becomes_so(
    api: ApiServer, client: KubeClient
) -> None:
    api.put(POD, pod("never", "Ignored"))
    api.put(POD, pod("once"))

    async with following(api, client) as followed:
        api.put(POD, pod("once", "Ignored"))
        await followed.until(lambda: not followed.phases)

        assert followed.changes.told == ["+once", "-once"]


async def test_a_change_that_a_record_does_not_show_is_not_told(api: ApiServer, client: KubeClient) -> None:
    api.put(POD, pod("x"))

    async with following(api, client) as followed:
        api.put(POD, pod("x", heartbeat="2"))
        api.put(POD, pod("y"))
        await followed.until(lambda: "a/y" in followed.phases)

        assert followed.changes.told == ["+x", "+y"]


async def test_an_unreadable_object_keeps_its_last_good_record_and_is_named_without_its_content(
    api: ApiServer, client: KubeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="entente")
    api.put(POD, pod("x"))

    async with following(api, client) as followed:
        api.put(POD, {"metadata": {"namespace": "a", "name": "x"}, "secret": "s3cret"})
        api.put(POD, {"metadata": {"namespace": "a", "name": "z"}})
        await followed.until(lambda: len(followed.reflector.unreadable) == 2)
        assert followed.phases == {"a/x": "Running"}
        assert followed.reflector.unreadable == {"a/x": "KeyError", "a/z": "KeyError"}

        api.put(POD, pod("x", "Failed"))
        api.remove(POD, "z", "a")
        await followed.until(lambda: not followed.reflector.unreadable)
        assert followed.phases == {"a/x": "Failed"}

    assert "cannot read pods a/x: KeyError" in caplog.text
    assert "s3cret" not in caplog.text


async def test_an_object_larger_than_any_buffer_is_followed(api: ApiServer, client: KubeClient) -> None:
    async with following(api, client) as followed:
        api.put(POD, pod("big", note="x" * 1_400_000))
        api.put(POD, pod("small"))
        await followed.until(lambda: len(followed.phases) == 2)

        assert followed.reflector.relists == 1


async def test_silence_is_measured_from_the_last_word_of_the_server(api: ApiServer, client: KubeClient) -> None:
    now = 100.0
    reflector = Reflector(client, POD, parse, clock=lambda: now)
    assert reflector.silent_s is None
    task = asyncio.ensure_future(reflector.run())
    await api.until(lambda: api.watching == 1)

    now = 130.0
    assert reflector.silent_s == 30.0
    api.bookmark()
    await api.until(lambda: reflector.silent_s == 0.0)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
