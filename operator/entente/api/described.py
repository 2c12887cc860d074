"""What the docstrings below a model's fields say, read when a schema or a page is written and not at each start."""

import ast
import inspect
from functools import cache
from textwrap import dedent

from pydantic import BaseModel


@cache
def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """The docstring of each field that has one, also of those that a model inherits."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel and inspect.get_annotations(base):
            found |= _of_class(base)
    return {name: found[name] for name in model.model_fields if name in found}


def _of_class(base: type) -> dict[str, str]:
    """The strings that stand right behind an annotated name in the body of a class."""
    (defined,) = ast.parse(dedent(inspect.getsource(base))).body
    assert isinstance(defined, ast.ClassDef)  # noqa: S101 - the source of a class is one
    found = {}
    for field, text in zip(defined.body, defined.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                found[name] = inspect.cleandoc(said)
            case _:
                pass
    return found
