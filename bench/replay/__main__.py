"""`make replay`: replays the traces with all policies and writes the results page. Prints one JSON object last."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.replay.experiments import EXPERIMENTS, POLICIES, PRINTED, Context
from bench.replay.page import BEGIN, END, page
from bench.replay.rows import printed
from bench.replay.runs import Runs
from bench.replay.traces import MissingTraceError
from entente.cli.documents import InputError
from entente.simulator.setting import SettingError
from entente.simulator.trace import TraceError

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "examples" / "scenarios"

EXIT_UNREADABLE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for, one experiment after the other; each is kept as soon as it is done."""
    asked = _parsed(arguments)
    context = Context(
        runs=Runs(asked.work / "runs", asked.jobs),
        traces=asked.traces,
        scenarios=SCENARIOS,
        work=asked.work,
        days=tuple(asked.days) if asked.days else None,
        policies=asked.policies,
    )
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.only if not asked.page_only else ():
        try:
            section = EXPERIMENTS[name](context)
        except (MissingTraceError, InputError, TraceError, SettingError, ValueError) as error:
            print(f"replay: {name}: {error}", file=sys.stderr)
            return EXIT_UNREADABLE
        _keep(asked.out, name, section)
    sections = _kept(asked.out)
    _write(asked.out, sections)
    print(json.dumps(_printed(sections, asked.only)))
    return 0


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="replay", description=__doc__)
    parser.add_argument(
        "--only", type=_several(tuple(EXPERIMENTS)), default=[name for name in EXPERIMENTS if name != "small"],
        help=f"experiments, with commas between them: {', '.join(EXPERIMENTS)}",
    )  # fmt: skip
    parser.add_argument("--policies", type=_several(POLICIES), default=POLICIES, help="as above; all by default")
    parser.add_argument("--days", type=float, nargs=2, metavar=("A", "B"), help="a slice of the trace")
    parser.add_argument("--traces", type=Path, default=ROOT.parent / "shared" / "traces", help="folder of the traces")
    parser.add_argument("--jobs", type=int, default=1, choices=range(1, 65), metavar="N", help="replays at once")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "replay", help="what is done already is kept there"
    )
    parser.add_argument(
        "--page-only", action="store_true", help="write the page anew from results.json; replay nothing"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of results.md, results.json and plots: docs/explanation, or of a slice one in the work folder",
    )
    asked = parser.parse_args(arguments)
    if asked.out is None:
        slice_ = asked.work / f"days-{asked.days[0]:g}-{asked.days[1]:g}" if asked.days else None
        asked.out = slice_ or ROOT / "docs" / "explanation"
    return asked


def _several(known: tuple[str, ...]) -> Any:  # noqa: ANN401 - argparse takes any callable
    def parse(text: str) -> list[str]:
        names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
        if not names or (unknown := [name for name in names if name not in known]):
            message = f"{', '.join(unknown) if names else 'nothing'} given; there are {', '.join(known)}"
            raise argparse.ArgumentTypeError(message)
        return names

    return parse


def _keep(out: Path, name: str, section: dict[str, Any]) -> None:
    """Take an experiment into the figures. Rows of other policies stay where the setting is the same."""
    sections = _kept(out)
    before = sections.get(name, {})
    if {**before, "rows": None} == {**section, "rows": None}:
        rows = before["rows"] | section["rows"]
        order = [policy for policy in POLICIES if policy in rows]
        section = section | {"rows": {policy: rows[policy] for policy in order}}
    sections[name] = section
    ordered = {known: sections[known] for known in EXPERIMENTS if known in sections}
    part = out / "results.json.part"
    part.write_text(_a_line_for_each_row(ordered), encoding="utf-8")
    part.rename(out / "results.json")


def _a_line_for_each_row(sections: dict[str, dict[str, Any]]) -> str:
    """The figures as JSON in which a change of one row is a change of one line."""
    parts = []
    for name, section in sections.items():
        head = json.dumps({key: value for key, value in section.items() if key != "rows"})[:-1]
        rows = ",\n  ".join(f"{json.dumps(policy)}: {json.dumps(row)}" for policy, row in section["rows"].items())
        parts.append(f'{json.dumps(name)}: {head}, "rows": {{\n  {rows}\n }}}}')
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def _kept(out: Path) -> dict[str, Any]:
    file = out / "results.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _write(out: Path, sections: dict[str, Any]) -> None:
    file = out / "results.md"
    before = file.read_text(encoding="utf-8") if file.exists() else f"# What replays say\n\n{BEGIN}\n{END}\n"
    file.write_text(page(before, sections), encoding="utf-8")
    try:
        from bench.replay.plots import draw  # noqa: PLC0415 - matplotlib is an optional extra, and slow to load
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        print("replay: no plots, since matplotlib is not installed: pip install 'entente[plots]'", file=sys.stderr)
        return
    for name, section in sections.items():
        if name in PRINTED:
            draw(section, out / f"results-{name}.svg")


def _printed(sections: dict[str, Any], only: list[str]) -> dict[str, Any]:
    return {
        PRINTED[name]: {policy: printed(row) for policy, row in sections[name]["rows"].items()}
        for name in only
        if name in PRINTED and name in sections
    }


if __name__ == "__main__":
    sys.exit(main())
