"""YAML as quickly as libyaml can be followed: documents are built from its events, without nodes in between."""

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML without libyaml: slower, otherwise the same
    from yaml import SafeLoader  # type: ignore[assignment]


class Loader(SafeLoader):
    """Leaves times as text, as JSON does: the models read them, and refuse those that cannot be with their field."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
}

_OTHER_KEYS = ("<<", "=")
"""Keys that YAML gives a meaning of their own."""

_NO_KEY = object()


class _UnusualError(Exception):
    """A tag, a merged or compound key, or a mistake: for PyYAML's own constructor."""


def load_all(text: str) -> list[Any]:
    """All documents of a text; the same as `yaml.load_all` with `Loader`, in about half the time.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError, TypeError, RecursionError: it holds a value that cannot be.
    """
    try:
        return list(_documents(text))
    except (_UnusualError, yaml.YAMLError, ValueError, TypeError):
        return list(yaml.load_all(text, Loader=Loader))


def _documents(text: str) -> Iterator[Any]:
    plain = _Plain()
    events = yaml.parse(text, Loader=Loader)
    for event in events:
        if type(event) is DocumentStartEvent:
            yield _Document(events, plain).value(next(events))


class _Document:
    """Builds one document, beginning with the event of its root."""

    def __init__(self, events: Iterator[Any], plain: "_Plain") -> None:
        self._events = events
        self._plain = plain
        self._anchored: dict[str, Any] = {}

    def value(self, event: Any) -> Any:  # noqa: ANN401 - PyYAML's events are untyped
        """What begins with this event."""
        kind = type(event)
        if kind is ScalarEvent:
            if event.tag:
                raise _UnusualError
            found = self._plain[event.value] if event.implicit[0] else event.value
            return self._named(event, found) if event.anchor else found
        if kind is AliasEvent:
            if event.anchor not in self._anchored:
                raise _UnusualError
            return self._anchored[event.anchor]
        if event.tag:
            raise _UnusualError
        return self._mapping(event) if kind is MappingStartEvent else self._sequence(event)

    def _named(self, event: Any, found: Any) -> Any:  # noqa: ANN401 - as above
        if event.anchor in self._anchored:
            raise _UnusualError
        self._anchored[event.anchor] = found
        return found

    def _mapping(self, start: Any) -> dict[Any, Any]:  # noqa: ANN401 - as above
        found: dict[Any, Any] = {}
        if start.anchor:
            self._named(start, found)
        key: Any = _NO_KEY
        for event in self._events:
            if key is not _NO_KEY:
                found[key] = self.value(event)
                key = _NO_KEY
            elif type(event) is MappingEndEvent:
                break
            elif type(event) is ScalarEvent and event.value not in _OTHER_KEYS:
                key = self.value(event)
            else:
                raise _UnusualError
        return found

    def _sequence(self, start: Any) -> list[Any]:  # noqa: ANN401 - as above
        found: list[Any] = []
        if start.anchor:
            self._named(start, found)
        for event in self._events:
            if type(event) is SequenceEndEvent:
                break
            found.append(self.value(event))
        return found


class _Plain(dict[str, Any]):
    """What a scalar without quotes stands for: each is resolved once, by the loader's own rules."""

    def __init__(self) -> None:
        super().__init__()
        self._loader: Any = Loader("")

    def __missing__(self, text: str) -> Any:  # noqa: ANN401 - text, number, flag or nothing
        tag = self._loader.resolve(yaml.ScalarNode, text, (True, False))
        found = self._loader.construct_object(yaml.ScalarNode(tag, text), deep=True)
        self[text] = found
        return found
