"""Plots of the results: how many jobs waited how long, under each policy. Needs matplotlib."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # before pyplot: no display is needed

from matplotlib import pyplot as plt

from bench.replay.rows import QUANTILES

_LEAST_H = 1 / 3600
"""On a scale of logarithms a job that did not wait needs some place."""


def draw(section: Mapping[str, Any], file: Path) -> None:
    mpl.rcParams["svg.hashsalt"] = "entente"  # the same figures give the same file
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for policy, row in section["rows"].items():
        delays = [max(_LEAST_H, hours) for hours in row["delay_quantiles_h"]]
        axes.plot(delays, QUANTILES, label=policy, linewidth=2 if policy == "entente" else 1)
    axes.set_xscale("log")
    axes.set_xlabel("delay in hours (completion time less running time)")
    axes.set_ylabel("% of the jobs with at most this delay")
    axes.set_ylim(0, 101)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right", fontsize="small")
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    # matplotlib ends some lines with spaces
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("".join(f"{line.rstrip()}\n" for line in lines), encoding="utf-8")
