"""Kubernetes objects from files, folders and standard input, with the place of whatever cannot be read."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from entente.api.core import NodeRecord, PodRecord
from entente.api.inputs import Inputs
from entente.api.job import TrainingJob
from entente.api.names import ANNOTATION_DECIDED_AT, GROUP
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.cli.core_shapes import NodeShape, PodShape
from entente.cli.yaml_reading import Loader, load_all
from entente.simulator.scenario import Scenario

_SUFFIXES = (".yaml", ".yml", ".json")


class InputError(Exception):
    """Input that cannot be read: says file, line and field."""

    def __init__(self, source: str, line: int | None, message: str) -> None:
        place = source if line is None else f"{source}:{line}"
        super().__init__(f"{place}: {message}")


@dataclass(slots=True)
class Objects:
    pools: list[GPUPool] = field(default_factory=list)
    tenants: list[Tenant] = field(default_factory=list)
    jobs: list[TrainingJob] = field(default_factory=list)
    nodes: list[NodeRecord] = field(default_factory=list)
    pods: list[PodRecord] = field(default_factory=list)
    scenarios: list[Scenario] = field(default_factory=list)
    moments: dict[str, datetime] = field(default_factory=dict)
    """The moments that snapshots are for, by their source."""

    @property
    def moment(self) -> datetime | None:
        """The moment that the objects are for, where one of the Lists says so.

        Raises:
            InputError: they say different ones.
        """
        found = {moment: source for source, moment in self.moments.items()}
        if len(found) > 1:
            (one, source), (other, another) = list(found.items())[:2]
            message = f"a snapshot of {other.isoformat()}, but {source} is one of {one.isoformat()}: say which by --now"
            raise InputError(another, None, message)
        return next(iter(found), None)

    def inputs(self, moment: datetime) -> Inputs:
        """What a decision at that moment rests on."""
        return Inputs(
            moment,
            tuple(self.pools),
            tuple(self.tenants),
            tuple(self.jobs),
            tuple(self.nodes),
            tuple(self.pods),
        )


@dataclass(frozen=True, slots=True)
class _Document:
    """One YAML document of a source, and the way to one object in it."""

    source: str
    text: str
    index: int
    path: tuple[str | int, ...] = ()

    def line_of(self, path: Sequence[str | int]) -> int | None:
        """The line on which a field (or the nearest thing around it) stands."""
        try:
            roots = list(yaml.compose_all(self.text.replace("\t", " "), Loader=Loader))  # JSON may have tabs
        except yaml.YAMLError:
            return None
        node = roots[self.index] if self.index < len(roots) else None
        line = node.start_mark.line + 1 if node is not None else None
        for step in (*self.path, *path):
            node = _child(node, step)
            if node is None:
                break
            line = node.start_mark.line + 1
        return line


def _child(node: Any, step: str | int) -> Any:  # noqa: ANN401 - PyYAML's nodes are untyped
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def read(names: Sequence[str]) -> Objects:
    """Read all objects of these files, folders (not below them) or `-`.

    Raises:
        InputError: a file that cannot be read, text that is no YAML or JSON, an object that is not what it says.
    """
    objects = Objects()
    seen: dict[tuple[str, str, str], str] = {}
    for source, text in _texts(names):
        for document, body in _bodies(source, text, objects.moments):
            _take(objects, document, body, seen)
    return objects


def _texts(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name == "-":
            yield "<stdin>", _text("<stdin>", sys.stdin.buffer.read)
            continue
        path = Path(name)
        folder = path.is_dir()
        files = sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES and p.is_file()) if folder else [path]
        if not files:
            raise InputError(name, None, f"the folder holds no file that ends in {', '.join(_SUFFIXES)}")
        for file in files:
            yield str(file), _text(str(file), file.read_bytes)


def _text(source: str, read_bytes: Callable[[], bytes]) -> str:
    try:
        return read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(source, None, f"cannot be read: {reason}") from error


def _parsed(source: str, text: str) -> list[Any]:
    if text.lstrip().startswith(("{", "[")):
        try:
            return [json.loads(text)]
        except (ValueError, RecursionError):
            pass  # several documents, or YAML in flow style
    try:
        return load_all(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(source, mark.line + 1 if mark else None, f"not YAML or JSON: {problem}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(source, None, f"not YAML or JSON: {error}") from error


def _bodies(source: str, text: str, moments: dict[str, datetime]) -> Iterator[tuple[_Document, dict[str, Any]]]:
    for index, body in enumerate(_parsed(source, text)):
        if body is None:
            continue
        document = _Document(source, text, index)
        if (
            isinstance(body, dict)
            and str(body.get("kind", "")).endswith("List")
            and isinstance(body.get("items"), list)
        ):
            kind = str(body["kind"]).removesuffix("List")
            if (moment := _moment(document, body)) is not None:
                moments[source] = moment
            for place, item in enumerate(body["items"]):
                if isinstance(item, dict) and kind:  # items of a typed list need not say what they are
                    item = {"kind": kind, "apiVersion": body.get("apiVersion"), **item}  # noqa: PLW2901
                entry = _Document(source, text, index, ("items", place))
                yield entry, _mapping(entry, item)
        else:
            yield document, _mapping(document, body)


def _moment(document: _Document, body: Mapping[str, Any]) -> datetime | None:
    """The moment that a List is for, if it says so."""
    try:
        text = body["metadata"]["annotations"][ANNOTATION_DECIDED_AT]
    except (KeyError, TypeError):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        path = ("metadata", "annotations", ANNOTATION_DECIDED_AT)
        message = f"{'.'.join(path)}: {text!r} is not an RFC 3339 time such as 2026-11-23T12:00:00Z"
        raise InputError(document.source, document.line_of(path), message) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _mapping(document: _Document, body: object) -> dict[str, Any]:
    if not isinstance(body, dict) or not isinstance(body.get("kind"), str):
        raise InputError(document.source, document.line_of(()), "not a Kubernetes object: it has no field `kind`")
    return _without_nulls(body)


def _without_nulls(body: Mapping[str, Any]) -> dict[str, Any]:
    """A field that is null is one that is not given, as for the API server."""
    return {k: _without_nulls(v) if isinstance(v, dict) else v for k, v in body.items() if v is not None}


def _take(objects: Objects, document: _Document, body: dict[str, Any], seen: dict[tuple[str, str, str], str]) -> None:
    kind = body["kind"]
    readers: dict[str, tuple[type[BaseModel], list[Any]]] = {
        "GPUPool": (GPUPool, objects.pools),
        "Tenant": (Tenant, objects.tenants),
        "TrainingJob": (TrainingJob, objects.jobs),
        "Scenario": (Scenario, objects.scenarios),
    }
    try:
        if kind in readers and str(body.get("apiVersion", "")).startswith(f"{GROUP}/"):
            model, found = readers[kind]
            if kind == "TrainingJob" and isinstance(body.get("metadata"), dict):
                body["metadata"].setdefault("namespace", "default")
            if kind == "Scenario":  # it needs no name
                body["metadata"] = {"name": "scenario", **(body.get("metadata") or {})}
            found.append(model.model_validate(body))
        elif kind == "Node":
            NodeShape.model_validate(body)
            objects.nodes.append(NodeRecord.from_object(body))
        elif kind == "Pod":
            PodShape.model_validate(body)
            objects.pods.append(PodRecord.from_object(body))
        else:
            return
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        plain = isinstance(first["input"], str | int | float)
        given = f" (given: {first['input']!r})" if plain and first["type"] != "missing" else ""
        raise InputError(
            document.source, document.line_of(first["loc"]), f"{kind} {_name(body)}: {where}: {first['msg']}{given}"
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            document.source, document.line_of(()), f"{kind} {_name(body)} cannot be read: {error!r}"
        ) from error
    _once(document, body, seen)


def _once(document: _Document, body: dict[str, Any], seen: dict[tuple[str, str, str], str]) -> None:
    meta = body["metadata"]
    key = (body["kind"], str(meta.get("namespace", "")), meta["name"])
    line = document.line_of(("metadata", "name")) if key in seen else None
    if key in seen:
        raise InputError(document.source, line, f"{body['kind']} {_name(body)} is given twice (first in {seen[key]})")
    seen[key] = document.source


def _name(body: dict[str, Any]) -> str:
    meta = body.get("metadata")
    if not isinstance(meta, dict):
        return "without metadata"
    return f"{meta['namespace']}/{meta.get('name')}" if meta.get("namespace") else str(meta.get("name"))
