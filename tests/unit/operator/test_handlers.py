"""How kopf is set up: it tells of events and touches nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import islice
from typing import cast

import kopf

from entente.kube.config import Connection
from entente.operator.handlers import Body, CappedJitter, kopf_settings, login_with, registry_for


class Listener:
    def __init__(self) -> None:
        self.told: list[tuple[str, str, bool]] = []

    def job_event(self, body: Body, *, deleted: bool) -> None:
        self.told.append(("job", body["metadata"]["name"], deleted))

    def pool_event(self, body: Body, *, deleted: bool) -> None:
        self.told.append(("pool", body["metadata"]["name"], deleted))

    def tenant_event(self, body: Body, *, deleted: bool) -> None:
        self.told.append(("tenant", body["metadata"]["name"], deleted))


def test_pauses_grow_to_a_cap_and_can_be_counted_anew() -> None:
    jitter = CappedJitter(first_s=1.0, cap_s=8.0)
    for _ in range(2):
        pauses = list(islice(jitter, 10))
        assert 0.8 <= pauses[0] <= 1.2
        assert all(pause <= 8.0 * 1.2 for pause in pauses)
        assert pauses[-1] >= 8.0 * 0.8


def test_kopf_neither_elects_nor_posts_nor_scans_nor_writes() -> None:
    settings = kopf_settings()
    assert settings.peering.standalone
    assert settings.scanning.disabled
    assert not settings.posting.enabled
    storage = settings.persistence
    body = kopf.Body({"metadata": {"name": "x"}, "spec": {"a": 1}})
    assert storage.diffbase_storage.build(body=body) == {}
    assert storage.diffbase_storage.fetch(body=body) is None
    patch = kopf.Patch()
    storage.diffbase_storage.store(body=body, patch=patch, essence=kopf.BodyEssence())
    storage.progress_storage.touch(body=body, patch=patch, value="now")
    assert not patch


def test_only_events_are_handled_so_kopf_puts_no_finalizer_on_anything() -> None:
    registry = registry_for(Listener(), Connection("http://127.0.0.1:1"))
    assert len(registry._watching.get_all_handlers()) == 3
    assert not registry._changing.get_all_handlers()
    assert not registry._spawning.get_all_handlers()
    assert not registry._indexing.get_all_handlers()


async def test_events_reach_the_listener_with_what_became_of_the_object() -> None:
    listener = Listener()
    registry = registry_for(listener, Connection("http://127.0.0.1:1"))
    for handler in registry._watching.get_all_handlers():
        tell = cast("Callable[..., Awaitable[None]]", handler.fn)
        for kind in ("ADDED", "DELETED"):
            await tell(event={"type": kind, "object": {"metadata": {"name": "a"}}})
    assert sorted(listener.told) == [
        (kind, "a", deleted) for kind in ("job", "pool", "tenant") for deleted in (False, True)
    ]


async def test_kopf_logs_in_with_the_connection_that_everything_else_uses() -> None:
    info = await login_with(Connection("http://127.0.0.1:1", token="t"))()  # noqa: S106 - no secret
    try:
        assert info.server == "http://127.0.0.1:1"
        assert info.aiohttp_session.headers["Authorization"] == "Bearer t"
    finally:
        await info.aiohttp_session.close()
