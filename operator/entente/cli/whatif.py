"""What-if: an estate with other objects in it, and with fields of its objects set."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from entente.api.amounts import count
from entente.api.inputs import Inputs
from entente.api.job import Phase, Queue, TrainingJob, TrainingJobSpec
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.cli.paths import Resource, Setting, SettingError, applied, found, path_of
from entente.engine.model import HOLDING_PHASES

_LOCKED = ("workers", "gpus_per_worker", "pools", "topology", "template")
"""What workers are made from: of a job that has some the API server refuses to change it."""

_LATER = timedelta(microseconds=1)

_OF_CLUSTER = ("creation_timestamp", "deletion_timestamp", "uid", "annotations")
"""Metadata that an object keeps where a manifest says nothing of them."""


@dataclass(frozen=True, slots=True)
class Change:
    """An estate after a change."""

    inputs: Inputs
    touched: tuple[str, ...]
    """Paths of the objects that are new or not as they were."""
    stopped: tuple[TrainingJob, ...]
    """Jobs that it suspends, as they were. They are taken to have stopped already."""


def changed(inputs: Inputs, others: Inputs, settings: Sequence[Setting]) -> Change:
    """The estate with the other objects in it, and then with the fields set.

    An object takes the place of the one of its kind, namespace and name. Status and age stay where its manifest does
    not give them, as with `kubectl apply`. A new job without a time of creation comes after all others.

    Raises:
        SettingError: a path leads nowhere, a value is not allowed, a field cannot change while a job has workers, or
            Nodes are added to hosts that are simulated.
    """
    before, given = _by_path(inputs), _by_path(others)
    after = dict(before)
    for path, it in given.items():
        after[path] = _as_applied(it, before[path]) if path in before else _young(it, inputs.moment)
    touched = dict.fromkeys(given)
    for path, changes in _by_object(settings, after).items():
        after[path] = applied(after[path], changes)
        touched[path] = None
    for path in touched:
        after[path] = _as_operated(after[path], before.get(path))
    stopped = tuple(it for path, it in before.items() if isinstance(it, TrainingJob) and _stops(it, after[path]))
    return Change(
        _without_pods_of(stopped, _joined(inputs, others, after)),
        (*touched, *(f"nodes.{node.name}" for node in others.nodes), *(f"pods.{pod.key}" for pod in others.pods)),
        stopped,
    )


def _by_path(inputs: Inputs) -> dict[str, Resource]:
    resources: tuple[Resource, ...] = (*inputs.pools, *inputs.tenants, *inputs.jobs)
    return {path_of(it): it for it in resources}


def _by_object(settings: Iterable[Setting], estate: Mapping[str, Resource]) -> dict[str, dict[str, object]]:
    """The changes of each object: those of one are checked together, since one may be allowed by another alone."""
    changes: dict[str, dict[str, object]] = {}
    for setting in settings:
        known = [path.removeprefix(f"{setting.head}.") for path in estate if path.startswith(f"{setting.head}.")]
        key, rest = found(setting, known)
        changes.setdefault(f"{setting.head}.{key}", {})[rest] = setting.value
    return changes


def _as_applied(given: Resource, old: Resource) -> Resource:
    """A manifest in the place of an object: what it leaves out of status and metadata stays."""
    told = given.metadata.model_fields_set
    kept = {name: getattr(old.metadata, name) for name in _OF_CLUSTER if name not in told}
    update: dict[str, object] = {"metadata": given.metadata.model_copy(update=kept)}
    if "status" not in given.model_fields_set:
        update["status"] = old.status
    return given.model_copy(update=update)


def _young(given: Resource, now: datetime) -> Resource:
    if given.metadata.creation_timestamp is not None:
        return given
    return given.model_copy(update={"metadata": given.metadata.model_copy(update={"creation_timestamp": now + _LATER})})


def _as_operated(it: Resource, old: Resource | None) -> Resource:
    """An object once the operator has done what its new spec asks of it alone."""
    if isinstance(it, Tenant) and isinstance(old, Tenant) and it.spec.namespaces != old.spec.namespaces:
        return it.model_copy(update={"status": it.status.model_copy(update={"namespaces": None})})
    if not isinstance(it, TrainingJob):
        return it
    phase = it.status.phase
    if phase is Phase.SUSPENDED and not it.spec.suspend:
        return it.model_copy(update={"status": it.status.model_copy(update={"phase": Phase.PENDING, "queue": Queue()})})
    if phase not in HOLDING_PHASES or not isinstance(old, TrainingJob):
        return it
    if it.spec.suspend:
        gone = {"phase": Phase.SUSPENDED, "allocation": None, "hold": None, "stopping": None, "queue": Queue()}
        return it.model_copy(update={"status": it.status.model_copy(update=gone)})
    _refuse_locked(it, old)
    return it


def _refuse_locked(it: TrainingJob, old: TrainingJob) -> None:
    path, phase = path_of(it), it.status.phase
    for name in _LOCKED:
        if getattr(it.spec, name) != getattr(old.spec, name):
            field = TrainingJobSpec.model_fields[name].alias
            message = (
                f"{path}.{field}: cannot change while the job is {phase}, in a cluster neither; "
                f"{path}.suspend=true shows what it leaves behind"
            )
            raise SettingError(message)
    elastic, has = it.spec.elastic, it.status.allocation
    if elastic and has and not elastic.min_workers <= has.workers <= elastic.max_workers:
        message = f"{path}.elastic: must allow {count(has.workers, 'worker')}, with which the job runs"
        raise SettingError(message)


def _stops(old: TrainingJob, new: Resource) -> bool:
    return isinstance(new, TrainingJob) and old.status.phase in HOLDING_PHASES and new.status.phase is Phase.SUSPENDED


def _joined(inputs: Inputs, others: Inputs, resources: Mapping[str, Resource]) -> Inputs:
    if others.nodes and not inputs.nodes and any(pool.spec.simulated for pool in inputs.pools):
        message = (
            f"Node {others.nodes[0].name}: the estate has simulated hosts only, and a Node takes the place of all of "
            "them; change their number, such as pools.NAME.simulated.nodes=33"
        )
        raise SettingError(message)
    kept = resources.values()
    return replace(
        inputs,
        pools=tuple(it for it in kept if isinstance(it, GPUPool)),
        tenants=tuple(it for it in kept if isinstance(it, Tenant)),
        jobs=tuple(it for it in kept if isinstance(it, TrainingJob)),
        nodes=tuple({node.name: node for node in (*inputs.nodes, *others.nodes)}.values()),
        pods=tuple({pod.key: pod for pod in (*inputs.pods, *others.pods)}.values()),
    )


def _without_pods_of(jobs: Iterable[TrainingJob], inputs: Inputs) -> Inputs:
    gone = {job.key for job in jobs}
    return replace(inputs, pods=tuple(pod for pod in inputs.pods if f"{pod.namespace}/{pod.job}" not in gone))
