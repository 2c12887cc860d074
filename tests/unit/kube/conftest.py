"""A scripted API server and clients of it, closed after each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from entente.kube.client import KubeClient
from tests.support.apiserver import ApiServer

MakeClient = Callable[..., Awaitable[KubeClient]]


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with ApiServer.running() as server:
        yield server


@pytest.fixture
async def make_client(api: ApiServer) -> AsyncIterator[MakeClient]:
    async with AsyncExitStack() as stack:

        async def make(**options: Any) -> KubeClient:  # noqa: ANN401 - passed on to KubeClient as they are
            connection = options.pop("connection", api.connection)
            return await stack.enter_async_context(KubeClient(connection, **options))

        yield make


@pytest.fixture
async def client(make_client: MakeClient) -> KubeClient:
    return await make_client()
