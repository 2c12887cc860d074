"""The client: the verbs of the API server, raw dicts in and out."""

import asyncio
import random
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

import orjson

from entente.kube.backoff import Backoff
from entente.kube.config import Connection
from entente.kube.errors import ConflictError, InvalidError, NotFoundError
from entente.kube.kinds import Kind
from entente.kube.stream import WatchEvent, parse_event
from entente.kube.transport import Limits, Object, Request, RequestObserver, Transport

FIELD_MANAGER = "entente"

_MERGE_PATCH = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML
_MANAGED = {"fieldManager": FIELD_MANAGER}

_OTHER_UID = re.compile(r"UID in (the )?precondition")
"""How the API server says that a delete was for an object that is gone; all its conflicts have the same reason."""


@dataclass(frozen=True, slots=True)
class Page:
    items: Sequence[Object]
    resource_version: str
    """Of the whole list: where a watch goes on from."""


class KubeClient:
    """Talks to one API server with one identity. Made in and used from one event loop.

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
        self._limits = limits or Limits()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._transport = Transport(
            connection,
            observer=observer,
            limits=self._limits,
            backoff=backoff or Backoff(),
            fence=fence,
            clock=clock,
            sleep=sleep,
            rng=self._rng,
        )

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """Read one object.

        Raises:
            NotFoundError: there is none.
            ApiError: anything else that went wrong.
        """
        return await self._transport.send(Request("get", kind.plural, "GET", kind.path(namespace, name), write=False))

    async def list_pages(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int = 500,
    ) -> AsyncGenerator[Page, None]:
        """Read a collection page by page; all pages show the same moment.

        Raises:
            GoneError: the list took longer than the server remembers its moment: list anew.
            ApiError: anything else that went wrong.
        """
        query = {"limit": str(limit), **_selectors(label_selector, field_selector)}
        while True:
            path = _with_query(kind.path(namespace), query)
            body = await self._transport.send(Request("list", kind.plural, "GET", path, write=False))
            meta = body.get("metadata") or {}
            yield Page(body.get("items") or (), meta.get("resourceVersion", ""))
            token = meta.get("continue")
            if not token:
                return
            query["continue"] = token

    async def create(self, kind: Kind, body: Object, *, namespace: str | None = None, decode: bool = True) -> Object:
        """Create an object, in the namespace given or that of its metadata.

        A broken connection or a 5xx leaves open whether the object was made, so the request is not repeated. The
        caller finds out by creating the same object again. Where that raises `AlreadyExistsError` and the object there
        is the caller's own (same owner uid, say), the first request had succeeded.

        Args:
            kind: what to create.
            body: the object; it must have a name of its own choice, or a repeated create would make two.
            namespace: defaults to the body's.
            decode: without it, the answer is not decoded and `{}` is returned.

        Raises:
            AlreadyExistsError: the name is taken.
            UnreachableError: no answer; the object may have been made.
            FencedError: this process no longer leads.
            ApiError: anything else that went wrong.
        """
        path = _with_query(kind.path(namespace or body["metadata"].get("namespace")), _MANAGED)
        request = Request(
            "create", kind.plural, "POST", path, orjson.dumps(_typed(kind, body)), repeatable=False, decode=decode
        )
        return await self._transport.send(request)

    async def apply(
        self, kind: Kind, body: Object, *, force: bool = True, subresource: str | None = None, decode: bool = True
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
        path = kind.path(meta.get("namespace"), meta["name"], subresource)
        request = Request(
            "apply",
            _label(kind, subresource),
            "PATCH",
            _with_query(path, {**_MANAGED, "force": "true" if force else "false"}),
            orjson.dumps(_typed(kind, body)),
            _APPLY_PATCH,
            decode=decode,
        )
        return await self._transport.send(request)

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
        request = Request(
            "patch",
            _label(kind, subresource),
            "PATCH",
            _with_query(kind.path(namespace, name, subresource), _MANAGED),
            orjson.dumps(body),
            _MERGE_PATCH if merge else _JSON_PATCH,
            repeatable=merge,  # a JSON patch may append
            decode=decode,
        )
        try:
            return await self._transport.send(request)
        except InvalidError as error:
            # The API server takes another object's uid for an attempt to change it.
            if isinstance(body, dict) and "uid" in body.get("metadata", {}) and "metadata.uid" in error.message:
                raise ConflictError(error.status, "Conflict", error.message) from error
            raise

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
        path = kind.path(namespace, name)
        request = Request("delete", kind.plural, "DELETE", path, orjson.dumps(options), decode=False)
        try:
            await self._transport.send(request)
        except NotFoundError:
            return False
        except ConflictError as error:
            if uid is not None and _OTHER_UID.search(error.message):
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
    ) -> AsyncGenerator[WatchEvent, None]:
        """Follow a collection from a resource version on, bookmarks included, until the server ends it.

        It is not tried again: the caller knows the resource version to go on from. Close the iterator when you leave
        it early (`contextlib.aclosing`).

        Raises:
            GoneError: the resource version is too old: list anew.
            UnreachableError: the connection broke, or stayed silent longer than bookmarks allow.
            ApiError: anything else that went wrong.
        """
        query = {
            "watch": "1",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, round(self._limits.watch_s * self._rng.uniform(0.9, 1.1)))),
            **_selectors(label_selector, field_selector),
        }
        path = _with_query(kind.path(namespace), query)
        stream = self._transport.stream(Request("watch", kind.plural, "GET", path, write=False))
        async with aclosing(stream):
            async for line in stream:
                yield parse_event(line)

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _typed(kind: Kind, body: Object) -> Object:
    """The body with its kind, which the API server demands of creates and applies."""
    return {"apiVersion": kind.api_version, "kind": kind.kind, **body}


def _with_query(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}"


def _selectors(label_selector: str | None, field_selector: str | None) -> dict[str, str]:
    given = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in given.items() if value}


def _label(kind: Kind, subresource: str | None) -> str:
    return f"{kind.plural}/{subresource}" if subresource else kind.plural
