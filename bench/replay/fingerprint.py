"""Hashes of code: what a result rests on, so that it is made again when, and only when, that has changed."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import entente

_ROOT = Path(entente.__file__).parent


def fingerprint(modules: Iterable[str]) -> str:
    """A hash of modules of Entente and of all others of Entente that they import, wherever in their text."""
    digest = hashlib.sha256()
    for name in sorted(_reached(modules)):
        digest.update(name.encode() + b"\0" + _file(name).read_bytes() + b"\0")
    return digest.hexdigest()


def _reached(modules: Iterable[str]) -> set[str]:
    found, ahead = set[str](), [*modules]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += _imports(name)
    return found


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Modules of Entente that a module names in its imports."""
    return tuple(sorted(set(_named(ast.parse(_file(name).read_bytes())))))


def _named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _known(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
            yield from (name for name in names if _known(name))


def _known(name: str) -> bool:
    return name.partition(".")[0] == "entente" and _file(name).is_file()


def _file(name: str) -> Path:
    base = _ROOT.joinpath(*name.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
