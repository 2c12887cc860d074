"""Writes the reference pages that repeat what the code says: resources and reasons. With `--check` it only compares."""

import argparse
import builtins
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from entente.api.described import descriptions
from entente.api.job import TrainingJob
from entente.api.pool import GPUPool
from entente.api.reasons import Reason
from entente.api.tenant import Tenant

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Generated from operator/entente/api by `make generate`. -->\n\n"


def pages() -> dict[str, str]:
    return {"resources.md": NOTE + _resources(), "reasons.md": NOTE + _reasons()}


def _resources() -> str:
    parts = ["# Resources\n\nGroup `entente.dev`, version `v1alpha1`; `kubectl explain tenants.spec` tells the same.\n"]
    for kind in (GPUPool, Tenant, TrainingJob):
        parts.append(f"\n## {kind.__name__}\n\n{_summary(kind)}\n")
        for part in ("spec", "status"):
            model = kind.model_fields[part].annotation
            assert isinstance(model, type) and issubclass(model, BaseModel)  # noqa: S101, PT018 - both are models
            parts.append(
                f"\n### {kind.__name__}.{part}\n\n| field | type | default | what it is |\n|---|---|---|---|\n"
            )
            parts.extend(_rows(model, ""))
    return "".join(parts)


def _summary(kind: type[BaseModel]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0]


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    told = descriptions(model)
    for name, info in model.model_fields.items():
        path = prefix + (info.alias or name)
        inner, many = _inner(info.annotation)
        text = " ".join(told.get(name, "").split()).replace("|", "\\|")
        if inner is not None and not text:
            text = _summary(inner)
        yield f"| `{path}` | {_type(info.annotation)} | {_default(info)} | {text} |\n"
        if inner is not None and inner.__name__ != "Condition":
            yield from _rows(inner, path + ("[]." if many else "."))


def _inner(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    """The model inside an annotation, and whether there is a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    origin, found = typing.get_origin(annotation), (None, False)
    if origin is typing.Annotated:
        return _inner(typing.get_args(annotation)[0])
    if origin in {tuple, types.UnionType, typing.Union}:
        for argument in typing.get_args(annotation):
            model, _ = _inner(argument)
            if model is not None:
                return model, origin is tuple
    return found


_PLAIN = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "datetime": "time"}


def _type(annotation: object) -> str:
    arguments = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case typing.Annotated:
            name = _type(arguments[0])
        case types.UnionType | typing.Union:
            name = " or ".join(_type(a) for a in arguments if a is not type(None))
        case builtins.tuple:
            name = f"list of {_type(arguments[0])}"
        case builtins.dict:
            name = "map"
        case typing.Literal:
            name = ", ".join(f"`{a}`" for a in arguments)
        case _:
            name = _plain_type(annotation)
    return name


def _plain_type(annotation: object) -> str:
    if not isinstance(annotation, type):
        return str(annotation)
    if issubclass(annotation, BaseModel):
        return "object"
    if issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    return _PLAIN.get(annotation.__name__, annotation.__name__)


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.default
    if value is None or value is PydanticUndefined or value in {(), ""} or isinstance(value, BaseModel | dict):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _reasons() -> str:
    head = """# Why a job waits

`status.queue.reason` of a pending job is one of these words. Where several are true, it is the first of them in this
order. The message beside it has the numbers: what was asked, what is free, which limit binds, what is missing and what
would change it. It tells nothing of other tenants.

A job with a reason before `Held` cannot start now, whatever is free. It does not count as demand: it takes no part of
its tenant's guarantee.

`kubectl entente why JOB` says it in sentences. [Why is my job waiting?](../how-to/why-is-my-job-waiting.md) has an
example of each reason, and what to do.

| reason | meaning | what ends the wait |
|---|---|---|
"""
    return head + "".join(f"| `{reason}` | {reason.meaning} | {reason.remedy} |\n" for reason in Reason)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a page is stale")
    check = parser.parse_args().check
    stale = [n for n, text in pages().items() if not (p := FOLDER / n).exists() or p.read_text() != text]
    if check:
        for name in stale:
            print(f"docs/reference/{name}: stale; run `make generate`")
        return 1 if stale else 0
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
