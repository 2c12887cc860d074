"""What the API server has of one kind, kept up to date in a thread by list and watch."""

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from urllib3.exceptions import HTTPError

from demo.cluster import ApiError, Cluster
from demo.objects import Object
from entente.kube.kinds import Kind

RETRY_S = 0.5


class Listener(Protocol):
    """Told of each change, in the mirror's thread."""

    def __call__(self, obj: Object, *, gone: bool) -> None:
        """An object as it is now, or as it was last."""


class Mirror:
    """Objects by `namespace/name` (or name); those gone while the watch was down are noticed by the next list."""

    def __init__(self, cluster: Cluster, kind: Kind, *, listener: Listener | None = None) -> None:
        self._cluster = cluster
        self._kind = kind
        self._listener = listener
        self._objects: dict[str, Object] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.synced = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mirror-{kind.plural}", daemon=True)

    def start(self) -> None:
        """Begin; `synced` is set when the first list is there."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more changes; the thread ends with its watch."""
        self._stopped.set()

    def objects(self) -> Mapping[str, Object]:
        """A copy of what is there now; the objects in it are not changed later."""
        with self._lock:
            return dict(self._objects)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._list_and_watch()
            except (ApiError, HTTPError, OSError, ValueError):
                # the plane is restarting or the version is too old: list again
                self._stopped.wait(RETRY_S)

    def _list_and_watch(self) -> None:
        items, version = self._cluster.list(self._kind)
        listed = {_key(item): item for item in items}
        for key, old in self.objects().items():
            if key not in listed:
                self._take(old, gone=True)
        for item in items:
            self._take(item, gone=False)
        self.synced.set()
        while not self._stopped.is_set():
            for event in self._cluster.watch(self._kind, version):
                if self._stopped.is_set():
                    return
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._take(event["object"], gone=event["type"] == "DELETED")

    def _take(self, obj: Object, *, gone: bool) -> None:
        key = _key(obj)
        with self._lock:
            known = self._objects.get(key)
            if not gone and known and known["metadata"]["resourceVersion"] == obj["metadata"]["resourceVersion"]:
                return
            if gone:
                self._objects.pop(key, None)
            else:
                self._objects[key] = obj
        if self._listener:
            self._listener(obj, gone=gone)


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str, every_s: float = 0.1) -> None:
    """Poll until a condition holds.

    Raises:
        TimeoutError: it did not hold in time; the message says what was waited for.
    """
    pause = threading.Event()
    for _ in range(round(seconds / every_s)):
        if condition():
            return
        pause.wait(every_s)
    if not condition():
        msg = f"waited {seconds:.0f} s for {what}"
        raise TimeoutError(msg)


def _key(obj: Object) -> str:
    meta = obj["metadata"]
    return f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else str(meta["name"])
