"""The client: verbs of the API server, raw dicts in and out.

A write's life: it waits for one of a bounded number of slots, passes the fence (does this process still lead?), is sent
on the writes' own connections, and is tried again while that is safe: always after 429, after 5xx and broken
connections only where doing it twice is the same as doing it once. Waiting to try again takes no slot.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self
from urllib.parse import urlencode

import aiohttp
import orjson

from entente.kube.backoff import Backoff, retry_after
from entente.kube.config import Connection
from entente.kube.errors import (
    ApiError,
    ConflictError,
    FencedError,
    NotFoundError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
    from_status,
)
from entente.kube.kinds import Kind
from entente.kube.stream import WatchEvent, lines, parse_event

FIELD_MANAGER = "entente"

Object = dict[str, Any]
"""A Kubernetes object, or any other JSON object that the API server prints."""

_JSON = {"Content-Type": "application/json"}
_MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
_JSON_PATCH = {"Content-Type": "application/json-patch+json"}
_APPLY_PATCH = {"Content-Type": "application/apply-patch+yaml"}  # JSON is YAML

# An answer that nobody reads is cheapest as metadata: neither side encodes or carries the spec and status again.
_METADATA_ONLY = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"}

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
class Page:
    """One page of a list."""

    items: Sequence[Object]
    resource_version: str
    """Of the whole list: where a watch goes on from."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the client allows itself."""

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
class _Request:
    """What is sent, and what may be done with it."""

    verb: str
    kind: str
    method: str
    url: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    write: bool = True
    repeatable: bool = True
    """Doing it twice is the same as doing it once."""
    decode: bool = True


