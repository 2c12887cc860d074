"""Puts the figures of recorded runs into the docs: `python hack/figures.py [--check]`.

`docs/demo.json` is written by `make demo-figures`, `docs/fairness.json` by `make demo-fairness`, and
`docs/explanation/results.json` by `make replay`. A section between
`<!-- NAME: begin -->` and `<!-- NAME: end -->` of a page is written from them, wherever a page has such marks.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from demo import gains
from demo.record import gains_in

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "tutorial" / "demo.md", ROOT / "docs" / "explanation" / "sharing.md")
RECORDS = ROOT / "docs"
LONG_S = 3600
"""Seconds from which a time is told in hours."""

RULES = {"entente": "**Entente**", "kueue": "Kueue's", "kai": "KAI's", "fair": "fair share, no guarantee"}

Record = Mapping[str, Any]


def demo(record: Record) -> str:
    """The three figures of the demo, and what they are against."""
    shared, alone = record["shared"], record["alone"]
    owner, guest = record["estate"]["owner"], record["estate"]["guest"]
    rows = [
        (f"{shared['all']['jobs']} jobs of a real trace on {_gpus(record)} GPUs", "shared", "each alone on its half"),
        ("---", "--:", "--:"),
        ("mean waiting of a job", _hours(shared["all"]), _hours(alone["all"])),
        *((f"… of {name}", _hours(shared[name]), _hours(alone[name])) for name in (owner, guest)),
        ("GPUs busy with training", f"{shared['all']['busyPercent']} %", f"{alone['all']['busyPercent']} %"),
        (
            f"longest time until {owner} had its own GPUs back",
            f"{record['reclaims']['max_s']:.0f} s of the {record['noticeSeconds']} s promised",
            "it never lent them",
        ),
    ]
    return _table(rows)


def demo_gains(record: Record) -> str:
    """Who gained and who lost, and why."""
    told = (gains.told(gain, most_borrowed=record["mostBorrowed"]) for gain in gains_in(record))
    return "\n".join("- " + "\n  ".join(lines) for lines in told)


def demo_settings(record: Record) -> str:
    """What other settings do with the same jobs."""
    owner, guest = record["estate"]["owner"], record["estate"]["guest"]
    rows = [("mean waiting on the simulator", owner, guest), ("---", "--:", "--:")]
    rows += [(row["what"], f"{row[owner]:.2f} h", f"{row[guest]:.2f} h") for row in record["settings"]]
    return _table(rows)


def fairness(record: Record) -> str:
    """Waiting by sharing less waiting alone, over many draws."""
    rows = [
        (
            "what is changed",
            "owner: median",
            "mean, 95 % interval",
            "worse off in",
            "guest: median",
            "mean, 95 % interval",
        ),
        ("---", "--:", "--:", "--:", "--:", "--:"),
    ]
    of_slice = {tenant: _hours_more(record["slice"][tenant]) for tenant in ("xai", "anthropic")}
    rows.append(("the demo's own jobs, as they are", of_slice["xai"], "", "", of_slice["anthropic"], ""))
    for case in record["cases"]:
        owner, guest = case["xai"], case["anthropic"]
        rows.append(
            (
                case["what"],
                _hours_more(owner),
                f"{owner['difference_h']:+.2f} ± {owner['margin_h']:.2f} h",
                f"{owner['worse']} of {record['seeds']}",
                _hours_more(guest),
                f"{guest['difference_h']:+.2f} ± {guest['margin_h']:.2f} h",
            )
        )
    return _table(rows)


def replay(record: Record) -> str:
    """What a buyer compares first, of the whole Philly trace: hosts shared, and hosts of one tenant at a time."""
    heads = ("mean wait", "work lost", "guaranteed GPU time not had", "longest time to have one's own back")
    rows: list[tuple[str, ...]] = [("rules", "hosts", *heads), ("---", "---", *("--:" for _ in heads))]
    for section, hosts in (("philly", "shared"), ("philly-exclusive", "one tenant each")):
        for policy, name in RULES.items():
            row = record[section]["rows"][policy]
            longest = row["reclaim_s"]["max"]
            rows.append(
                (
                    name,
                    hosts,
                    f"{row['mean_queue_h']:.2f} h",
                    f"{row['wasted_gpu_h']:,.0f} GPU-hours",
                    f"{100 * row['deficit']:.2f} %",
                    "-"
                    if longest is None
                    else f"{longest / 3600:,.1f} h"
                    if longest >= LONG_S
                    else f"{longest:,.0f} s",
                )
            )
    return _table(rows)


SECTIONS: Mapping[str, tuple[str, Callable[[Record], str]]] = {
    "demo": ("demo.json", demo),
    "demo-gains": ("demo.json", demo_gains),
    "demo-settings": ("demo.json", demo_settings),
    "fairness": ("fairness.json", fairness),
    "replay": ("explanation/results.json", replay),
}
"""By mark: the record that it is written from, and how."""


def filled(text: str, records: Path = RECORDS) -> str:
    """A page with each of its marked sections written anew."""
    for name, (source, write) in SECTIONS.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        if begin not in text:
            continue
        if end not in text:
            message = f"{begin} has no {end} after it"
            raise ValueError(message)
        section = write(json.loads((records / source).read_text(encoding="utf-8")))
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{section}\n{end}{after}"
    return text


def _gpus(record: Record) -> int:
    gpus: int = record["estate"]["hosts"] * record["estate"]["gpusPerHost"]
    return gpus


def _hours(row: Mapping[str, float]) -> str:
    return f"{row['waited_h']:.2f} h"


def _hours_more(row: Mapping[str, float]) -> str:
    return f"{row['median_h']:+.2f} h"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" if row[0] != "---" else f"|{'|'.join(row)}|" for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which pages are stale")
    check: bool = parser.parse_args().check
    stale = []
    for page in PAGES:
        if not page.exists():
            continue
        text = page.read_text(encoding="utf-8")
        new = filled(text)
        if new != text:
            stale.append(page)
            if not check:
                page.write_text(new, encoding="utf-8")
    for page in stale:
        print(f"{page.relative_to(ROOT)} {'is stale: run `make readme-chart`' if check else 'was written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
