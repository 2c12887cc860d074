"""`entente simulate`: a trace replayed on pools and tenants of a scenario, with Entente and with other schedulers."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from entente.api.amounts import count
from entente.cli.documents import InputError, read
from entente.cli.simulate_output import as_json, as_table
from entente.engine.decisions import Plan
from entente.engine.invariants import check_invariants
from entente.engine.model import Snapshot
from entente.simulator.entente import EntentePolicy
from entente.simulator.occupancy import ImpossibleError
from entente.simulator.outcome import Outcome
from entente.simulator.policies import NAMES, policy_of
from entente.simulator.policy import Policy, Site
from entente.simulator.replay import Replay, Row
from entente.simulator.report import BASELINE, figures
from entente.simulator.scenario import ScenarioSpec
from entente.simulator.setting import Setting, SettingError, build
from entente.simulator.trace import TraceError, read_trace

EXIT_UNREADABLE = 2
EXIT_BROKEN = 1


class _BrokenError(Exception):
    pass


@click.command()
@click.option("--trace", required=True, metavar="FILE.csv[.gz]", help="Who submitted what when, and how long it ran.")
@click.option("--scenario", required=True, metavar="FILE.yaml", help="GPUPools, Tenants and at most one Scenario.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Choice(NAMES),
    metavar="NAME",
    help=f"What to replay with, one or several: {', '.join(NAMES)}.  [default: all]",
)
@click.argument("further", metavar="[NAME]...", nargs=-1, type=click.Choice(NAMES))
@click.option("--out", metavar="DIR", help="Write the report, the log of events and the plots there.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--check-invariants", is_flag=True, help="Check each plan of Entente by counting everything anew; slow.")
def simulate(
    trace: str,
    scenario: str,
    policies: tuple[str, ...],
    further: tuple[str, ...],
    out: str | None,
    output: str,
    *,
    check_invariants: bool,
) -> None:
    """Replay a trace with Entente and with other schedulers.

    The replay runs on virtual time and compares what each scheduler makes of the same jobs.
    """
    names = tuple(dict.fromkeys((*policies, *further))) or NAMES  # `--policy one two` and `--policy one --policy two`
    try:
        setting = _setting(trace, scenario)
        folder = _folder(out)
    except (InputError, TraceError, SettingError) as error:
        click.echo(f"entente simulate: {error}", err=True)
        sys.exit(EXIT_UNREADABLE)
    try:
        outcomes = [_replay(setting, name, folder, checked=check_invariants) for name in names]
    except (ImpossibleError, _BrokenError) as error:
        click.echo(f"entente simulate: {error}", err=True)
        sys.exit(EXIT_BROKEN)
    report = _report(setting, outcomes)
    if folder is not None:
        (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        _plot(setting, outcomes, folder)
    click.echo(json.dumps(report, indent=1) if output == "json" else as_table(report), nl=output == "json")


def _setting(trace: str, scenario: str) -> Setting:
    objects = read([scenario])
    if len(objects.scenarios) > 1:
        message = f"{len(objects.scenarios)} documents of kind Scenario; there may be one at most"
        raise InputError(scenario, None, message)
    spec = objects.scenarios[0].spec if objects.scenarios else ScenarioSpec()
    try:
        return build(objects.pools, objects.tenants, spec, read_trace(trace), trace)
    except SettingError as error:
        raise InputError(scenario, None, str(error)) from error


def _folder(out: str | None) -> Path | None:
    if out is None:
        return None
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(out, None, f"--out: cannot be made: {error.strerror}") from error
    return folder


def _replay(setting: Setting, name: str, folder: Path | None, *, checked: bool) -> Outcome:
    if sys.stderr.isatty():
        click.echo(f"replaying {count(len(setting.jobs), 'job')} with {name} ...", err=True)
    if folder is None:
        return _run(setting, name, None, checked=checked)
    with (folder / f"events-{name}.jsonl").open("w", encoding="utf-8", newline="\n") as log:
        return _run(setting, name, _writer(log), checked=checked)


def _run(setting: Setting, name: str, log: Callable[[Row], None] | None, *, checked: bool) -> Outcome:
    policy = _policy(name, setting.site, checked=checked)
    replay = Replay(
        setting.site,
        setting.jobs,
        policy,
        name=name,
        conditions=setting.conditions,
        log=log or _nowhere,
        window_s=setting.window_s,
    )
    return replay.run()


def _policy(name: str, site: Site, *, checked: bool) -> Policy:
    return EntentePolicy(site, _check) if checked and name == "entente" else policy_of(name, site)


def _check(snapshot: Snapshot, plan: Plan) -> None:
    for violation in check_invariants(snapshot, plan):
        message = f"invariant broken at {snapshot.now}: {violation.invariant}: {violation.about}: {violation.message}"
        raise _BrokenError(message)


def _writer(stream: TextIO) -> Callable[[Row], None]:
    def write(row: Row) -> None:
        stream.write(json.dumps(row, separators=(",", ":")) + "\n")

    return write


def _nowhere(_: Row) -> None:
    return None


def _report(setting: Setting, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    baseline = next((outcome for outcome in outcomes if outcome.policy == BASELINE), None)
    return as_json(setting, {o.policy: figures(setting.site, o, baseline) for o in outcomes})


def _plot(setting: Setting, outcomes: Sequence[Outcome], folder: Path) -> None:
    try:
        from entente.cli.simulate_plots import draw  # noqa: PLC0415 - matplotlib is an optional extra, and slow to load
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        click.echo(
            "entente simulate: no plots, since matplotlib is not installed: pip install 'entente[plots]'", err=True
        )
        return
    draw(setting, outcomes, folder)
