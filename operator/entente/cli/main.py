"""The commands `entente` and `kubectl entente`. Each sub-command is imported when it is called."""

import importlib
import os

import click
from typing_extensions import override

# Looking for plug-ins of pydantic, which would look at our models, takes a tenth of the time of a start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

_COMMANDS = {
    "plan": "entente.cli.plan:plan",
    "simulate": "entente.cli.simulate:simulate",
    "snapshot": "entente.cli.snapshot:snapshot",
    "operator": "entente.cli.operator:operator",
    "queue": "entente.cli.queue:queue",
    "status": "entente.cli.status:status",
    "trace": "entente.cli.trace:trace",
    "why": "entente.cli.why:why",
}


class _LazyGroup(click.Group):
    """Imports a sub-command's module only when it is asked for: `entente plan` starts without kopf."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = _COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, name = target.split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above names commands only
        return command


@click.group(cls=_LazyGroup)
@click.version_option(package_name="entente")
def main() -> None:
    """Share one GPU estate among organisations that do not trust each other."""


def kubectl_plugin() -> None:
    """Run as `kubectl entente`."""
    main(prog_name="kubectl entente")


if __name__ == "__main__":
    main()
