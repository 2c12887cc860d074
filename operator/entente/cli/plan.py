"""`entente plan`: one decision about objects in files or about a live cluster, and what a change would make of it."""

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from typing_extensions import override

from entente.api.inputs import Inputs
from entente.api.names import GROUP
from entente.cli.documents import InputError, Objects, read
from entente.cli.options import Access, cluster_options, operator_namespace_option, output_option
from entente.cli.paths import Setting, SettingError, parsed
from entente.cli.plan_output import as_json, as_table
from entente.cli.words import wrapped
from entente.engine.decisions import Plan
from entente.engine.intake import snapshot
from entente.engine.model import Snapshot
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
    metavar="FILE|DIR|-",
    help="Objects in YAML or JSON, as `kubectl get -o yaml` prints them; may be given several times.  "
    "[default: those of the cluster]",
)
@click.option(
    "--with",
    "others",
    multiple=True,
    metavar="FILE|DIR|-",
    help="What if these objects were there, too, or in the place of those of the same name? May be given several "
    "times.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="What if a field of a spec were this? tenants.lab.guaranteed=64, pools.h100.noticeSeconds=60, "
    "jobs.lab-research/llm.workers=8. May be given several times.",
)
@output_option
@click.option("--now", type=_Moment(), help="The moment to decide about.  [default: that of the snapshot, else now]")
@operator_namespace_option
@cluster_options
def plan(
    *,
    names: tuple[str, ...],
    others: tuple[str, ...],
    settings: tuple[str, ...],
    output: str,
    now: datetime | None,
    operator_namespace: str,
    access: Access,
) -> None:
    """Show what Entente would decide about Nodes, GPUPools, Tenants, TrainingJobs and Pods.

    With --with or --set it says what would differ from today's plan; `-o json` has both plans, too.
    """
    if names and access.given:
        message = "--kubeconfig, --context, --as and --as-group choose a cluster: they do not go with -f"
        raise click.UsageError(message)
    if (*names, *others).count("-") > 1:
        message = "- is standard input, which can be read once: give it to -f or to --with"
        raise click.UsageError(message)
    with _uncollected():
        try:
            wanted = [parsed(text) for text in settings]
            inputs = _of_files(names, now) if names else _of_cluster(access, operator_namespace, now)
            if wanted or others:
                click.echo(_what_if(inputs, _brought(others), wanted, output), nl=False)
            else:
                decided = decide(_seen(inputs))
                click.echo(printed(decided) if output == "json" else as_table(decided), nl=False)
        except (InputError, SettingError) as error:
            click.echo(f"entente plan: {error}", err=True)
            sys.exit(EXIT_UNREADABLE)


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


def _of_files(names: Sequence[str], now: datetime | None) -> Inputs:
    objects = read(names)
    return objects.inputs(now or objects.moment or datetime.now(UTC))


def _brought(names: Sequence[str]) -> Objects:
    """What `--with` brings. Raises InputError where it is nothing: that nothing changes would be no answer then."""
    objects = read(names)
    if names and not (objects.pools or objects.tenants or objects.jobs or objects.nodes or objects.pods):
        message = f"holds no GPUPool, Tenant, TrainingJob ({GROUP}), Node or Pod: there is nothing to try"
        raise InputError(", ".join(names), None, message)
    return objects


def _of_cluster(access: Access, operator_namespace: str, now: datetime | None) -> Inputs:
    """What a live cluster's decisions rest on, read with the caller's rights."""
    # They bring what files do not need.
    from entente.cli.cluster import Cluster, ClusterError  # noqa: PLC0415 - a plan of files starts without it
    from entente.cli.snapshot import taken  # noqa: PLC0415 - a plan of files starts without it

    def warn(text: str) -> None:
        click.echo(f"entente plan: {text}", err=True)

    try:
        return taken(Cluster(access), operator_namespace, now or datetime.now(UTC), warn)
    except ClusterError as error:
        message = f"{error.message.rstrip('.')}. Without a cluster, give files by -f"
        raise ClusterError(message) from error


def _seen(inputs: Inputs) -> Snapshot:
    """As the engine sees them."""
    return snapshot(inputs.moment, inputs.pools, inputs.tenants, inputs.jobs, inputs.nodes, inputs.pods)


def _what_if(inputs: Inputs, others: Objects, settings: Sequence[Setting], output: str) -> str:
    """The difference that a change makes, and where the whole plan is; as JSON with both plans."""
    # Most calls ask no what-if and should not wait for it.
    from entente.cli.difference import difference  # noqa: PLC0415 - a plan of files starts without it
    from entente.cli.difference_output import Comparison  # noqa: PLC0415 - a plan of files starts without it
    from entente.cli.whatif import changed  # noqa: PLC0415 - a plan of files starts without it

    change = changed(inputs, others.inputs(inputs.moment), settings)
    before, after = _seen(inputs), _seen(change.inputs)
    today, then = decide(before), decide(after)
    comparison = Comparison(change, difference(today, then), today, then, before, after)
    if output == "json":
        return json.dumps(comparison.as_json(), indent=1) + "\n"
    lines = [
        *(wrapped(text, "", "  ") for text in comparison.sentences()),
        "",
        wrapped("The whole plan of the changed estate: add `-o json`."),
    ]
    return "\n".join(lines) + "\n"


def printed(decided: Plan) -> str:
    """A plan as `-o json` prints it: the same plan gives the same text, byte for byte."""
    return json.dumps(as_json(decided), indent=1) + "\n"
