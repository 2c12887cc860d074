"""Everything but the jobs, as last seen: nodes, pods, pools and tenants."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from entente.api.core import NodeRecord, PodRecord
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.operator.jobs import JobStore, version_of

_log = logging.getLogger(__name__)

R = TypeVar("R", GPUPool, Tenant)


def gpu_pod(obj: Mapping[str, Any]) -> PodRecord | None:
    """A pod that asks for extended resources; others are of no interest."""
    record = PodRecord.from_object(obj)
    return record if record.gpus else None


class PodIndex:
    """The pods of each job, kept by what the reflector tells."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self._by_job: dict[str, dict[str, PodRecord]] = {}

    def of(self, uid: str) -> tuple[PodRecord, ...]:
        """The pods that this job owns, of all its starts."""
        return tuple(self._by_job.get(uid, {}).values())

    def changed(self, old: PodRecord | None, new: PodRecord | None) -> None:
        """The reflector's `on_change`."""
        for record in (old, new):
            if record is None or record.job_uid is None:
                # A pod of no job takes GPUs from everybody.
                self._jobs.news = self._jobs.news or record is not None
        if old is not None and old.job_uid is not None and (new is None or new.job_uid != old.job_uid):
            self._drop(old, old.job_uid)
        if new is not None and new.job_uid is not None:
            self._by_job.setdefault(new.job_uid, {})[new.name] = new
            self._touch(new, new.job_uid)

    def _drop(self, pod: PodRecord, uid: str) -> None:
        pods = self._by_job.get(uid, {})
        pods.pop(pod.name, None)
        if not pods:
            self._by_job.pop(uid, None)
        self._touch(pod, uid)
        self._jobs.news = True  # its GPUs are free
        tracked = self._jobs.by_uid(uid)
        if tracked is not None:
            tracked.told.pop(pod.uid, None)

    def _touch(self, pod: PodRecord, uid: str) -> None:
        tracked = self._jobs.by_uid(uid)
        if tracked is not None:
            tracked.made.pop(pod.name, None)
            self._jobs.touch(tracked.key)


class NodeView:
    """Which nodes are ready, kept by what the reflector tells."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self.ready: set[str] = set()

    def changed(self, old: NodeRecord | None, new: NodeRecord | None) -> None:
        """The reflector's `on_change`: a node that is lost concerns the jobs on it."""
        if new is not None and new.ready:
            self.ready.add(new.name)
        elif old is not None:
            self.ready.discard(old.name)
            self._touch_jobs_on(old.name)
        if _for_decisions(old) != _for_decisions(new):
            self._jobs.news = True

    def _touch_jobs_on(self, node: str) -> None:
        for tracked in self._jobs:
            status = tracked.assumed
            if (status.allocation and node in status.allocation.nodes) or (status.hold and node in status.hold.nodes):
                self._jobs.touch(tracked.key)


def _for_decisions(node: NodeRecord | None) -> object:
    """What of a node decisions depend on: heartbeats are not news."""
    return node and (node.labels, node.ready, node.unschedulable, node.taints, node.allocatable)


class ResourceStore(Generic[R]):
    """Pools or tenants by name, as kopf tells them; one that cannot be read keeps its last good form.

    Args:
        model: of the resource.
        on_news: told when one came or went, or something decisive of it changed.
        decisive: what of a resource decisions depend on, beside its deletion.
        complete: makes up for what is not written of a resource yet.
    """

    def __init__(
        self,
        model: type[R],
        on_news: Callable[[], None],
        *,
        decisive: Callable[[R], object] = lambda resource: resource.spec,
        complete: Callable[[R], R] = lambda resource: resource,
    ) -> None:
        self._model: type[R] = model
        self._on_news = on_news
        self._decisive: Callable[[R], object] = decisive
        self._complete: Callable[[R], R] = complete
        self._items: dict[str, R] = {}

    def __iter__(self) -> Iterator[R]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def get(self, name: str) -> R | None:
        return self._items.get(name)

    def see(self, obj: Mapping[str, Any]) -> None:
        """Take over a resource as the API server tells it."""
        name = obj["metadata"]["name"]
        try:
            new = self._complete(self._model.model_validate(obj))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            _log.warning("cannot read %s %s: %s", self._model.__name__, name, first["msg"])
            return
        old = self._items.get(name)
        self._items[name] = new
        if old is None or self._seen(old) != self._seen(new):
            self._on_news()

    def _seen(self, resource: R) -> object:
        return self._decisive(resource), resource.metadata.deletion_timestamp

    def gone(self, name: str) -> None:
        if self._items.pop(name, None) is not None:
            self._on_news()

    def keep_only(self, names: set[str], version: int) -> None:
        """After a complete list, read at a resource version: what is not in it and not newer is gone."""
        for name in set(self._items) - names:
            if version_of(self._items[name].metadata) <= version:
                self.gone(name)
