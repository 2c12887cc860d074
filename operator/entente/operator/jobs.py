"""All jobs, parsed once per event, with what was decided about them; and which of them must be looked at."""

import logging
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from pydantic import ValidationError

from entente.api.base import ObjectMeta
from entente.api.job import TrainingJob, TrainingJobStatus
from entente.operator.tracked import Tracked

_REMEMBERED_GONE = 10_000
"""Deleted jobs remembered, so that no late event brings one back."""

_MESSAGES_A_SECOND = 50.0

_log = logging.getLogger(__name__)


class JobStore:
    """Jobs by `namespace/name`. Used from one event loop only."""

    def __init__(self) -> None:
        self._jobs: dict[str, Tracked] = {}
        self._by_uid: dict[str, Tracked] = {}
        self._gone: dict[str, None] = {}
        """Uids of deleted jobs, oldest first: what was said of one earlier may arrive later."""
        self.touched: set[str] = set()
        """Jobs that something has happened to since they were last looked at."""
        self.news = True
        """Whether something has happened that decisions depend on."""
        self.unreadable: dict[str, tuple[str, str]] = {}
        """Jobs that cannot be read: their uid and what is wrong with them."""

    def __iter__(self) -> Iterator[Tracked]:
        return iter(self._jobs.values())

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, key: str) -> Tracked | None:
        return self._jobs.get(key)

    def by_uid(self, uid: str) -> Tracked | None:
        return self._by_uid.get(uid)

    def explain_s(self, least_s: float) -> float:
        """Shortest time between two writes of one job that only bring its message up to date.

        All messages together are written at a bounded rate: with each start, the places of all behind it change.
        """
        return max(least_s, len(self._jobs) / _MESSAGES_A_SECOND)

    def touch(self, key: str, *, news: bool = False) -> None:
        """Have a job looked at."""
        self.touched.add(key)
        self.news = self.news or news

    def see(self, obj: Mapping[str, Any], now: float) -> bool:
        """Take over a job as the API server tells it; returns whether that was new."""
        meta = obj["metadata"]
        key, uid, version = f"{meta['namespace']}/{meta['name']}", meta["uid"], _version(meta)
        known = self._jobs.get(key)
        if known is not None and known.uid == uid and version <= version_of(known.observed.metadata):
            return False
        if uid in self._gone:
            return False
        job = self._parse(key, obj, known)
        if job is None:
            return False
        wire = dict(obj.get("status") or {})
        if known is None or known.uid != uid:
            if known is not None:
                self._forget(known)
            fresh = Tracked(observed=job, base_wire=wire, first_seen=now, assumed=job.status)
            self._jobs[key] = self._by_uid[uid] = fresh
            self.touch(key, news=True)
            return True
        self.touch(key, news=known.see(job, wire))
        return True

    def gone(self, obj: Mapping[str, Any]) -> None:
        meta = obj["metadata"]
        key, uid = f"{meta['namespace']}/{meta['name']}", meta["uid"]
        self.unreadable.pop(key, None)
        known = self._by_uid.get(uid)
        if known is not None:
            self._forget(known)

    def keep_only(self, listed: AbstractSet[str], version: int) -> None:
        """After a complete list, by uid, read at a resource version: what is not in it and not newer is gone."""
        for tracked in list(self._by_uid.values()):
            if tracked.uid not in listed and version_of(tracked.observed.metadata) <= version:
                _log.info("job %s is gone; no watch event said so", tracked.key)
                self._forget(tracked)

    def _forget(self, tracked: Tracked) -> None:
        self._by_uid.pop(tracked.uid, None)
        if self._jobs.get(tracked.key) is tracked:
            del self._jobs[tracked.key]
        self._gone[tracked.uid] = None
        while len(self._gone) > _REMEMBERED_GONE:
            del self._gone[next(iter(self._gone))]
        self.touch(tracked.key, news=True)

    def _parse(self, key: str, obj: Mapping[str, Any], known: Tracked | None) -> TrainingJob | None:
        """The job, or none when it cannot be read: then the last that could is kept, since it may hold GPUs."""
        meta = obj["metadata"]
        try:
            if known is not None and known.uid == meta["uid"] and _same_spec(known, meta):
                status = TrainingJobStatus.model_validate(obj.get("status") or {})
                job = known.observed.model_copy(update={"metadata": ObjectMeta.model_validate(meta), "status": status})
            else:
                job = TrainingJob.model_validate(obj)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            what = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
            if self.unreadable.get(key) != (meta["uid"], what):
                _log.warning("cannot read job %s", key)
                self.unreadable[key] = (meta["uid"], what)
                self.touch(key)
            return None
        self.unreadable.pop(key, None)
        return job


def _same_spec(known: Tracked, meta: Mapping[str, Any]) -> bool:
    return bool(meta.get("generation")) and known.observed.metadata.generation == meta["generation"]


def _version(meta: Mapping[str, Any]) -> int:
    text = str(meta.get("resourceVersion") or "")
    return int(text) if text.isdigit() else 0


def version_of(meta: ObjectMeta) -> int:
    """The resource version as a number: versions of one kind can be compared."""
    return _version({"resourceVersion": meta.resource_version})
