"""Messages are made in one module, which knows nothing of others."""

import ast
from pathlib import Path

import entente.engine
from entente.engine import telling
from entente.engine.model import Snapshot

ENGINE = Path(entente.engine.__file__).parent


def test_messages_are_made_in_one_module_only() -> None:
    makers = set()
    for file in ENGINE.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        makers |= {file.name for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Message"}
    assert makers == {"telling.py"}


def test_that_module_does_not_know_the_estate() -> None:
    assert Snapshot not in vars(telling).values()
