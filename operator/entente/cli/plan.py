"""`entente plan`: one decision about objects in files, without a cluster."""

import json
import sys
from datetime import UTC, datetime

import click
from typing_extensions import override

from entente.cli.documents import InputError, read
from entente.cli.plan_output import as_json, as_table
from entente.engine.intake import snapshot
from entente.engine.planner import decide

EXIT_UNREADABLE = 2


class _Moment(click.ParamType[datetime]):
    """An RFC 3339 time."""

    name = "RFC3339"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it; without a zone it is UTC."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not an RFC 3339 time such as 2026-11-23T12:00:00Z", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.option(
    "-f",
    "--filename",
    "names",
    multiple=True,
    required=True,
    metavar="FILE|DIR|-",
    help="Objects in YAML or JSON, as `kubectl get -o yaml` prints them; may be given several times.",
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--now", type=_Moment(), help="The moment to decide about.  [default: now]")
def plan(names: tuple[str, ...], output: str, now: datetime | None) -> None:
    """Show what Entente would decide about Nodes, GPUPools, Tenants, TrainingJobs and Pods."""
    try:
        objects = read(names)
    except InputError as error:
        click.echo(f"entente plan: {error}", err=True)
        sys.exit(EXIT_UNREADABLE)
    taken = snapshot(
        now or datetime.now(UTC), objects.pools, objects.tenants, objects.jobs, objects.nodes, objects.pods
    )
    decided = decide(taken)
    if output == "json":
        click.echo(json.dumps(as_json(decided), indent=1))
    else:
        click.echo(as_table(decided), nl=False)
