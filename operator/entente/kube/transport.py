"""The way of one request to the API server and back: slots, fence, retries, connections.

A write waits for one of a bounded number of slots and passes the fence (does this process still lead?). Then it is sent
on the writes' own connections. It is tried again where that is safe: always after 429; after 5xx and broken connections
only if doing it twice is the same as doing it once. A write that waits to be tried again takes no slot.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import orjson

from entente.kube.backoff import Backoff, retry_after
from entente.kube.config import Connection
from entente.kube.connector import PromptConnector
from entente.kube.errors import (
    ApiError,
    FencedError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
    from_status,
)
from entente.kube.garbage import collector_paused
from entente.kube.impersonation import Headers
from entente.kube.stream import lines

Object = dict[str, Any]
"""A Kubernetes object, or any other JSON object that the API server prints."""

USER_AGENT = "entente"

# An answer that nobody reads is cheapest as metadata: neither side encodes or carries the spec and status again.
_METADATA_ONLY = ("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json")

_OK = 200
_REDIRECT = 300
_SERVER_ERROR = 500

_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorCertificateError)


class RequestObserver(Protocol):
    """Told of each attempt of each request."""

    def __call__(self, verb: str, kind: str, code: int, seconds: float, /) -> None:
        """Count one attempt.

        Args:
            verb: get, list, watch, create, patch, apply or delete.
            kind: plural name, with `/subresource` where there is one.
            code: HTTP status, 0 when there was no answer.
            seconds: until the whole answer was there; of a watch until it began.
        """


@dataclass(frozen=True, slots=True)
class Limits:
    writes: int = 64
    """Writes in flight together."""
    reads: int = 16
    """Gets and list pages in flight together; watches are not counted."""
    request_s: float = 30.0
    """Longest time for one attempt."""
    connect_s: float = 10.0
    watch_s: float = 300.0
    """A watch is asked to end after about this time, so that load spreads over the replicas of the API server."""
    silence_s: float = 70.0
    """A watch without event or bookmark for this long is dead: the server sends a bookmark each minute."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and what may be done with it."""

    verb: str
    kind: str
    """Plural name, with `/subresource` where there is one."""
    method: str
    path: str
    """With its query."""
    body: bytes | None = None
    content_type: str = "application/json"
    write: bool = True
    repeatable: bool = True
    """Doing it twice is the same as doing it once."""
    decode: bool = True


