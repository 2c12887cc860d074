"""The part of a PodTemplateSpec that Entente checks; the rest is for the API server to judge, when pods are made."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_snake

from entente.api.base import Model
from entente.api.names import GROUP
from entente.api.rules import ListOf, Rule, Value

SET_BY_ENTENTE = (
    "MASTER_ADDR",
    "WORLD_SIZE",
    "RANK",
    "LOCAL_WORLD_SIZE",
    "NODE_RANK",
    "ENTENTE_JOB",
    "ENTENTE_RESTART",
    "ENTENTE_GPUS_PER_WORKER",
)
"""Environment variables by which a worker finds its gang; each start of it decides them anew."""

# Bounds keep the rules below within the cost that the API server allows.
MAX_CONTAINERS = 16
MAX_ENV = 256
MAX_RESOURCES = 12
MAX_LABELS = 64

Quantity = int | str
Text = Annotated[str, Field(max_length=1024)]


class Open(Model):
    """A part of the template: fields that are not checked are kept."""

    model_config = ConfigDict(extra="allow")


class EnvVar(Open):
    """An environment variable of a container."""

    name: Annotated[str, Field(min_length=1, max_length=256)]


class Resources(Open):
    """Resources that a container asks for."""

    limits: Annotated[dict[str, Quantity], Field(max_length=MAX_RESOURCES)] | None = None
    requests: Annotated[dict[str, Quantity], Field(max_length=MAX_RESOURCES)] | None = None


class Container(Open):
    """A container of a worker."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    image: Annotated[str, Field(min_length=1, max_length=1024)]
    env: Annotated[tuple[EnvVar, ...], Field(max_length=MAX_ENV)] = ()
    resources: Resources | None = None


def _not_set(field: str, why: str) -> Rule:
    name = to_snake(field)
    return Rule(
        cel=f"!has(self.{field})",
        holds=lambda it: getattr(it, name) is None,
        message=f"{field}: must not be set; {why}",
        at=field,
    )


_NODES_ARE_CHOSEN = "Entente chooses the nodes: say what you need with pools and topology of the job"


class PodSpec(Open):
    """What a worker runs."""

    RULES: ClassVar = (
        _not_set("nodeName", _NODES_ARE_CHOSEN),
        _not_set("nodeSelector", _NODES_ARE_CHOSEN),
        _not_set("affinity", _NODES_ARE_CHOSEN),
        _not_set("topologySpreadConstraints", _NODES_ARE_CHOSEN),
        _not_set("schedulerName", "pods of a job are bound by the cluster's own scheduler"),
        _not_set("schedulingGates", "a gang starts as a whole: use suspend of the job"),
        _not_set("priorityClassName", "use priority of the job"),
        _not_set("priority", "use priority of the job"),
        _not_set("preemptionPolicy", "use priority of the job"),
        _not_set("activeDeadlineSeconds", "use maxSeconds of the job"),
        _not_set("terminationGracePeriodSeconds", "use checkpoint.graceSeconds of the job"),
        _not_set("hostname", "workers are named by their rank"),
        _not_set("subdomain", "workers find each other by the Service of the job"),
        Rule(
            cel="!has(self.restartPolicy) || self.restartPolicy == 'Never'",
            holds=lambda it: it.restart_policy in (None, "Never"),
            message="restartPolicy: {restartPolicy} must be Never or not set; "
            "when a worker fails, its gang is started again as a whole (see retry of the job)",
            at="restartPolicy",
        ),
        Rule(
            cel="self.containers.size() == 0 || !has(self.containers[0].env) || "
            f"self.containers[0].env.all(e, !(e.name in {list(SET_BY_ENTENTE)}))",
            holds=lambda it: not any(e.name in SET_BY_ENTENTE for e in it.containers[0].env),
            message="containers[0].env: {names} must not be set; each start of the gang sets them",
            at="containers",
            values={
                "names": Value(
                    cel=f"self.containers[0].env.filter(e, e.name in {list(SET_BY_ENTENTE)}).map(e, e.name)",
                    of=lambda it: (e.name for e in it.containers[0].env if e.name in SET_BY_ENTENTE),
                ),
            },
        ),
    )

    containers: Annotated[tuple[Container, ...], Field(min_length=1, max_length=MAX_CONTAINERS), ListOf(("name",))]
    """The first one gets the GPUs and the rendezvous environment."""
    init_containers: Annotated[tuple[Container, ...], Field(max_length=MAX_CONTAINERS), ListOf(("name",))] = ()
    restart_policy: Text | None = None
    node_name: Text | None = None
    node_selector: dict[str, Any] | None = None
    affinity: dict[str, Any] | None = None
    topology_spread_constraints: tuple[dict[str, Any], ...] | None = None
    scheduler_name: Text | None = None
    scheduling_gates: tuple[dict[str, Any], ...] | None = None
    priority_class_name: Text | None = None
    priority: int | None = None
    preemption_policy: Text | None = None
    active_deadline_seconds: int | None = None
    termination_grace_period_seconds: int | None = None
    hostname: Text | None = None
    subdomain: Text | None = None


