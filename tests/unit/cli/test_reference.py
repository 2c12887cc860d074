"""The reference page names every command and every option."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from entente.cli.main import main

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
COMMANDS = main.list_commands(click.Context(main))
ELSEWHERE = {"simulate"}
"""Commands whose options have a page of their own."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_in_the_reference_with_all_its_options(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help, "its --help says what it does"
    assert f"| `{name}` |" in PAGE
    verbs = command.commands.values() if isinstance(command, click.Group) else ()
    assert not [verb.name for verb in verbs if f"`{verb.name} " not in PAGE]
    options = [option for one in (command, *verbs) for option in one.params if isinstance(option, click.Option)]
    missing = [option.opts[-1] for option in options if f"`{option.opts[-1]}" not in PAGE]
    assert name in ELSEWHERE or not missing
    assert name in ELSEWHERE or all(option.help for option in options if option.name not in _PLAIN), "each is explained"


_PLAIN = {"output", "lease_name", "log_level", "log_format"}
"""Options whose name and choices say all."""
