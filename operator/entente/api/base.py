"""What all resource models have in common."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainSerializer,
    Strict,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from typing_extensions import override

from entente.api.described import descriptions
from entente.api.rules import Rule, check


class Model(BaseModel):
    """A part of a resource's spec: immutable, camelCase on the wire, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        allow_inf_nan=False,
        defer_build=True,  # few commands need all of them, and building takes time at each start
    )

    RULES: ClassVar[tuple[Rule, ...]] = ()
    """What must hold beyond the types of the fields."""

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        check(self, self.RULES)
        return self

    @classmethod
    @override
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Let the API server check the rules, too, and tell what each field is."""
        made = handler(schema)
        body = handler.resolve_ref_schema(made)
        if cls.RULES:
            body["x-kubernetes-validations"] = [rule.to_schema() for rule in cls.RULES]
        for name, text in descriptions(cls).items():
            body["properties"][cls.model_fields[name].alias or name]["description"] = text
        return made

    def to_wire(self) -> dict[str, Any]:
        """The JSON form: camelCase, without what was not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StatusModel(Model):
    """A part of a status: fields written by a newer version are kept out of the way, not refused."""

    model_config = ConfigDict(extra="ignore")


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def rfc3339(value: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, as Kubernetes prints `metav1.Time`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Timestamp = Annotated[
    datetime,
    AfterValidator(_in_utc),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
]
"""A moment on the wire: RFC 3339, whole seconds, UTC."""

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")


def _is_rfc3339(value: object) -> object:
    """As strict as the API server: a date alone, or a time without its zone, is refused."""
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    kind, text = "rfc3339", "{given} is not an RFC 3339 time, as 2026-12-01T09:00:00Z is one"
    raise PydanticCustomError(kind, text, {"given": repr(value)})


Moment = Annotated[Timestamp, BeforeValidator(_is_rfc3339)]
"""A moment that a user writes: RFC 3339, with its zone."""

DNSLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]
"""An RFC 1123 label: names of pools, tenants, namespaces and priorities."""

LABEL_KEY = "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"

QualifiedName = Annotated[str, StringConstraints(pattern=LABEL_KEY, min_length=1, max_length=317)]
"""The key of a label: `kubernetes.io/hostname`."""

LabelValue = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63)]
"""The value of a label."""

ExtendedResource = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        min_length=1,
        max_length=253,
    ),
]
"""A resource that a device plugin offers: `nvidia.com/gpu`."""

Whole = Annotated[int, Strict()]
"""A whole number; neither "8" nor true is one, as for the API server."""

Number = Annotated[float, Strict()]
"""A number, not one in quotes."""

Flag = Annotated[bool, Strict()]
"""True or false; neither "yes" nor 1."""

MAX_SECONDS = 315_360_000
"""Ten years: the longest time that a field may hold."""

MAX_GPUS = 10_000_000
"""More than any estate has."""

PLAIN_NAME = Rule(
    cel="!self.metadata.name.contains('.') && self.metadata.name.size() <= 63",
    holds=lambda it: "." not in it.metadata.name and len(it.metadata.name) <= 63,  # noqa: PLR2004 - as in the CEL
    message="metadata.name: {metadata.name} must have no dot and at most 63 characters, since labels hold it",
    at="metadata.name",
)
"""Names of pools and tenants are values of labels and parts of other names."""


class ObjectMeta(StatusModel):
    """The part of `metav1.ObjectMeta` that Entente reads."""

    name: str
    namespace: str | None = None
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()


class Condition(StatusModel):
    """One entry of `status.conditions`, as `metav1.Condition`."""

    type: str
    status: str
    """`True`, `False` or `Unknown`."""
    reason: str
    message: str = ""
    observed_generation: int | None = None
    last_transition_time: Timestamp
