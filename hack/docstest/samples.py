"""Checks blocks that are no commands: YAML, JSON and Python must be what they say, and manifests what Entente reads."""

from __future__ import annotations

import ast
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from docstest.page import Block
from entente.api.names import GROUP
from entente.cli import documents


def complaint(block: Block) -> str:
    """Return what is wrong with a block; empty when nothing is, or when its language is not checked."""
    try:
        match block.language:
            case "json":
                json.loads(block.text)
            case "python":
                ast.parse(block.text)
            case "yaml":
                _check_manifests(block.text)
            case _:
                pass
    except (ValueError, SyntaxError, yaml.YAMLError) as error:
        return str(error)
    return ""


def manifests(block: Block) -> list[dict[str, Any]]:
    """Return the whole manifests of a YAML block: objects with an apiVersion and a kind."""
    if block.language != "yaml":
        return []
    return _whole(yaml.safe_load_all(block.text))


def of_entente(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those manifests that the API server knows from Entente."""
    return [each for each in found if each["apiVersion"].startswith(f"{GROUP}/") and each["kind"] != "Scenario"]


def _check_manifests(text: str) -> None:
    if not any(each["apiVersion"].startswith(f"{GROUP}/") for each in _whole(yaml.safe_load_all(text))):
        return
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "block.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            documents.read([str(file)])
        except documents.InputError as error:  # it names a place that nobody can look at
            raise ValueError(str(error).removeprefix(f"{directory}/")) from error


def _whole(bodies: Iterable[Any]) -> list[dict[str, Any]]:
    return [body for body in bodies if isinstance(body, dict) and {"apiVersion", "kind"} <= body.keys()]
