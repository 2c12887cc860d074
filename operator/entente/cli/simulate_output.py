"""The report of a simulation as JSON and as tables for people."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from entente.api.amounts import count
from entente.cli.columns import in_parts
from entente.cli.words import known_width, wrapped
from entente.simulator.figures import rounded
from entente.simulator.setting import Setting


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
_Columns = tuple[tuple[tuple[str, str], _Cell], ...]
"""What each column is about, what it is, and its cells."""

_COMMON: _Columns = (
    (("", "jobs"), lambda row: f"{row['jobs']:,}"),
    (("", "done"), lambda row: f"{row['done']:,}"),
    (("JCT h", "mean"), lambda row: _number(row["mean_jct_h"])),
    (("JCT h", "p50"), lambda row: _number(row["p50_jct_h"])),
    (("JCT h", "p99"), lambda row: _number(row["p99_jct_h"])),
    (("delay h", "mean"), lambda row: _number(row["mean_queue_h"])),
    (("delay h", "p50"), lambda row: _number(row["p50_queue_h"])),
    (("delay h", "p99"), lambda row: _number(row["p99_queue_h"])),
    (("GPU-h", "borrowed"), lambda row: _whole(row["borrowed_gpu_h"])),
    (("GPU-h", "lent"), lambda row: _whole(row["lent_gpu_h"])),
    (("GPU-h", "wasted"), lambda row: _number(row["wasted_gpu_h"])),
    (("", "evictions"), lambda row: _whole(row["evictions"])),
    (("", "deficit"), lambda row: _percent(row["deficit"])),
    (("reclaim s", "p50"), lambda row: _whole(row["reclaim_s"]["p50"])),
    (("reclaim s", "p99"), lambda row: _whole(row["reclaim_s"]["p99"])),
    (("reclaim s", "max"), lambda row: _whole(row["reclaim_s"]["max"])),
)
_OF_ALL: _Columns = (
    (("GPUs", "in use"), lambda row: _percent(row["utilisation"])),
    (("", "Jain"), lambda row: _number(row["jain"])),
    (("to static", "worst"), lambda row: _number(row["worst_tenant_vs_static"])),
    (("to static", "later"), lambda row: _percent(row["jobs_10pct_later_than_static"])),
)
_OF_TENANT: _Columns = (
    (("GPUs", "guaranteed"), lambda row: _whole(row["guaranteed"])),
    (("GPUs", "of due"), lambda row: _percent(row["used_of_due"])),
    (("JCT", "to static"), lambda row: _number(row["jct_vs_static"])),
)


def as_table(report: Mapping[str, Any]) -> str:
    """The report as text: one table of the policies, and one of the tenants for each."""
    capacity = ", ".join(f"{count(gpus, 'GPU', ',')} in pool {pool}" for pool, gpus in report["capacity"].items())
    head = f"{count(report['jobs'], 'job', ',')} on {capacity}, load {_number(report['load'])}"
    if report["jobs_too_large"]:
        head += f"; {report['jobs_too_large']:,} left out, larger than any pool they may use"
    if report["jobs_rounded_up"]:
        head += f"; {report['jobs_rounded_up']:,} asked for a part of a GPU and get a whole one"
    rows = {name: figures["all"] for name, figures in report["policies"].items()}
    lines = [wrapped(head) if known_width() else head, "", *_table("policy", rows, (*_COMMON, *_OF_ALL))]
    for name, figures in report["policies"].items():
        lines += [name, "", *_table("tenant", figures["tenants"], (*_COMMON, *_OF_TENANT))]
    return "\n".join(lines) + "\n"


def _table(first: str, rows: Mapping[str, Mapping[str, Any]], columns: _Columns) -> Iterator[str]:
    """Its lines, with an empty one after each part."""
    headers = [("", first), *(header for header, _ in columns)]
    for part in in_parts(headers, [(name, *(cell(row) for _, cell in columns)) for name, row in rows.items()]):
        yield from (*part, "")
