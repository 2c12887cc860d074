"""What the figures say, in a few sentences for whoever decides about Entente: gains first, then losses."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.replay.verdicts import Sections, large_and_others

_Row = Mapping[str, Any]
_HOUR_S = 3600


def in_short(sections: Sections) -> str:
    """The sentences as a list in Markdown; those whose figures are not there are left out."""
    lines = list[str]()
    for sentence in _SENTENCES:
        lines += [f"- {text}" for text in sentence(sections)]
    return "\n".join(lines)


def _waits(sections: Sections) -> Iterator[str]:
    if rows := _rows(sections, "philly", "static", "entente"):
        alone, own = rows
        yield (
            f"**Waits.** On the same {sections['philly']['capacity']:,} GPUs Philly's jobs wait"
            f" {own['mean_queue_h']:.1f} h on average with Entente, and {alone['mean_queue_h']:.1f} h when each tenant"
            " has hosts of its own."
        )


def _fewer_gpus(sections: Sections) -> Iterator[str]:
    if rows := _rows(sections, "gpus", "static", "entente"):
        alone, own = rows
        yield (
            f"**GPUs.** A mean wait of {sections['gpus']['mean_queue_h']} h takes {own['gpus']:,} GPUs with"
            f" Entente, and {alone['gpus']:,} when each tenant has hosts of its own."
        )


def _promises(sections: Sections) -> Iterator[str]:
    if rows := _rows(sections, "philly", "kueue", "kai", "fair", "entente"):
        kueue, kai, fair, own = rows
        yield (
            f"**Promises.** An owner on Philly has its GPUs back after {own['reclaim_s']['max']:.0f} s at the latest;"
            f" {sections['philly']['notice_s']:.0f} s are promised. With `kai` it takes up to"
            f" {kai['reclaim_s']['max']:.0f} s, with `kueue` up to {kueue['reclaim_s']['max'] / _HOUR_S:.0f} h. Of the"
            f" GPU time that they are guaranteed and ask for, owners lack {_percent(own['deficit'])}"
            f" ({_percent(kai['deficit'])} with `kai`, {_percent(kueue['deficit'])} with `kueue`,"
            f" {_percent(fair['deficit'])} with `fair`)."
        )


def _worst_off(sections: Sections) -> Iterator[str]:
    philly, itp = _rows(sections, "philly", "fair", "entente"), _rows(sections, "itp", "fair", "entente")
    if philly and itp:
        yield (
            "**The worst-off tenant.** From submission to end, its jobs take"
            f" {philly[1]['worst_tenant_vs_static']:.2f} times as long as on hosts of its own on Philly, and"
            f" {itp[1]['worst_tenant_vs_static']:.2f} times on ITP (with `fair`"
            f" {philly[0]['worst_tenant_vs_static']:.2f} and {itp[0]['worst_tenant_vs_static']:.2f} times)."
        )


def _lost_work(sections: Sections) -> Iterator[str]:
    if rows := _rows(sections, "philly", "kueue", "kai", "entente"):
        kueue, kai, own = rows
        yield (
            f"**{_head('work done twice', lost=own['wasted_gpu_h'] > kueue['wasted_gpu_h'])}** Evictions cost"
            f" {own['wasted_gpu_h']:,.0f} GPU-hours on Philly with Entente,"
            f" {kueue['wasted_gpu_h']:,.0f} with `kueue` and {kai['wasted_gpu_h']:,.0f} with `kai`. One job is stopped"
            f" {own['most_evictions_of_a_job']} times ({kueue['most_evictions_of_a_job']} and"
            f" {kai['most_evictions_of_a_job']} times)."
        )


def _long_waits(sections: Sections) -> Iterator[str]:
    if rows := _rows(sections, "philly", "fair", "entente"):
        fair, own = rows
        yield (
            f"**{_head('long waits', lost=own['p99_queue_h'] > fair['p99_queue_h'])}** One job in a hundred waits"
            f" longer than {own['p99_queue_h']:.0f} h on Philly, and {fair['p99_queue_h']:.0f} h with `fair`, which"
            f" promises nothing and has a mean wait of {fair['mean_queue_h']:.1f} h."
            f" {_percent(own['jobs_10pct_later_than_static'])} of the jobs end more than 10 % later than on hosts of"
            " their own."
        )


def _gangs(sections: Sections) -> Iterator[str]:
    if rows := _rows(sections, "gangs", "backfill", "entente"):
        theirs, mine = (large_and_others(row)[0] for row in rows)
        if theirs is not None and mine is not None:
            yield (
                f"**{_head('very large gangs', lost=mine > theirs)}** Gangs of 128 GPUs and more wait"
                f" {mine:.1f} h with Entente, and {theirs:.1f} h with `backfill`."
            )


_SENTENCES: tuple[Callable[[Sections], Iterator[str]], ...] = (
    *(_waits, _fewer_gpus, _promises, _worst_off),
    *(_lost_work, _long_waits, _gangs),
)


def _rows(sections: Sections, experiment: str, *policies: str) -> list[_Row]:
    """The rows of these policies; none when one of them is missing."""
    rows = sections.get(experiment, {}).get("rows", {})
    return [rows[policy] for policy in policies] if all(policy in rows for policy in policies) else []


def _head(what: str, *, lost: bool) -> str:
    return f"A loss: {what}." if lost else f"{what.capitalize()}."


def _percent(part: float) -> str:
    return f"{100 * part:.2f} %"
