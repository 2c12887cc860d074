"""`entente plan`: one decision about objects in files, without a cluster."""

import gc
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from typing_extensions import override

from entente.cli.documents import InputError, read
from entente.cli.plan_output import as_json, as_table
from entente.engine.decisions import Plan
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
@click.option("--now", type=_Moment(), help="The moment to decide about.  [default: that of the snapshot, else now]")
def plan(names: tuple[str, ...], output: str, now: datetime | None) -> None:
    """Show what Entente would decide about Nodes, GPUPools, Tenants, TrainingJobs and Pods."""
    with _uncollected():
        try:
            objects = read(names)
            moment = now or objects.moment or datetime.now(UTC)
        except InputError as error:
            click.echo(f"entente plan: {error}", err=True)
            sys.exit(EXIT_UNREADABLE)
        taken = snapshot(moment, objects.pools, objects.tenants, objects.jobs, objects.nodes, objects.pods)
        decided = decide(taken)
        click.echo(printed(decided) if output == "json" else as_table(decided), nl=False)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for garbage: there is little of it, and looking for it takes a fifth of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def printed(decided: Plan) -> str:
    """A plan as `-o json` prints it: the same plan gives the same text, byte for byte."""
    return json.dumps(as_json(decided), indent=1) + "\n"
