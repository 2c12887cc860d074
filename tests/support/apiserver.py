"""A small API server on 127.0.0.1 that keeps objects as the real one does, and misbehaves when told to."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web

from entente.kube.config import Connection
from entente.kube.kinds import Kind

Object = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What the next matching request gets instead of, or after, its answer."""

    status: int = 0
    """Refuse with this status; 0: cut the connection."""
    retry_after: str | None = None
    reason: str = "Scripted"
    message: str = "scripted"
    after: bool = False
    """Do what was asked for first: only the answer is lost."""


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    header_list: tuple[tuple[str, str], ...] = ()
    """All of them, those of the same name, too."""

    @property
    def json(self) -> Object:
        body: Object = orjson.loads(self.body)
        return body


class RefusalError(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def body(self) -> Object:
        return {"kind": "Status", "code": self.status, "reason": self.reason, "message": self.message}


@dataclass
class _Watcher:
    prefix: str
    labels: Mapping[str, str]
    queue: asyncio.Queue[Object | None] = field(default_factory=asyncio.Queue)
    """None ends the watch."""
    transport: asyncio.Transport | None = None


@dataclass
class ApiServer:
    """Objects by path, one history of changes, and the faults that are still to come."""

    url: str = ""
    objects: dict[str, Object] = field(default_factory=dict)
    """By path, `/api/v1/namespaces/ns/pods/name`."""
    requests: list[Seen] = field(default_factory=list)
    token: str | None = None
    """The bearer token that requests must bring."""
    most_together: int = 0
    """Requests, watches apart, that were under way at once at most."""
    muted: bool = False
    """Watches stay open and say nothing."""
    _history: list[tuple[int, str, Object]] = field(default_factory=list)
    _faults: dict[str, deque[Fault]] = field(default_factory=dict)
    _watchers: list[_Watcher] = field(default_factory=list)
    _version: int = 0
    _oldest: int = 0
    _expired: bool = False
    _together: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        server = cls()
        server.resume()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield server
        finally:
            server.resume()
            server.end_watches()
            await runner.cleanup()

    @property
    def connection(self) -> Connection:
        return Connection(self.url)

    def hold(self) -> None:
        """Answer nothing until `resume`."""
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    def seen(self, method: str, *, watch: bool = False) -> list[Seen]:
        """Requests of a method so far; of GETs, either the watches or the others."""
        return [r for r in self.requests if r.method == method and ("watch" in r.query) == watch]

    def fail(self, method: str, *faults: Fault) -> None:
        """Let the next requests of a method (`WATCH` for watches) go wrong, one fault each."""
        self._faults.setdefault(method, deque()).extend(faults)

    def put(self, kind: Kind, obj: Object) -> Object:
        """Add or replace an object behind everybody's back; watches see it."""
        meta = obj["metadata"]
        path = kind.path(meta.get("namespace"), meta["name"])
        return self._store("MODIFIED" if path in self.objects else "ADDED", path, {"kind": kind.kind, **obj})

    def remove(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        """Delete an object behind everybody's back; watches see it."""
        self._remove(kind.path(namespace, name))

    def forget_history(self) -> None:
        """What etcd's compaction does: older resource versions can be watched no more."""
        self._history.clear()
        self._oldest = self._version

    def expire_tokens(self) -> None:
        """Refuse the next continue token with 410."""
        self._expired = True

    def end_watches(self) -> None:
        """End all watches properly, as the server does after their timeout."""
        for watcher in self._watchers:
            watcher.queue.put_nowait(None)

    def cut_watches(self) -> None:
        for watcher in self._watchers:
            if watcher.transport is not None:
                watcher.transport.abort()

    def bookmark(self) -> None:
        mark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self._version)}}}
        for watcher in self._watchers:
            watcher.queue.put_nowait(mark)

    @property
    def watching(self) -> int:
        return len(self._watchers)

    async def until(self, condition: Callable[[], bool], *, within_s: float = 60.0) -> None:
        """Wait for something to become true, looking after each request and often in between."""
        async with asyncio.timeout(within_s):
            while not condition():
                self._changed.clear()
                try:
                    async with asyncio.timeout(0.01):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        headers = tuple(request.headers.items())
        body = await request.read()
        seen = Seen(request.method, request.path, dict(request.query), dict(headers), body, headers)
        self.requests.append(seen)
        self._changed.set()
        if "watch" in seen.query:
            return await self._answer(request, seen)
        self._together += 1
        self.most_together = max(self.most_together, self._together)
        try:
            await asyncio.sleep(0)  # lets requests that are there already be counted
            await self._open.wait()
            return await self._answer(request, seen)
        finally:
            self._together -= 1

    async def _answer(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        watch = "watch" in seen.query
        queue = self._faults.get("WATCH" if watch else seen.method)
        fault = queue.popleft() if queue else None
        if fault is not None and not fault.after:
            return self._misbehave(request, fault)
        if self.token is not None and seen.headers.get("Authorization") != f"Bearer {self.token}":
            return _json(RefusalError(401, "Unauthorized", "Unauthorized").body(), 401)
        try:
            if watch:
                return await self._watch(request, seen)
            body, status = self._do(seen)
        except RefusalError as refusal:
            body, status = refusal.body(), refusal.status
        return self._misbehave(request, fault) if fault is not None else _json(body, status)

    def _misbehave(self, request: web.Request, fault: Fault) -> web.Response:
        if not fault.status:
            assert isinstance(request.transport, asyncio.Transport)
            request.transport.abort()
            return web.Response()
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        return _json(RefusalError(fault.status, fault.reason, fault.message).body(), fault.status, headers)

    def _do(self, seen: Seen) -> tuple[Object, int]:
        path = seen.path.removesuffix("/status")
        match seen.method:
            case "GET" if path in self.objects:
                return self.objects[path], 200
            case "GET" if _is_collection(path):
                return self._list(seen), 200
            case "POST":
                return self._create(path, seen.json), 201
            case "PATCH":
                return self._patch(path, seen), 200
            case "DELETE":
                return self._delete(path, seen.json), 200
            case _:
                pass
        raise RefusalError(404, "NotFound", f"{path} not found")

    def _list(self, seen: Seen) -> Object:
        token, limit = seen.query.get("continue"), int(seen.query.get("limit", "0"))
        if token and self._expired:
            self._expired = False
            raise RefusalError(410, "Expired", "the continue token is too old")
        labels = _labels(seen.query)
        paths = sorted(p for p, o in self.objects.items() if _under(p, seen.path) and _fits(o, labels))
        start = int(token) if token else 0
        end = start + limit if limit else len(paths)
        meta = {"resourceVersion": str(self._version)}
        if end < len(paths):
            meta["continue"] = str(end)
        return {"kind": "List", "metadata": meta, "items": [self.objects[p] for p in paths[start:end]]}

    def _create(self, collection: str, obj: Object) -> Object:
        path = f"{collection}/{obj['metadata']['name']}"
        if path in self.objects:
            raise RefusalError(409, "AlreadyExists", f"{path} already exists")
        obj["metadata"].setdefault("uid", f"uid-{self._version + 1}")
        return self._store("ADDED", path, obj)

    def _patch(self, path: str, seen: Seen) -> Object:
        apply = "apply-patch" in seen.headers["Content-Type"]
        old = self.objects.get(path)
        if old is None:
            if apply:
                return self._create(path.rpartition("/")[0], seen.json)
            raise RefusalError(404, "NotFound", f"{path} not found")
        patch = seen.json
        wanted = patch.get("metadata") or {}
        if wanted.get("resourceVersion", old["metadata"]["resourceVersion"]) != old["metadata"]["resourceVersion"]:
            raise RefusalError(409, "Conflict", "the object has been modified")
        if wanted.get("uid", old["metadata"].get("uid")) != old["metadata"].get("uid"):
            raise RefusalError(422, "Invalid", "metadata.uid: Invalid value: field is immutable")
        return self._store("MODIFIED", path, _merged(old, patch))

    def _delete(self, path: str, options: Object) -> Object:
        if path not in self.objects:
            raise RefusalError(404, "NotFound", f"{path} not found")
        uid = (options.get("preconditions") or {}).get("uid")
        if uid is not None and uid != self.objects[path]["metadata"].get("uid"):
            raise RefusalError(409, "Conflict", f"the UID in the precondition ({uid}) does not match")
        self._remove(path)
        return {"kind": "Status", "status": "Success"}

    def _remove(self, path: str) -> None:
        self._store("DELETED", path, self.objects[path])
        del self.objects[path]

    def _store(self, kind: str, path: str, obj: Object) -> Object:
        self._version += 1
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._version)}}
        self.objects[path] = obj
        self._history.append((self._version, path, {"type": kind, "object": obj}))
        for watcher in self._watchers:
            if _under(path, watcher.prefix) and _fits(obj, watcher.labels):
                watcher.queue.put_nowait(self._history[-1][2])
        return obj

    async def _watch(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        start = int(seen.query["resourceVersion"])
        if start < self._oldest:
            await response.write(_line({"type": "ERROR", "object": RefusalError(410, "Expired", "too old").body()}))
            return response
        watcher = _Watcher(seen.path, _labels(seen.query))
        assert isinstance(request.transport, asyncio.Transport)
        watcher.transport = request.transport
        for version, path, event in self._history:
            if version > start and _under(path, watcher.prefix) and _fits(event["object"], watcher.labels):
                watcher.queue.put_nowait(event)
        self._watchers.append(watcher)
        self._changed.set()
        try:
            while (event_or_end := await watcher.queue.get()) is not None:
                if not self.muted:
                    await response.write(_line(event_or_end))
        except ConnectionError:
            pass
        finally:
            self._watchers.remove(watcher)
            self._changed.set()
        return response


def _json(body: Object, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers or {}, content_type="application/json")


def _line(event: Object) -> bytes:
    return orjson.dumps(event) + b"\n"


def _labels(query: Mapping[str, str]) -> dict[str, str]:
    selector = query.get("labelSelector", "")
    return dict(term.split("=", 1) for term in selector.split(",") if term)


def _fits(obj: Object, labels: Mapping[str, str]) -> bool:
    own = obj["metadata"].get("labels") or {}
    return all(own.get(name) == value for name, value in labels.items())


def _split(path: str) -> tuple[str, list[str]]:
    """Group-version root, and the rest of a path."""
    parts = path.strip("/").split("/")
    length = 2 if parts[0] == "api" else 3
    return "/".join(parts[:length]), parts[length:]


def _is_collection(path: str) -> bool:
    return len(_split(path)[1]) % 2 == 1


def _under(path: str, collection: str) -> bool:
    """Whether an object belongs to a collection, which may be that of all namespaces."""
    root, rest = _split(path)
    other_root, other = _split(collection)
    namespace = rest[1] if len(rest) == 4 else None
    wanted = other[1] if len(other) == 3 else None
    return root == other_root and rest[-2] == other[-1] and wanted in (None, namespace)


def _merged(old: Object, patch: Object) -> Object:
    """RFC 7396."""
    new = dict(old)
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        elif isinstance(value, dict) and isinstance(old.get(name), dict):
            new[name] = _merged(old[name], value)
        else:
            new[name] = value
    return new
