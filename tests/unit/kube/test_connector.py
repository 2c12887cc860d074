"""Connections over TLS to a server that begins to answer, and then neither goes on nor ends."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from entente.kube.client import KubeClient
from entente.kube.config import Connection
from entente.kube.kinds import NODE
from tests.support.pki import Authority

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class HalfServer:
    connection: Connection
    address: tuple[str, int]
    asked: asyncio.Event
    """Set when a request has come."""

    def connections(self) -> int:
        """Sockets of this process that are connected to it."""
        found = 0
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError), closing(socket.socket(fileno=os.dup(int(entry.name)))) as copy:
                found += copy.getpeername() == self.address
        return found


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[HalfServer]:
    authority = Authority()
    certificate, key = authority.issue("server")
    (tmp_path / "server.pem").write_bytes(certificate + key)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "server.pem")
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD)
            asked.set()
            await reader.read()
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as listening:
        address = listening.sockets[0].getsockname()
        client_tls = ssl.create_default_context(cadata=authority.pem.decode())
        yield HalfServer(Connection(f"https://127.0.0.1:{address[1]}", ssl_context=client_tls), address, asked)


async def watch(client: KubeClient) -> None:
    async for _ in client.watch(NODE, resource_version="1"):
        pass


async def get(client: KubeClient) -> None:
    await client.get(NODE, "n")


@pytest.mark.parametrize("ask", [watch, get])
async def test_a_closed_client_leaves_no_connection_of_what_was_cancelled(
    server: HalfServer, ask: Callable[[KubeClient], Coroutine[None, None, None]]
) -> None:
    client = KubeClient(server.connection)
    asking = asyncio.create_task(ask(client))
    await asyncio.wait_for(server.asked.wait(), 30)
    assert server.connections() == 1
    asking.cancel()
    await asyncio.wait([asking])

    await client.aclose()

    assert server.connections() == 0
