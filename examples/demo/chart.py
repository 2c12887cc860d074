"""The chart of README, from the record of a real run: whose work the GPUs did, and when the owner had its own back.

The lower half of the estate is the owner's, the upper one the guest's. What runs by right of the guarantee is filled;
what is borrowed is hatched, and lies in the half that it is lent from.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OWNER_COLOUR, GUEST_COLOUR = "#0f766e", "#c2410c"
WINDOW_S = 5
GROUND, INK, FAINT = "#ffffff", "#1f2328", "#d0d7de"
SIZE = (9.6, 4.3)
"""Inches, of 100 points of SVG less a quarter: about 690 pixels wide."""


@dataclass(frozen=True, slots=True)
class Bands:
    """Edges of what is drawn, in GPUs from the bottom of the estate, for each second."""

    seconds: tuple[int, ...]
    owner: tuple[int, ...]
    """Top of the owner's own use; its bottom is 0."""
    lent: tuple[int, ...]
    """Bottom of what the guest borrows; its top is the owner's guarantee."""
    guest: tuple[int, ...]
    """Bottom of the guest's own use; its top is all of the estate."""
    returned: tuple[int, ...]
    """Top of what the owner borrows; its bottom is the owner's guarantee."""


def bands(record: dict[str, Any]) -> Bands:
    """The edges from a record's samples."""
    estate = record["estate"]
    whole = estate["hosts"] * estate["gpusPerHost"]
    half = whole // 2
    rows = record["samples"]
    return Bands(
        seconds=tuple(row[0] for row in rows),
        owner=tuple(row[1] for row in rows),
        lent=tuple(half - row[4] for row in rows),
        guest=tuple(whole - row[3] for row in rows),
        returned=tuple(half + row[2] for row in rows),
    )


def comeback(record: dict[str, Any]) -> int:
    """The second from which on the owner gets the most of its own back within `WINDOW_S`."""
    own: dict[int, int] = {row[0]: row[1] for row in record["samples"]}
    return max(own, key=lambda second: (own.get(second + WINDOW_S, 0) - own[second], -second))


def mark(record: dict[str, Any]) -> str:
    """What is said where the owner comes back."""
    owner, most, promised = record["estate"]["owner"], record["reclaims"]["max_s"], record["noticeSeconds"]
    return f"{owner} comes back:\nhad its own back in {most:.0f} s,\npromised {promised} s"


def draw(record: dict[str, Any], target: Path) -> None:
    """Write the chart as SVG, the same bytes for the same record."""
    owner, guest = record["estate"]["owner"], record["estate"]["guest"]
    whole = record["estate"]["hosts"] * record["estate"]["gpusPerHost"]
    half, edges = whole // 2, bands(record)
    settings: dict[Any, Any] = {
        "svg.hashsalt": "entente",
        "svg.fonttype": "path",
        "hatch.linewidth": 1.6,
        "font.size": 11,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=SIZE, layout="constrained", facecolor=GROUND)
        axes = figure.subplots()
        axes.set_facecolor(GROUND)
        axes.fill_between(edges.seconds, 0, edges.owner, step="post", color=OWNER_COLOUR, linewidth=0)
        axes.fill_between(edges.seconds, edges.guest, whole, step="post", color=GUEST_COLOUR, linewidth=0)
        for low, high, colour in (
            (edges.lent, [half] * len(edges.lent), GUEST_COLOUR),
            ([half] * len(edges.returned), edges.returned, OWNER_COLOUR),
        ):
            axes.fill_between(
                edges.seconds, low, high, step="post", facecolor=GROUND, edgecolor=colour, hatch="///", linewidth=0
            )
        axes.axhline(half, color=INK, linewidth=1)
        _say(axes, record, half=half, whole=whole)
        axes.set_xlim(0, edges.seconds[-1])
        axes.set_ylim(0, whole)
        axes.set_yticks([0, half, whole])
        axes.set_ylabel("GPUs in use", color=INK)
        axes.set_xlabel(f"seconds of the run ({record['speed']} times as fast as the jobs once were)", color=INK)
        axes.tick_params(colors=INK)
        for spine in axes.spines.values():
            spine.set_color(FAINT)
        figure.suptitle(
            f"{guest} works on what {owner} lends, and gives it back", color=INK, fontsize=13, fontweight="bold"
        )
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None}, facecolor=GROUND)


def _say(axes: Axes, record: dict[str, Any], *, half: int, whole: int) -> None:
    """Write on the bands, and mark the owner's return."""
    owner, guest = record["estate"]["owner"], record["estate"]["guest"]
    last = record["samples"][-1][0]
    box = {"boxstyle": "round,pad=0.35", "facecolor": GROUND, "edgecolor": FAINT}
    back = comeback(record)
    axes.axvline(back, color=INK, linewidth=1.4, linestyle=(0, (4, 3)))
    axes.text(back - 2, half * 0.42, mark(record), ha="right", va="center", color=INK, bbox=box)
    axes.text(back * 0.57, half * 0.86, f"lent by {owner} to {guest}", ha="center", va="center", color=INK, bbox=box)
    axes.text(last * 0.985, half * 0.3, f"{owner}'s own", ha="right", va="center", color=INK, bbox=box)
    axes.text(last * 0.985, whole * 0.75, f"{guest}'s own", ha="right", va="center", color=INK, bbox=box)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.chart", description="Draw the chart of a recorded run.")
    parser.add_argument("record", type=Path, help="what `python -m demo --record` wrote")
    parser.add_argument("target", type=Path, help="the SVG file")
    options = parser.parse_args(argv)
    draw(json.loads(options.record.read_text(encoding="utf-8")), options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
