"""The report of a simulation as JSON and as tables for people."""

import io
from collections.abc import Callable, Mapping
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from entente.simulator.figures import rounded
from entente.simulator.setting import Setting

_WIDTH = 200


def as_json(setting: Setting, policies: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The report as an object that `json` can print.

    Args:
        setting: what was replayed.
        policies: figures by policy.
    """
    site = setting.site
    return {
        "jobs": len(setting.jobs),
        "jobs_too_large": setting.too_large,
        "jobs_rounded_up": setting.rounded,
        "capacity": {pool: site.capacity(pool) for pool in site.pools},
        "notice_s": {name: pool.notice_s for name, pool in site.pools.items()},
        "window_s": rounded(setting.window_s),
        "load": rounded(setting.load),
        "guaranteed": {
            name: {pool: terms.guaranteed for pool, terms in tenant.terms.items()}
            for name, tenant in site.tenants.items()
        },
        "policies": dict(policies),
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


_Cell = Callable[[Mapping[str, Any]], str]

_COMMON: tuple[tuple[str, _Cell], ...] = (
    ("jobs", lambda row: f"{row['jobs']:,}"),
    ("done", lambda row: f"{row['done']:,}"),
    ("JCT h\nmean", lambda row: _number(row["mean_jct_h"])),
    ("\np50", lambda row: _number(row["p50_jct_h"])),
    ("\np99", lambda row: _number(row["p99_jct_h"])),
    ("delay h\nmean", lambda row: _number(row["mean_queue_h"])),
    ("\np50", lambda row: _number(row["p50_queue_h"])),
    ("\np99", lambda row: _number(row["p99_queue_h"])),
    ("GPU-h\nborrowed", lambda row: _whole(row["borrowed_gpu_h"])),
    ("\nlent", lambda row: _whole(row["lent_gpu_h"])),
    ("\nwasted", lambda row: _number(row["wasted_gpu_h"])),
    ("\nevictions", lambda row: _whole(row["evictions"])),
    ("\ndeficit", lambda row: _percent(row["deficit"])),
    ("reclaim s\np50", lambda row: _whole(row["reclaim_s"]["p50"])),
    ("\np99", lambda row: _whole(row["reclaim_s"]["p99"])),
    ("\nmax", lambda row: _whole(row["reclaim_s"]["max"])),
)
_OF_ALL: tuple[tuple[str, _Cell], ...] = (
    ("GPUs\nin use", lambda row: _percent(row["utilisation"])),
    ("\nJain", lambda row: _number(row["jain"])),
    ("to static\nworst", lambda row: _number(row["worst_tenant_vs_static"])),
    ("\nlater", lambda row: _percent(row["jobs_10pct_later_than_static"])),
)
_OF_TENANT: tuple[tuple[str, _Cell], ...] = (
    ("GPUs\nguaranteed", lambda row: _whole(row["guaranteed"])),
    ("\nof due", lambda row: _percent(row["used_of_due"])),
    ("JCT\nto static", lambda row: _number(row["jct_vs_static"])),
)


def as_table(report: Mapping[str, Any]) -> str:
    """The report as text: one table of the policies, and one of the tenants for each."""
    capacity = ", ".join(f"{gpus:,} GPUs in pool {pool}" for pool, gpus in report["capacity"].items())
    head = f"{report['jobs']:,} jobs on {capacity}, load {_number(report['load'])}"
    if report["jobs_too_large"]:
        head += f"; {report['jobs_too_large']:,} left out, larger than any pool they may use"
    if report["jobs_rounded_up"]:
        head += f"; {report['jobs_rounded_up']:,} asked for a part of a GPU and get a whole one"
    out = io.StringIO()
    console = Console(file=out, width=_WIDTH, color_system=None)
    console.print(head, highlight=False)
    rows = {name: figures["all"] for name, figures in report["policies"].items()}
    console.print(_table("", "policy", rows, (*_COMMON, *_OF_ALL)))
    for name, figures in report["policies"].items():
        console.print(_table(name, "tenant", figures["tenants"], (*_COMMON, *_OF_TENANT)))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _table(
    title: str, first: str, rows: Mapping[str, Mapping[str, Any]], cells: tuple[tuple[str, _Cell], ...]
) -> Table:
    table = Table(title=title or None, title_justify="left", box=SIMPLE, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading, _ in cells:
        table.add_column(heading, justify="right")
    for name, row in rows.items():
        table.add_row(name, *(cell(row) for _, cell in cells))
    return table