class PodMeta(Open):
    """Labels and annotations of the workers."""

    RULES: ClassVar = (
        Rule(
            cel=f"!has(self.labels) || self.labels.all(k, !k.startsWith('{GROUP}/'))",
            holds=lambda it: not any(k.startswith(f"{GROUP}/") for k in it.labels or ()),
            message=f"labels: those that begin with {GROUP}/ must not be set; Entente tells its workers by them",
            at="labels",
        ),
    )

    labels: Annotated[dict[str, Text], Field(max_length=MAX_LABELS)] | None = None
    annotations: Annotated[dict[str, str], Field(max_length=MAX_LABELS)] | None = None


class PodTemplate(Open):
    """A PodTemplateSpec; its first container gets the GPUs and the rendezvous environment."""

    metadata: PodMeta | None = None
    spec: PodSpec


def _claims(container: Mapping[str, Any]) -> list[tuple[str, Quantity]]:
    """What a container asks for that looks like GPUs, whatever the pool's are called."""
    resources = container.get("resources") or {}
    asked = [*(resources.get("limits") or {}).items(), *(resources.get("requests") or {}).items()]
    return [(name, amount) for name, amount in asked if name.startswith("nvidia.com/") or name.endswith("/gpu")]


def _others(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    spec = template["spec"]
    return [*spec["containers"][1:], *(spec.get("initContainers") or ())]


def _claims_cel(container: str, allowed: str) -> str:
    """That each amount of GPUs which a container asks for is allowed; `{amount}` stands for it."""
    looks_like_gpus = "(k.startsWith('nvidia.com/') || k.endsWith('/gpu'))"
    each = (
        f"(!has({container}.resources.{kind}) || {container}.resources.{kind}.all(k, !{looks_like_gpus} || "
        f"{allowed.format(amount=f'{container}.resources.{kind}[k]')}))"
        for kind in ("limits", "requests")
    )
    return f"(!has({container}.resources) || {' && '.join(each)})"


_FIRST = "self.template.spec.containers[0]"

GPU_RULES = (
    Rule(
        cel="self.template.spec.containers.size() == 0 || "
        + _claims_cel(
            _FIRST, "(type({amount}) == int ? {amount} == self.gpusPerWorker : {amount} == string(self.gpusPerWorker))"
        ),
        holds=lambda it: all(
            amount in (it.gpus_per_worker, str(it.gpus_per_worker))
            for _, amount in _claims(it.template["spec"]["containers"][0])
        ),
        message="template.spec.containers[0].resources: asks for another number of GPUs than gpusPerWorker, "
        "{gpusPerWorker}; leave them out, they are added",
        at="template.spec.containers",
    ),
    Rule(
        cel="self.template.spec.containers.all(c, "
        f"c.name == {_FIRST}.name || {_claims_cel('c', 'false')}) && "
        "(!has(self.template.spec.initContainers) || "
        f"self.template.spec.initContainers.all(c, {_claims_cel('c', 'false')}))",
        holds=lambda it: not any(map(_claims, _others(it.template))),
        message="template.spec.containers: only the first container has GPUs; another one asks for some",
        at="template.spec.containers",
    ),
)
"""Rules of a job's spec, since they compare its template with `gpusPerWorker`."""
