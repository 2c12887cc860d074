"""What is asked of Entente, what would be more, and what is reached: ratios of figures that one command made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Sections = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    figure: str
    required: float
    reached: float
    stretch: float | None = None
    at_least: bool = False
    """The figure is to be at least so large; else at most."""
    unit: str = ""

    def meets(self, limit: float | None) -> bool:
        if limit is None:
            return False
        return self.reached >= limit if self.at_least else self.reached <= limit


def verdicts(sections: Sections) -> list[Verdict]:
    """All that can be said of the sections that are there; a figure that was not measured has no verdict."""
    found = list[Verdict]()
    for experiment, of in _OF.items():
        section = sections.get(experiment)
        if section is not None and "entente" in section["rows"]:
            found += of(section)
    return found


def ratio(part: float | None, whole: float | None) -> float | None:
    """A part of a whole; none where one of them is missing or there is nothing to compare with."""
    return None if part is None or not whole else part / whole


def _philly(section: Mapping[str, Any]) -> Iterator[Verdict]:
    rows, own = section["rows"], section["rows"]["entente"]
    compared = (
        ("mean delay / `static`", "static", "mean_queue_h", 0.07, 0.03),
        ("mean completion time / `kueue`", "kueue", "mean_jct_h", 0.95, 0.82),
        ("mean completion time / `kai`", "kai", "mean_jct_h", 0.95, 0.82),
        ("p99 delay / `fair`", "fair", "p99_queue_h", 1.5, 1.0),
        ("wasted GPU-hours / `kueue`", "kueue", "wasted_gpu_h", 0.5, 0.25),
    )
    for figure, other, name, required, stretch in compared:
        reached = ratio(own[name], rows.get(other, {}).get(name))
        if reached is not None:
            yield Verdict(figure, required, reached, stretch)
    for figure, name, required, stretch, unit in (
        ("deficit", "deficit", 0.002, 0.0005, "%"),
        ("worst tenant's mean completion time / its own under `static`", "worst_tenant_vs_static", 1.0, 0.8, ""),
        ("jobs more than 10 % later than under `static`", "jobs_10pct_later_than_static", 0.02, 0.005, "%"),
    ):
        if own[name] is not None:
            yield Verdict(figure, required, own[name], stretch, unit=unit)
    if (longest := own["reclaim_s"]["max"]) is not None:
        yield Verdict("time to reclaim, max", section["notice_s"], longest, section["grace_s"] + 2, unit="s")


def _gpus(section: Mapping[str, Any]) -> Iterator[Verdict]:
    rows = section["rows"]
    reached = ratio(rows["entente"]["gpus"], rows.get("static", {}).get("gpus"))
    if reached is not None:
        yield Verdict(f"GPUs for a mean delay of {section['mean_queue_h']} h / `static`", 0.55, reached, 0.5)


def _saturation(section: Mapping[str, Any]) -> Iterator[Verdict]:
    reached = section["rows"]["entente"]["utilisation_while_waiting"]
    if reached is not None:
        yield Verdict("GPUs allocated in saturation", 0.96, reached, 0.97, at_least=True, unit="%")


def _itp(section: Mapping[str, Any]) -> Iterator[Verdict]:
    """At least as good as the best baseline, within 2 %."""
    rows, own = section["rows"], section["rows"]["entente"]
    for figure, name in (
        ("mean delay", "mean_queue_h"),
        ("mean completion time", "mean_jct_h"),
        ("p99 delay", "p99_queue_h"),
    ):
        best = (
            min((row[name], policy) for policy, row in rows.items() if policy != "entente") if len(rows) > 1 else None
        )
        reached = ratio(own[name], best[0]) if best else None
        if best is not None and reached is not None:
            yield Verdict(f"itp-2021: {figure} / the best other's (`{best[1]}`)", 1.02, reached)
    # who never evicts wastes nothing and keeps no guarantee: these are compared among those that do both
    for figure, name, others in (
        ("wasted GPU-hours", "wasted_gpu_h", ("kueue", "kai")),
        ("deficit", "deficit", ("kueue", "kai")),
    ):
        there = [(rows[other][name], other) for other in others if other in rows]
        reached = ratio(own[name], min(there)[0]) if there else None
        if reached is not None:
            yield Verdict(f"itp-2021: {figure} / the better of `kueue` and `kai` (`{min(there)[1]}`)", 1.02, reached)
    if own["worst_tenant_vs_static"] is not None:
        yield Verdict("itp-2021: worst tenant / its own under `static`", 1.0, own["worst_tenant_vs_static"])
    if (longest := own["reclaim_s"]["max"]) is not None:
        yield Verdict("itp-2021: time to reclaim, max", section["notice_s"], longest, section["grace_s"] + 2, unit="s")


def _gangs(section: Mapping[str, Any]) -> Iterator[Verdict]:
    if "backfill" not in section["rows"]:
        return
    own, other = large_and_others(section["rows"]["entente"]), large_and_others(section["rows"]["backfill"])
    for figure, limit, mine, theirs in (
        ("gangs of 128 GPUs and more: mean delay / `backfill`", 0.4, own[0], other[0]),
        ("the jobs beside them: mean delay / `backfill`", 1.5, own[1], other[1]),
    ):
        reached = ratio(mine, theirs)
        if reached is not None:
            yield Verdict(figure, limit, reached)


def large_and_others(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Mean delays in hours of gangs of 128 GPUs and more, and of all other jobs."""
    sizes = dict(row["by_gpus"])
    large = sizes.pop("128+", None)
    jobs = sum(size["jobs"] for size in sizes.values())
    others = sum(size["jobs"] * size["mean_queue_h"] for size in sizes.values())
    return (large["mean_queue_h"] if large else None), (others / jobs if jobs else None)


def _failures(section: Mapping[str, Any]) -> Iterator[Verdict]:
    reached = section["rows"]["entente"]["goodput_vs_no_failures"]
    yield Verdict("goodput with failures / without", 0.985, reached, at_least=True)


def _openb(section: Mapping[str, Any]) -> Iterator[Verdict]:
    rows = section["rows"]
    reached = ratio(sum(rows["entente"]["unallocated"]), sum(rows.get("backfill", {}).get("unallocated", ())))
    if reached is not None:
        yield Verdict("openb: unallocated GPUs / best fit (`backfill`)", 0.7, reached)


_OF: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Verdict]]] = {
    "philly": _philly,
    "gpus": _gpus,
    "saturation": _saturation,
    "itp": _itp,
    "openb": _openb,
    "gangs": _gangs,
    "failures": _failures,
}
