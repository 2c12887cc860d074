"""Rules on a part of a resource, each said once for the API server (CEL) and for Python."""

import json
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_snake
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Value:
    """A list of strings in a rule's message."""

    cel: str
    of: Callable[[Any], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold of a value (`self`), with a message that says what was given and what is allowed.

    Both forms must say the same: tests run each on the same table of manifests.
    """

    cel: str
    holds: Callable[[Any], bool]
    message: str
    """`{lendLimit}`, `{elastic.minWorkers}` stand for fields by their names on the wire, `{x}` for `values[x]`."""
    at: str = ""
    """The field to blame, by its path on the wire; the value itself when empty."""
    values: Mapping[str, Value] = field(default_factory=dict)

    def text(self, value: Any) -> str:  # noqa: ANN401 - any model
        """The message for a value that breaks the rule."""
        return _PLACEHOLDER.sub(lambda match: self._part(value, match[1]), self.message)

    def _part(self, value: Any, name: str) -> str:  # noqa: ANN401 - any model
        if name in self.values:
            return json.dumps(list(self.values[name].of(value)))  # as CEL prints a list
        for step in name.split("."):
            value = getattr(value, to_snake(step))
        if isinstance(value, datetime):
            return value.isoformat().replace("+00:00", "Z")  # as CEL prints a timestamp
        return str(value)

    def to_schema(self) -> dict[str, Any]:
        """One entry of `x-kubernetes-validations`."""
        entry: dict[str, Any] = {"rule": self.cel}
        pieces = _PLACEHOLDER.split(self.message)
        if len(pieces) == 1:
            entry["message"] = self.message
        else:
            # Not `+`: the API server takes the length of each number as unbounded, and refuses the sum as too costly.
            text = _quoted("%s".join(piece.replace("%", "%%") for piece in pieces[::2]))
            entry["messageExpression"] = f"{text}.format([{', '.join(map(self._term, pieces[1::2]))}])"
        if self.at:
            entry["fieldPath"] = f".{self.at}"
        return entry

    def _term(self, name: str) -> str:
        return self.values[name].cel if name in self.values else f"self.{name}"


def check(value: Any, rules: Iterable[Rule]) -> None:  # noqa: ANN401 - any model
    """Refuse a value that breaks rules.

    Raises:
        ValidationError: one error for each broken rule, at its field.
    """
    broken = [rule for rule in rules if not rule.holds(value)]
    if not broken:
        return
    raise ValidationError.from_exception_data(
        type(value).__name__,
        [
            InitErrorDetails(
                # The message goes in as a value, since it may hold braces.
                type=PydanticCustomError("rule", "{message}", {"message": rule.text(value)}),
                loc=tuple(rule.at.split(".")) if rule.at else (),
                input=value,
            )
            for rule in broken
        ],
    )


@dataclass(frozen=True, slots=True)
class ListOf:
    """Marks a list whose entries differ: in these fields (a map), or as a whole (a set)."""

    keys: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Check it in Python."""
        return AfterValidator(self._distinct).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Let the API server check it; server-side apply merges such a list by entry."""
        made = handler(schema)
        made["x-kubernetes-list-type"] = "map" if self.keys else "set"
        if self.keys:
            made["x-kubernetes-list-map-keys"] = list(self.keys)
        return made

    def _distinct(self, entries: tuple[Any, ...]) -> tuple[Any, ...]:
        seen: set[Hashable] = set()
        for entry in entries:
            key = tuple(getattr(entry, to_snake(name)) for name in self.keys) if self.keys else entry
            if key in seen:
                shown = ", ".join(map(repr, key)) if isinstance(key, tuple) else repr(key)
                kind, text = "duplicate", "{shown} is given twice; each may be given once"
                raise PydanticCustomError(kind, text, {"shown": shown})
            seen.add(key)
        return entries


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
