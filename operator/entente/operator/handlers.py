"""kopf: the events of tenants, pools and jobs. Handlers only say what has happened; loop and keeper do the work.

All have `on.event` alone, so kopf writes nothing: no annotations, no finalizers, no timers.
"""

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol

import aiohttp
import kopf

from entente.api.names import GROUP, VERSION
from entente.kube.config import Connection
from entente.operator.stateless import NoDiffBase, NoProgress

_WORKERS = 100
"""Objects handled at once per kind; safe, since no kopf index is used."""

Body = Mapping[str, Any]


class Sink(Protocol):
    def job_event(self, body: Body, *, deleted: bool) -> None: ...

    def pool_event(self, body: Body, *, deleted: bool) -> None: ...

    def tenant_event(self, body: Body, *, deleted: bool) -> None: ...


class CappedJitter:
    """Endless pauses for kopf's retries: growing up to a cap, never in step with others. May be iterated anew."""

    def __init__(self, first_s: float = 0.5, cap_s: float = 30.0) -> None:
        self._first_s = first_s
        self._cap_s = cap_s

    def __iter__(self) -> Iterator[float]:
        pause = self._first_s
        while True:
            yield pause * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret
            pause = min(self._cap_s, pause * 2)


def kopf_settings() -> kopf.OperatorSettings:
    """Settings for many objects on a long life."""
    settings = kopf.OperatorSettings()
    settings.process.ultimate_exiting_timeout = None  # the composition root bounds its own exit
    settings.peering.standalone = True  # leadership is a Lease
    settings.scanning.disabled = True  # the kinds are there, or the operator does not start
    settings.posting.enabled = False  # events have a recorder of their own
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.watching.server_timeout, settings.watching.client_timeout = 300, 310
    settings.watching.connect_timeout = settings.networking.connect_timeout = 10
    settings.watching.reconnect_backoff = 1.0
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = CappedJitter()
    settings.queueing.worker_limit = _WORKERS
    settings.queueing.idle_timeout = 1.0
    return settings


def login_with(connection: Connection) -> Callable[..., Awaitable[kopf.AiohttpSession]]:
    """A kopf login by the connection that everything else uses; asked again when the server refuses a token."""

    async def login(**_: object) -> kopf.AiohttpSession:
        connection.refresh()
        connector = aiohttp.TCPConnector(limit=64, ssl=connection.ssl if connection.ssl is not None else True)
        session = aiohttp.ClientSession(connector=connector, headers=await connection.current_headers())
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=session)

    return login


def registry_for(sink: Sink, connection: Connection) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(login_with(connection))

    @kopf.on.event(GROUP, VERSION, "trainingjobs", registry=registry)
    async def on_job(event: kopf.RawEvent, **_: object) -> None:
        sink.job_event(event["object"], deleted=event["type"] == "DELETED")

    @kopf.on.event(GROUP, VERSION, "gpupools", registry=registry)
    async def on_pool(event: kopf.RawEvent, **_: object) -> None:
        sink.pool_event(event["object"], deleted=event["type"] == "DELETED")

    @kopf.on.event(GROUP, VERSION, "tenants", registry=registry)
    async def on_tenant(event: kopf.RawEvent, **_: object) -> None:
        sink.tenant_event(event["object"], deleted=event["type"] == "DELETED")

    return registry
