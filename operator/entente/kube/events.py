"""Events about objects, for `kubectl describe` and `kubectl get events`.

Events are for people only, so they never hold the operator up. They wait in a bounded queue. The same words about the
same object become one Event with a count. What does not fit into the queue is dropped and counted.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from entente.kube.bucket import TokenBucket
from entente.kube.client import KubeClient
from entente.kube.errors import ApiError, FencedError, NotFoundError
from entente.kube.kinds import EVENT, Kind
from entente.kube.transport import Object

_log = logging.getLogger(__name__)

_LONGEST_NOTE = 1024
"""Characters; the API server refuses longer ones."""

_LONGEST_NAME = 220
"""Characters of the object's name in the Event's name, so that both together stay below 253."""

_SERIES_S = 45 * 60.0
"""Seconds after which an Event is not counted up any more but made anew: API servers forget Events after an hour."""

_KNOWN = 4096
"""Events that can be counted up at most; beyond it, the oldest are made anew when they happen again."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ObjectRef:
    kind: Kind
    name: str
    namespace: str | None = None
    uid: str = ""

    @property
    def identity(self) -> str:
        """Its uid, or what stands for it where none is known."""
        return self.uid or f"{self.kind.plural}/{self.namespace or ''}/{self.name}"


class EventType(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


class Drop(StrEnum):
    FULL = "full"
    """Too many events wait."""
    OBJECT = "object"
    """Too many different events about the same object wait."""
    FAILED = "failed"
    """The API server refused it."""
    FENCED = "fenced"
    """This process no longer leads."""


@dataclass(frozen=True, slots=True)
class _Key:
    identity: str
    type: EventType
    reason: str
    note: str


@dataclass(slots=True)
class _Pending:
    regarding: ObjectRef
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class _Series:
    """An Event that was written and can be counted up."""

    namespace: str
    name: str
    count: int
    made_at: float


class EventRecorder:
    """Writes events in its own task; `record` never blocks and never raises.

    Args:
        client: writes them.
        instance: of the operator, for `reportingInstance`.
        bucket: events a second; shared with other recorders if you like.
        capacity: different events that wait at most.
        per_object: of them, about one object at most.
        settle_s: seconds that an event waits for others like it.
        clock: monotonic seconds.
        wall: the time to write into the Events.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        instance: str,
        *,
        bucket: TokenBucket | None = None,
        capacity: int = 2048,
        per_object: int = 8,
        settle_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = _now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._instance = instance
        self._bucket = bucket or TokenBucket(rate=10.0, burst=50, clock=clock)
        self._capacity = capacity
        self._per_object = per_object
        self._settle_s = settle_s
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._pending: OrderedDict[_Key, _Pending] = OrderedDict()
        self._objects: Counter[str] = Counter()
        """Different pending events by object."""
        self._series: OrderedDict[_Key, _Series] = OrderedDict()
        self._dropped: Counter[Drop] = Counter()
        self._wake = asyncio.Event()
        self._written = 0
        self._serial = 0

    @property
    def dropped(self) -> Mapping[Drop, int]:
        """Events that were not written, by cause: a live view."""
        return MappingProxyType(self._dropped)

    @property
    def written(self) -> int:
        return self._written

    @property
    def waiting(self) -> int:
        return len(self._pending)

    def record(self, regarding: ObjectRef, type: EventType, reason: str, note: str) -> None:  # noqa: A002 - its name in Kubernetes
        """Tell something about an object.

        Args:
            regarding: the object. Everybody who may read events in its namespace reads the note.
            type: Normal or Warning.
            reason: one word in CamelCase, from a small set.
            note: a sentence; cut to 1024 characters.
        """
        key = _Key(regarding.identity, type, reason, _cut(note))
        now = self._wall()
        known = self._pending.get(key)
        if known is not None:
            known.count += 1
            known.last = now
        elif len(self._pending) >= self._capacity:
            self._dropped[Drop.FULL] += 1
        elif self._objects[key.identity] >= self._per_object:
            self._dropped[Drop.OBJECT] += 1
        else:
            self._pending[key] = _Pending(regarding, 1, now, now)
            self._objects[key.identity] += 1
            self._wake.set()

    async def run(self) -> None:
        """Write what is recorded, until cancelled."""
        while True:
            await self._wake.wait()
            await self._sleep(self._settle_s)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits, no faster than the bucket allows."""
        while self._pending:
            while not self._bucket.take():
                await self._sleep(self._bucket.wait_s())
            if not self._pending:  # another flush was faster
                break
            key, pending = self._pending.popitem(last=False)
            self._objects[key.identity] -= 1
            if not self._objects[key.identity]:
                del self._objects[key.identity]
            await self._write(key, pending)
        self._wake.clear()

    async def _write(self, key: _Key, pending: _Pending) -> None:
        try:
            await self._write_series(key, pending)
        except FencedError:
            self._dropped[Drop.FENCED] += pending.count
        except ApiError as error:
            self._dropped[Drop.FAILED] += pending.count
            _log.debug("cannot write event %s: %s %s", key.reason, error.status, error.reason)
        except Exception:  # noqa: BLE001 - whatever is wrong with one event, the next one is told
            self._dropped[Drop.FAILED] += pending.count
            _log.exception("cannot write event %s", key.reason)

    async def _write_series(self, key: _Key, pending: _Pending) -> None:
        series = self._series.get(key)
        if series is not None and self._clock() - series.made_at < _SERIES_S:
            count = series.count + pending.count
            patch: Object = {"count": count, "lastTimestamp": _stamp(pending.last)}
            self._written += 1
            try:
                await self._client.patch(EVENT, series.name, patch, namespace=series.namespace, decode=False)
            except NotFoundError:
                del self._series[key]
            else:
                self._remember(key, _Series(series.namespace, series.name, count, series.made_at))
                return
        body = self._body(key, pending)
        self._written += 1
        await self._client.create(EVENT, body, decode=False)
        meta = body["metadata"]
        self._remember(key, _Series(meta["namespace"], meta["name"], pending.count, self._clock()))

    def _remember(self, key: _Key, series: _Series) -> None:
        self._series[key] = series
        self._series.move_to_end(key)
        while len(self._series) > _KNOWN:
            self._series.popitem(last=False)

    def _name(self, regarding: ObjectRef) -> str:
        """A name that no other Event has: of this process by the serial, of an earlier one by the time."""
        self._serial += 1
        start = regarding.name[:_LONGEST_NAME].rstrip("-.")
        return f"{start}.{int(self._wall().timestamp() * 1e6):x}{self._serial & 0xFFFF:04x}"

    def _body(self, key: _Key, pending: _Pending) -> Object:
        regarding = pending.regarding
        involved: Object = {
            "apiVersion": regarding.kind.api_version,
            "kind": regarding.kind.kind,
            "name": regarding.name,
            "uid": regarding.uid,
        }
        if regarding.namespace:
            involved["namespace"] = regarding.namespace
        return {
            "metadata": {
                "name": self._name(regarding),
                # Events about cluster-scoped objects are kept where kubectl looks for them.
                "namespace": regarding.namespace or "default",
            },
            "involvedObject": involved,
            "type": key.type,
            "reason": key.reason,
            "message": key.note,
            "count": pending.count,
            "firstTimestamp": _stamp(pending.first),
            "lastTimestamp": _stamp(pending.last),
            "source": {"component": "entente"},
            "reportingComponent": "entente.dev/operator",
            "reportingInstance": self._instance,
        }


def _cut(note: str) -> str:
    return note if len(note) <= _LONGEST_NOTE else note[: _LONGEST_NOTE - 1] + "…"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
