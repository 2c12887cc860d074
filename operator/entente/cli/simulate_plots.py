"""Plots of a simulation: GPUs in use and asked for over time, and how many jobs waited how long. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # before pyplot: no display is needed

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from entente.engine.model import DAY_S
from entente.simulator.course import course
from entente.simulator.figures import HOUR_S
from entente.simulator.outcome import Outcome
from entente.simulator.setting import Setting

_PARTS = 400
_SHORT_DAYS = 3
"""A window up to here is shown in hours."""

_LEAST_DELAY_S = 1.0
"""On a scale of logarithms a job that did not wait needs some place."""


def draw(setting: Setting, outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    """Write all plots as SVG; returns the files."""
    mpl.rcParams["svg.hashsalt"] = "entente"  # the same replay gives the same file
    files = [_over_time(setting, outcomes, pool, folder / f"course-{pool}.svg") for pool in setting.site.pools]
    return [*files, _delays(outcomes, folder / "delays.svg")]


def _over_time(setting: Setting, outcomes: Sequence[Outcome], pool: str, file: Path) -> Path:
    figure, (used, queue) = plt.subplots(2, 1, sharex=True, figsize=(10, 6), layout="constrained")
    unit, unit_s = ("days", DAY_S) if setting.window_s > _SHORT_DAYS * DAY_S else ("hours", HOUR_S)
    for outcome in outcomes:
        found = course(outcome.series[pool], setting.window_s, _PARTS)
        at = [seconds / unit_s for seconds in found.at_s]
        used.plot(at, found.held, label=outcome.policy, linewidth=1)
        queue.plot(at, found.pending, label=outcome.policy, linewidth=1)
    used.axhline(setting.site.capacity(pool), color="grey", linestyle=":", linewidth=1)
    used.set_ylabel("GPUs in use")
    used.set_ylim(bottom=0)
    queue.set_ylabel("GPUs asked for by pending jobs")
    queue.set_ylim(bottom=0)
    queue.set_xlabel(unit)
    used.legend(loc="lower right", ncols=len(outcomes), fontsize="small")
    return _saved(figure, file)


def _delays(outcomes: Sequence[Outcome], file: Path) -> Path:
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for outcome in outcomes:
        delays = sorted(job.delay_s for job in outcome.jobs.values() if job.delay_s is not None)
        if delays:
            parts = [(index + 1) / len(delays) for index in range(len(delays))]
            step = max(1, len(delays) // (_PARTS * 5))
            hours = [max(_LEAST_DELAY_S, delay) / HOUR_S for delay in delays]
            axes.plot([*hours[::step], hours[-1]], [*parts[::step], 1.0], label=outcome.policy, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("delay in hours (completion time less running time)")
    axes.set_ylabel("part of the jobs with at most this delay")
    axes.set_ylim(0, 1.01)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right")
    return _saved(figure, file)


def _saved(figure: Figure, file: Path) -> Path:
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    return file
