"""The CustomResourceDefinitions, made from the models: structural schemas, rules, printer columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import override

from entente.api.base import Model
from entente.api.job import TrainingJob
from entente.api.locks import JOB_LOCKS, POOL_LOCKS
from entente.api.names import GROUP, VERSION
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant

JsonObject = dict[str, Any]

CATEGORY = "entente"

_KEPT = (
    "type",
    "description",
    "enum",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "x-kubernetes-validations",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)
"""What goes into a structural schema as it is; titles and the like do not."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False
    """Only with `-o wide`."""
    description: str = ""

    def to_schema(self) -> JsonObject:
        """As an entry of `additionalPrinterColumns`."""
        made: JsonObject = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.description:
            made["description"] = self.description
        if self.wide:
            made["priority"] = 1
        return made


@dataclass(frozen=True, slots=True)
class Resource:
    """How a model becomes a CustomResourceDefinition."""

    model: type[Model]
    plural: str
    namespaced: bool
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]
    locks: tuple[JsonObject, ...] = ()
    """Rules on what may change."""


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_READY = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')

RESOURCES = (
    Resource(
        GPUPool,
        "gpupools",
        namespaced=False,
        short_names=("gpool", "gpools"),
        columns=(
            Column("Nodes", ".status.nodes", "integer"),
            Column("Capacity", ".status.capacity", "integer", description="GPUs on ready, schedulable nodes"),
            Column("Free", ".status.free", "integer"),
            Column("Guaranteed", ".status.guaranteed", "integer", description="Sum of all guarantees"),
            Column(
                "Notice", ".spec.noticeSeconds", "integer", description="Seconds that an entitled job waits at most"
            ),
            Column("Sharing", ".spec.nodeSharing", wide=True),
            Column("Resource", ".spec.resource", wide=True),
            Column("Owner", ".spec.owner", wide=True),
            _AGE,
        ),
        locks=POOL_LOCKS,
    ),
    Resource(
        Tenant,
        "tenants",
        namespaced=False,
        short_names=("ten",),
        columns=(
            Column("Guaranteed", ".status.total.guaranteed", "integer", description="GPUs, over all its pools"),
            Column("Entitled", ".status.total.entitled", "integer"),
            Column("Borrowed", ".status.total.borrowed", "integer"),
            Column("Lent", ".status.total.lent", "integer"),
            _READY,
            Column("Namespaces", ".status.namespaces", wide=True),
            Column("Message", '.status.conditions[?(@.type=="Ready")].message', wide=True),
            _AGE,
        ),
    ),
    Resource(
        TrainingJob,
        "trainingjobs",
        namespaced=True,
        short_names=("tj",),
        columns=(
            Column("Phase", ".status.phase"),
            Column("Asked", ".spec.workers", "integer", description="Workers that it asks for"),
            Column("Workers", ".status.allocation.workers", "integer", description="Workers that have GPUs now"),
            Column("GPUs", ".status.allocation.gpus", "integer", description="That it holds now"),
            Column("Class", ".status.allocation.class"),
            Column("Pool", ".status.allocation.pool"),
            Column("Reason", ".status.queue.reason", description="Why it waits"),
            Column("Restarts", ".status.restarts", "integer"),
            Column("Priority", ".spec.priority", wide=True),
            Column("ETA", ".status.queue.eta", wide=True),
            Column("Nodes", ".status.allocation.nodes", wide=True),
            Column("Message", ".status.queue.message", wide=True),
            _AGE,
        ),
        locks=JOB_LOCKS,
    ),
)


def crds() -> Iterable[tuple[str, JsonObject]]:
    """Each CustomResourceDefinition with its plural name."""
    return ((resource.plural, _definition(resource)) for resource in RESOURCES)


def _definition(resource: Resource) -> JsonObject:
    kind = resource.model.__name__
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": resource.plural,
                "singular": kind.lower(),
                "shortNames": list(resource.short_names),
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column.to_schema() for column in resource.columns],
                    "schema": {"openAPIV3Schema": _root(resource)},
                }
            ],
        },
    }


def _root(resource: Resource) -> JsonObject:
    """The schema of a whole object; its metadata are the API server's own business."""
    made = schema_of(resource.model)
    properties = made["properties"]
    properties["apiVersion"] = {"type": "string"}
    properties["kind"] = {"type": "string"}
    # Its name is declared only so that a rule can blame it.
    properties["metadata"] = {"type": "object", "properties": {"name": {"type": "string"}}}
    _lenient(properties["status"])
    rules = [*made.get("x-kubernetes-validations", ()), *resource.locks]
    return {
        "type": "object",
        "description": made["description"],
        "required": ["spec"],
        "properties": properties,
        **({"x-kubernetes-validations": rules} if rules else {}),
    }


def _lenient(status: JsonObject) -> None:
    """Let a status hold the words of a newer operator and nulls: only the operator writes it."""
    words = status.pop("enum", None)
    if words:
        status["description"] = f"{status.get('description', '')} One of: {', '.join(words)}.".strip()
    status.pop("default", None)
    required = status.get("required", ())
    for name, child in status.get("properties", {}).items():
        _lenient(child)
        if name not in required:
            child["nullable"] = True
    for holder in ("items", "additionalProperties"):
        if isinstance(status.get(holder), dict):
            _lenient(status[holder])


class _Generator(GenerateJsonSchema):
    """Writes defaults as they are on the wire."""

    @override
    def encode_default(self, dft: Any) -> Any:
        """Models become objects in camelCase; empty collections are left to the reader."""
        return dft.to_wire() if isinstance(dft, Model) else super().encode_default(dft)


def schema_of(model: type[BaseModel]) -> JsonObject:
    """The structural schema of a model."""
    generated = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _structural(generated, generated.get("$defs", {}))


def _structural(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> JsonObject:
    """Inline references, take the other branch of what may be null, and drop what structural schemas must not have."""
    flat = _resolved(schema, definitions)
    made: JsonObject = {key: flat[key] for key in _KEPT if key in flat}
    if "const" in flat:
        made["enum"] = [flat["const"]]
    if flat.get("default") not in (None, [], {}):
        made["default"] = flat["default"]
    if "properties" in flat:
        made["properties"] = {name: _structural(child, definitions) for name, child in flat["properties"].items()}
    if "items" in flat:
        made["items"] = _structural(flat["items"], definitions)
    extra = flat.get("additionalProperties")
    if isinstance(extra, dict):
        made["additionalProperties"] = _structural(extra, definitions)
    elif extra is True:
        made["x-kubernetes-preserve-unknown-fields"] = True
    if {branch.get("type") for branch in flat.get("anyOf", ())} == {"integer", "string"}:
        made["x-kubernetes-int-or-string"] = True
    return made


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> JsonObject:
    flat = dict(schema)
    while True:
        branches = [branch for branch in flat.get("anyOf", ()) if branch.get("type") != "null"]
        if "$ref" in flat:
            target = definitions[flat.pop("$ref").rsplit("/", 1)[1]]
            flat = {**target, **flat}
        elif len(branches) == 1:
            flat = {**branches[0], **{key: value for key, value in flat.items() if key != "anyOf"}}
        else:
            return flat