class Transport:
    """Carries requests to one API server. Made in and used from one event loop.

    Args:
        connection: where the server is and who we are.
        observer: told of each attempt.
        limits: concurrency and timeouts.
        backoff: pauses between attempts and when to give up.
        fence: seconds for which this process may still write.
        clock: monotonic seconds.
        sleep: waits for seconds.
        rng: jitter.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        observer: RequestObserver | None,
        limits: Limits,
        backoff: Backoff,
        fence: Callable[[], float] | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._connection = connection
        self._observe = observer
        self._limits = limits
        self._backoff = backoff
        self._fence = fence
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._write_slots = asyncio.Semaphore(limits.writes)
        self._read_slots = asyncio.Semaphore(limits.reads)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def send(self, request: Request) -> Object:
        """Send until it is answered, cannot be repeated, or patience ends.

        Raises:
            FencedError: a write, and this process no longer leads.
            ApiError: what the server said, or that it said nothing.
        """
        slots = self._write_slots if request.write else self._read_slots
        begun = self._clock()
        attempt = 0
        renewed = False
        while True:
            try:
                async with slots:
                    return await self._attempt(request)
            except UnauthorizedError:
                self._connection.refresh()
                if renewed:
                    raise
                renewed = True
                continue
            except ApiError as error:
                pause = self._pause(request, error, attempt)
                if pause is None or self._clock() - begun + pause > self._backoff.patience_s:
                    raise
            await self._sleep(pause)
            attempt += 1

    async def stream(self, request: Request) -> AsyncGenerator[bytes, None]:
        """Lines of an answer without end, as they come. Not tried again.

        Raises:
            ApiError: what the server said, or that it was silent too long.
        """
        limits = self._limits
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s, sock_read=limits.silence_s)
        headers = await self._connection.current_headers()
        started = self._clock()
        code = 0
        try:
            async with self._session(write=False).get(
                self._connection.server + request.path, headers=headers, timeout=timeout
            ) as response:
                code = response.status
                self._count(request, code, started)
                if code != _OK:
                    raise await _refusal(response)
                async for line in lines(response.content):
                    yield line
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not code:
                self._count(request, 0, started)
            raise _unreachable(request, error) from error
        except UnauthorizedError:
            self._connection.refresh()
            raise

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, *, write: bool) -> aiohttp.ClientSession:
        """The session for writes, or the one for reads and watches: a burst of writes must not starve a watch."""
        session = self._sessions.get(write)
        if session is None:
            # The slots bound writes and reads; watches are as many as reflectors.
            connector = PromptConnector(self._connection.ssl)
            # Compressing costs the server more than the bytes cost a cluster's network.
            headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
            session = aiohttp.ClientSession(connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar())
            self._sessions[write] = session
        return session

    def _pause(self, request: Request, error: ApiError, attempt: int) -> float | None:
        """Seconds to wait before trying again; none when it must not be tried again."""
        never_sent = isinstance(error.__cause__, _NEVER_SENT)
        unknown = isinstance(error, UnreachableError) or error.status >= _SERVER_ERROR
        if isinstance(error, ThrottledError) or never_sent or (unknown and request.repeatable):
            return self._backoff.delay(attempt, self._rng, at_least_s=error.retry_after_s or 0.0)
        return None

    async def _attempt(self, request: Request) -> Object:
        headers = await self._headers(request)  # may take a while, after which the fence must be looked at
        seconds = self._limits.request_s
        if request.write and self._fence is not None:
            seconds = min(seconds, self._fence())
            if seconds <= 0:
                message = f"{request.verb} {request.kind}: this process does not lead"
                raise FencedError(message)
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=self._limits.connect_s)
        started = self._clock()
        code = 0
        try:
            async with self._session(write=request.write).request(
                request.method,
                self._connection.server + request.path,
                data=request.body,
                headers=headers,
                timeout=timeout,
            ) as response:
                if not _OK <= response.status < _REDIRECT:
                    code = response.status
                    raise await _refusal(response)
                # Read to its end even when nobody wants it: only then can the connection be used again.
                raw = await response.read()
                code = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(request, error) from error
        finally:
            self._count(request, code, started)
        return _decoded(request, raw) if request.decode else {}

    async def _headers(self, request: Request) -> Headers:
        headers = await self._connection.current_headers()
        if request.body is not None:
            headers = (*headers, ("Content-Type", request.content_type))
        return headers if request.decode else (*headers, _METADATA_ONLY)

    def _count(self, request: Request, code: int, started: float) -> None:
        if self._observe is not None:
            self._observe(request.verb, request.kind, code, self._clock() - started)


def _decoded(request: Request, raw: bytes) -> Object:
    try:
        with collector_paused():
            decoded = orjson.loads(raw)
    except orjson.JSONDecodeError:
        decoded = None
    if not isinstance(decoded, dict):
        message = f"{request.verb} {request.kind}: the answer is no JSON object"
        raise UnreachableError(message)
    return decoded


async def _refusal(response: aiohttp.ClientResponse) -> ApiError:
    try:
        body = orjson.loads(await response.read())
    except orjson.JSONDecodeError:  # a proxy's own page, say
        body = None
    seconds = retry_after(response.headers.get("Retry-After"))
    return from_status(response.status, body if isinstance(body, dict) else {}, retry_after_s=seconds)


def _unreachable(request: Request, error: BaseException) -> UnreachableError:
    # The text of a transport error holds the host at most, never headers or bodies.
    return UnreachableError(f"{request.verb} {request.kind}: {type(error).__name__}: {error}".rstrip(": "))
