"""Connections of which none outlives their closing."""

import asyncio
import ssl
import weakref

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from typing_extensions import override


class PromptConnector(aiohttp.TCPConnector):
    """Cuts connections that are still closing when it is closed itself.

    A connection that cannot be used again, such as that of a cancelled watch, closes by TLS: it waits for the server's
    part of that. aiohttp has forgotten it by then: it would outlive the client and, where the event loop ends first,
    would never be closed.

    Args:
        tls: what the server is to be known by.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        # Whoever asks bounds its requests, so this never queues: waiting would count against a request's timeout.
        super().__init__(limit=0, ssl=tls or True, ttl_dns_cache=60)
        self._transports: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()

    @override
    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        connection = await super().connect(req, traces, timeout)
        if connection.transport is not None:
            self._transports.add(connection.transport)
        return connection

    @override
    async def close(self, *, abort_ssl: bool = False) -> None:
        await super().close(abort_ssl=abort_ssl)
        for transport in list(self._transports):
            transport.abort()
        await asyncio.sleep(0)  # the loop closes what was cut in its next round
