"""The reflector: a collection of the API server, held here as slim records and kept current.

Its life: list page by page, then watch from the list's resource version on. A watch that ends, breaks or falls silent
goes on from the last version seen. When the server no longer remembers that version (410), the collection is listed
anew and what is not in the list any more is dropped: no ghost survives.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from entente.kube.backoff import Backoff
from entente.kube.client import KubeClient
from entente.kube.errors import ApiError, GoneError
from entente.kube.garbage import collector_paused
from entente.kube.kinds import Kind
from entente.kube.stream import WatchEvent

T = TypeVar("T")

_log = logging.getLogger(__name__)

_CALM_S = 1.0
"""A watch that lasted this long, in seconds, may be followed by the next one at once."""


def object_key(obj: Mapping[str, Any]) -> str:
    """`namespace/name` of an object, or the name alone of a cluster-scoped one."""
    meta = obj["metadata"]
    namespace, name = meta.get("namespace"), meta["name"]
    return f"{namespace}/{name}" if namespace else str(name)


class Reflector(Generic[T]):
    """Holds a record of each object of a collection.

    While a new list is read, records of the old one are still held: each record was true once, though not all at the
    same moment. Before the first list is complete, `synced` is not set.

    Args:
        client: reads.
        kind: what to follow.
        parse: makes a record of an object; none for an object that is of no interest. If it raises, the last good
            record is kept (it may hold GPUs), and the object's key is listed in `unreadable`.
        namespace: follow this one only.
        key: of an object, as given by the API server.
        on_change: told, synchronously, of the old and the new record; one of them is none for an object that came or
            went. Not told when both are equal.
        label_selector: evaluated by the server.
        field_selector: evaluated by the server.
        page_size: objects decoded together at most.
        backoff: pauses after errors.
        clock: monotonic seconds.
        sleep: waits for seconds.
        rng: jitter.
    """

    def __init__(
        self,
        client: KubeClient,
        kind: Kind,
        parse: Callable[[dict[str, Any]], T | None],
        *,
        namespace: str | None = None,
        key: Callable[[Mapping[str, Any]], str] = object_key,
        on_change: Callable[[T | None, T | None], None] | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        page_size: int = 500,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.kind = kind
        self.synced = asyncio.Event()
        """Set when the first list is complete."""
        self.relists = 0
        """Complete lists so far."""
        self._client = client
        self._parse = parse
        self._namespace = namespace
        self._key = key
        self._on_change = on_change
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._page_size = page_size
        self._backoff = backoff or Backoff(first_s=0.2, cap_s=30.0)
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._items: dict[str, T] = {}
        self._unreadable: dict[str, str] = {}
        self._version: str | None = None
        """Where the next watch goes on; none when the collection must be listed."""
        self._heard_at: float | None = None
        self._calm = False
        """The last watch brought something or lasted: an error after it is the first of its kind, not one of a row."""

    @property
    def items(self) -> Mapping[str, T]:
        """All records by key: a live view."""
        return MappingProxyType(self._items)

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Keys of objects that could not be parsed, with the type of the error: a live view."""
        return MappingProxyType(self._unreadable)

    @property
    def silent_s(self) -> float | None:
        """Seconds since the server last sent anything (a page, an event, a bookmark); none before the first time."""
        return None if self._heard_at is None else self._clock() - self._heard_at

    async def run(self) -> None:
        """Follow the collection until cancelled; errors of the server are waited out."""
        attempt = 0
        while True:
            at_least = 0.0
            self._calm = False
            try:
                if self._version is None:
                    await self._list()
                    continue
                await self._watch(self._version)
                if self._calm:
                    attempt = 0
                    continue
            except GoneError:
                self._version = None
            except ApiError as error:
                _log.warning("cannot follow %s: %s %s; trying again", self.kind.plural, error.status, error.reason)
                at_least = error.retry_after_s or 0.0
            attempt = 0 if self._calm else attempt
            await self._sleep(self._backoff.delay(attempt, self._rng, at_least_s=at_least))
            attempt += 1

    async def _list(self) -> None:
        """Replace what is held by what there is."""
        seen: set[str] = set()
        version = ""
        pages = self._client.list_pages(
            self.kind,
            self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            limit=self._page_size,
        )
        async with aclosing(pages):
            async for page in pages:
                self._heard_at = self._clock()
                version = page.resource_version
                with collector_paused():
                    seen.update([self._put(obj) for obj in page.items])
        for ghost in [key for key in self._items if key not in seen]:
            self._drop(ghost)
        for ghost in [key for key in self._unreadable if key not in seen]:
            del self._unreadable[ghost]
        self._version = version
        self.relists += 1
        self.synced.set()

    async def _watch(self, version: str) -> None:
        began, heard = self._clock(), self._heard_at
        events = self._client.watch(
            self.kind,
            self._namespace,
            resource_version=version,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )
        try:
            async with aclosing(events):
                async for event in events:
                    self._heard_at = self._clock()
                    self._take(event)
        finally:
            self._calm = self._heard_at != heard or self._clock() - began >= _CALM_S

    def _take(self, event: WatchEvent) -> None:
        if event.type in {"ADDED", "MODIFIED"}:
            self._put(event.object)
        elif event.type == "DELETED":
            key = self._key(event.object)
            self._unreadable.pop(key, None)
            self._drop(key)
        # Only when the event is taken: a watch that breaks here must bring it again.
        self._version = event.resource_version or self._version

    def _put(self, obj: dict[str, Any]) -> str:
        key = self._key(obj)
        try:
            new = self._parse(obj)
        except Exception as error:  # noqa: BLE001 - one bad object must not stop the others
            if key not in self._unreadable:
                _log.warning("cannot read %s %s: %s", self.kind.plural, key, type(error).__name__)
            self._unreadable[key] = type(error).__name__
            return key
        self._unreadable.pop(key, None)
        if new is None:
            self._drop(key)
            return key
        old = self._items.get(key)
        if old != new:
            self._items[key] = new
            self._tell(old, new)
        return key

    def _drop(self, key: str) -> None:
        old = self._items.pop(key, None)
        if old is not None:
            self._tell(old, None)

    def _tell(self, old: T | None, new: T | None) -> None:
        if self._on_change is not None:
            self._on_change(old, new)