class KubeClient:
    """Talks to one API server with one identity. Objects are made in and used from one event loop.

    Args:
        connection: where the server is and who we are.
        observer: told of each attempt.
        limits: concurrency and timeouts.
        backoff: pauses between attempts and when to give up.
        fence: seconds for which this process may still write; when none are left, writes raise `FencedError` and are
            not sent, and no attempt outlives them. Without one, writes are never fenced.
        clock: monotonic seconds.
        sleep: waits for seconds.
        rng: jitter.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        observer: RequestObserver | None = None,
        limits: Limits | None = None,
        backoff: Backoff | None = None,
        fence: Callable[[], float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.fence = fence
        self._connection = connection
        self._observe = observer
        self._limits = limits or Limits()
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._write_slots = asyncio.Semaphore(self._limits.writes)
        self._read_slots = asyncio.Semaphore(self._limits.reads)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """Read one object.

        Raises:
            NotFoundError: there is none.
            ApiError: anything else that went wrong.
        """
        url = self._url(kind.path(namespace, name))
        return await self._send(_Request("get", kind.plural, "GET", url, write=False))

    async def list_pages(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int = 500,
    ) -> AsyncIterator[Page]:
        """Read a collection page by page; all pages show the same moment.

        Raises:
            GoneError: the list took longer than the server remembers its moment: list anew.
            ApiError: anything else that went wrong.
        """
        query = {"limit": str(limit), **_selectors(label_selector, field_selector)}
        while True:
            request = _Request("list", kind.plural, "GET", self._url(kind.path(namespace), query), write=False)
            body = await self._send(request)
            meta = body.get("metadata") or {}
            yield Page(body.get("items") or (), meta.get("resourceVersion", ""))
            token = meta.get("continue")
            if not token:
                return
            query["continue"] = token

    async def create(self, kind: Kind, body: Object, *, namespace: str | None = None, decode: bool = True) -> Object:
        """Create an object, in the namespace given or that of its metadata.

        After a broken connection or a 5xx it is not tried again, for nobody knows whether the object was made: the
        caller finds out by creating the same again, and must then treat `AlreadyExistsError` for an object that is
        its own (same owner uid, say) as success.

        Args:
            kind: what to create.
            body: the object.
            namespace: defaults to the body's.
            decode: without it, the answer is not decoded and `{}` is returned.

        Raises:
            AlreadyExistsError: the name is taken.
            UnreachableError: no answer; the object may have been made.
            FencedError: this process no longer leads.
            ApiError: anything else that went wrong.
        """
        namespace = namespace or body["metadata"].get("namespace")
        return await self._send(
            _Request(
                "create",
                kind.plural,
                "POST",
                self._url(kind.path(namespace), {"fieldManager": FIELD_MANAGER}),
                orjson.dumps(body),
                _JSON,
                repeatable=False,
                decode=decode,
            )
        )

    async def apply(
        self,
        kind: Kind,
        body: Object,
        *,
        force: bool = True,
        subresource: str | None = None,
        decode: bool = True,
    ) -> Object:
        """Server-side apply: own the fields of the body, create the object if there is none.

        Args:
            kind: what to apply.
            body: the fields, with `metadata.name` and, if namespaced, `metadata.namespace`.
            force: take fields over from other managers.
            subresource: `status`, say.
            decode: without it, the answer is not decoded and `{}` is returned.

        Raises:
            ConflictError: another manager owns a field and `force` is off.
            FencedError: this process no longer leads.
            ApiError: anything else that went wrong.
        """
        meta = body["metadata"]
        full = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        return await self._send(
            _Request(
                "apply",
                _label(kind, subresource),
                "PATCH",
                self._url(kind.path(meta.get("namespace"), meta["name"], subresource), query),
                orjson.dumps(full),
                _APPLY_PATCH,
                decode=decode,
            )
        )

    async def patch(
        self,
        kind: Kind,
        name: str,
        body: Object | list[Object],
        *,
        namespace: str | None = None,
        subresource: str | None = None,
        decode: bool = True,
    ) -> Object:
        """Patch an object: a dict is a JSON merge patch, a list a JSON patch.

        `metadata.resourceVersion` and `metadata.uid` of a merge patch are preconditions. With a resource version, a
        `ConflictError` may also mean that an earlier attempt succeeded whose answer was lost: look before you repeat.

        Args:
            kind: of the object.
            name: of the object.
            body: the patch.
            namespace: of the object, if namespaced.
            subresource: `status`, say.
            decode: without it, the answer is not decoded and `{}` is returned.

        Raises:
            NotFoundError: there is no such object.
            ConflictError: a precondition does not hold.
            FencedError: this process no longer leads.
            ApiError: anything else that went wrong.
        """
        merge = isinstance(body, dict)
        return await self._send(
            _Request(
                "patch",
                _label(kind, subresource),
                "PATCH",
                self._url(kind.path(namespace, name, subresource), {"fieldManager": FIELD_MANAGER}),
                orjson.dumps(body),
                _MERGE_PATCH if merge else _JSON_PATCH,
                repeatable=merge,  # a JSON patch may append
                decode=decode,
            )
        )

    async def delete(
        self,
        kind: Kind,
        name: str,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        grace_period_seconds: int | None = None,
        propagation: str | None = None,
    ) -> bool:
        """Delete an object; False when it was gone already, or (with `uid`) another one has its name.

        Args:
            kind: of the object.
            name: of the object.
            namespace: of the object, if namespaced.
            uid: delete only this very object.
            grace_period_seconds: of a pod, between SIGTERM and SIGKILL; its own by default.
            propagation: Background, Foreground or Orphan.

        Raises:
            FencedError: this process no longer leads.
            ApiError: anything else that went wrong.
        """
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if propagation is not None:
            options["propagationPolicy"] = propagation
        url = self._url(kind.path(namespace, name))
        request = _Request("delete", kind.plural, "DELETE", url, orjson.dumps(options), _JSON, decode=False)
        try:
            await self._send(request)
        except NotFoundError:
            return False
        except ConflictError as error:
            if uid is not None and "UID in precondition" in error.message:
                return False
            raise
        return True

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> AsyncIterator[WatchEvent]:
        """Follow a collection from a resource version on, bookmarks included, until the server ends it.

        It is not tried again: the caller knows the resource version to go on from. Close the iterator when you leave
        it early (`contextlib.aclosing`).

        Raises:
            GoneError: the resource version is too old: list anew.
            UnreachableError: the connection broke, or stayed silent longer than bookmarks allow.
            ApiError: anything else that went wrong.
        """
        limits = self._limits
        query = {
            "watch": "1",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, round(limits.watch_s * self._rng.uniform(0.9, 1.1)))),
            **_selectors(label_selector, field_selector),
        }
        url = self._url(kind.path(namespace), query)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s, sock_read=limits.silence_s)
        started = self._clock()
        code = 0
        try:
            try:
                async with self._session(write=False).get(
                    url, headers=self._connection.headers(), timeout=timeout
                ) as response:
                    code = response.status
                    self._count("watch", kind.plural, code, started)
                    if code != _OK:
                        raise await self._error(response)
                    async for line in lines(response.content):
                        yield parse_event(line)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if not code:
                    self._count("watch", kind.plural, 0, started)
                msg = f"watch of {kind.plural}: {_describe(error)}"
                raise UnreachableError(msg) from error
        except UnauthorizedError:
            self._connection.refresh()
            raise

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        return f"{self._connection.server}{path}?{urlencode(query)}" if query else f"{self._connection.server}{path}"

    def _session(self, *, write: bool) -> aiohttp.ClientSession:
        """The session for writes, or the one for reads and watches: a burst of writes must not starve a watch."""
        session = self._sessions.get(write)
        if session is None:
            # The slots bound writes and reads; watches are as many as reflectors. So the connector never queues,
            # where waiting would count against the request's timeout.
            connector = aiohttp.TCPConnector(limit=0, ssl=self._connection.ssl or True, ttl_dns_cache=60)
            session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=True,
                # Compressing costs the server more than the bytes cost a cluster's network.
                headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": FIELD_MANAGER},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._sessions[write] = session
        return session

    async def _send(self, request: _Request) -> Object:
        """Send until it is answered, cannot be repeated, or patience ends."""
        slots = self._write_slots if request.write else self._read_slots
        begun = self._clock()
        attempt = 0
        renewed = False
        while True:
            try:
                async with slots:
                    return await self._attempt(request)
            except UnauthorizedError:
                if renewed:
                    raise
                renewed = True
                self._connection.refresh()
                continue
            except ApiError as error:
                pause = self._pause(request, error, attempt)
                if pause is None or self._clock() - begun + pause > self._backoff.patience_s:
                    raise
            await self._sleep(pause)
            attempt += 1

    def _pause(self, request: _Request, error: ApiError, attempt: int) -> float | None:
        """Seconds to wait before trying again; none when it must not be tried again."""
        never_sent = isinstance(error.__cause__, _NEVER_SENT)
        unknown = isinstance(error, UnreachableError) or error.status >= _SERVER_ERROR
        if isinstance(error, ThrottledError) or never_sent or (unknown and request.repeatable):
            return self._backoff.delay(attempt, self._rng, at_least_s=error.retry_after_s or 0.0)
        return None

    async def _attempt(self, request: _Request) -> Object:
        seconds = self._limits.request_s
        if request.write and self.fence is not None:
            seconds = min(seconds, self.fence())
            if seconds <= 0:
                msg = f"{request.verb} {request.kind}: this process does not lead"
                raise FencedError(msg)
        headers = {**self._connection.headers(), **(request.headers or {})}
        if not request.decode:
            headers.update(_METADATA_ONLY)
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=self._limits.connect_s)
        started = self._clock()
        code = 0
        try:
            async with self._session(write=request.write).request(
                request.method, request.url, data=request.body, headers=headers, timeout=timeout
            ) as response:
                if not _OK <= response.status < _REDIRECT:
                    code = response.status
                    raise await self._error(response)
                # Read to its end even when nobody wants it: only then can the connection be used again.
                raw = await response.read()
                code = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            msg = f"{request.verb} {request.kind}: {_describe(error)}"
            raise UnreachableError(msg) from error
        finally:
            self._count(request.verb, request.kind, code, started)
        if not request.decode:
            return {}
        decoded: Object = orjson.loads(raw)
        return decoded

    async def _error(self, response: aiohttp.ClientResponse) -> ApiError:
        try:
            body = orjson.loads(await response.read())
        except orjson.JSONDecodeError:  # a proxy's own page, say
            body = None
        seconds = retry_after(response.headers.get("Retry-After"))
        return from_status(response.status, body if isinstance(body, dict) else {}, retry_after_s=seconds)

    def _count(self, verb: str, kind: str, code: int, started: float) -> None:
        if self._observe is not None:
            self._observe(verb, kind, code, self._clock() - started)


def _selectors(label_selector: str | None, field_selector: str | None) -> dict[str, str]:
    given = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in given.items() if value}


def _label(kind: Kind, subresource: str | None) -> str:
    return f"{kind.plural}/{subresource}" if subresource else kind.plural


def _describe(error: BaseException) -> str:
    """Type and text of a transport error; its text holds the host at most, never headers or bodies."""
    return f"{type(error).__name__}: {error}".rstrip(": ")
