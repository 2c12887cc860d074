"""The goals of Entente, what is reached of them, and why a goal is missed: ratios of figures that one command made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Sections = Mapping[str, Mapping[str, Any]]


class Kind(StrEnum):
    """What a missed goal is."""

    DEFECT = "a defect of Entente, to be mended"
    PRICE = "the price of a rule"
    METHOD = "a limit of the method"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a goal is missed."""

    kind: Kind
    why: str
    """One or two sentences for the page; without figures, since those change."""


@dataclass(frozen=True, slots=True)
class Verdict:
    figure: str
    goal: float
    reached: float
    causes: tuple[Cause, ...] = ()
    """Told where the goal is missed."""
    at_least: bool = False
    """The figure is to be at least so large; else at most."""
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.reached >= self.goal if self.at_least else self.reached <= self.goal


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


_ONE_DRAW = Cause(
    Kind.METHOD,
    "The distance to the goal is smaller than the difference between two replays that differ by a few failures only.",
)
_NEAR = 1.03
"""Times the goal: as far as one draw goes."""

_KEEP_GUARANTEES = ("kueue", "kai")
"""The policies that take GPUs back for guarantees, beside Entente."""

_LONGEST_LAST = Cause(
    Kind.PRICE,
    "The tenants' `order: ShortestFirst` lets the jobs that are expected to run longest go last. It buys a short mean"
    " delay. `fair` keeps no guarantee, and lets a few large gangs wait for very long instead.",
)
_FAIR_SHARE = Cause(
    Kind.PRICE,
    "Entente also stops jobs for the fair share of what nobody is guaranteed, which `kueue` does not divide. And it"
    " stops jobs on call when the job that their GPUs are kept for can start. It buys a fair division, and kept GPUs"
    " that do not idle.",
)
_AGAIN = Cause(
    Kind.DEFECT,
    "A borrower that was stopped starts again in the next gap of a guarantee, and may be stopped again and again.",
)
_GPUS_NOT_HOSTS = Cause(
    Kind.PRICE,
    "On `Shared` hosts GPUs are guaranteed, not whole hosts. So a gang of whole hosts waits while small jobs of others"
    " that are entitled, too, use a part of each. It buys short delays; on `Exclusive` hosts the deficit is far lower.",
)
_UNEXPLAINED = Cause(
    Kind.DEFECT,
    "It is not known yet which rule it comes from, so it counts as a defect.",
)
_GUARANTEES = Cause(
    Kind.PRICE,
    "Entente keeps guarantees by taking GPUs back, and work that is done again counts as delay. The other policy keeps"
    " no guarantee: some tenant is several times worse off with it than alone.",
)
_MILDER = Cause(
    Kind.PRICE,
    "`kai` stops whatever it must, at once. Entente waits for GPUs that come free within the notice, and stops no more"
    " than is needed, which wastes less work. How much of the gap that makes was not measured.",
)
_LENT = Cause(
    Kind.PRICE,
    "GPUs that a tenant does not use are lent, and it waits `stopSeconds` to have them back. A tenant with few and"
    " short jobs feels that. It buys all that sharing brings.",
)
_NO_BINDING_PLACE = Cause(
    Kind.DEFECT,
    "Most large gangs are above what is due to their tenant. Then they may not evict, and others may take the"
    " GPUs that are named for them.",
)


def _philly(section: Mapping[str, Any]) -> Iterator[Verdict]:
    rows, own = section["rows"], section["rows"]["entente"]
    compared = (
        ("mean delay, of that in partitions (`static`)", "static", "mean_queue_h", 0.07, (_ONE_DRAW,)),
        ("mean completion time, of that with `kueue`", "kueue", "mean_jct_h", 0.95, (_ONE_DRAW,)),
        ("mean completion time, of that with `kai`", "kai", "mean_jct_h", 0.95, ()),
        ("delay of the unluckiest 1 %, of that with `fair`", "fair", "p99_queue_h", 1.5, (_LONGEST_LAST,)),
        ("work lost to evictions, of that with `kueue`", "kueue", "wasted_gpu_h", 0.5, (_FAIR_SHARE, _AGAIN)),
    )
    for figure, other, name, goal, causes in compared:
        reached = ratio(own[name], rows.get(other, {}).get(name))
        if reached is not None:
            yield Verdict(figure, goal, reached, causes if causes != (_ONE_DRAW,) or reached <= goal * _NEAR else ())
    for figure, name, goal, unit, causes in (
        ("guaranteed GPU time asked for and not had", "deficit", 0.002, "%", (_GPUS_NOT_HOSTS,)),
        ("worst-off tenant: mean completion time, of that alone", "worst_tenant_vs_static", 1.0, "", ()),
        (
            "jobs that end over 10 % later than in partitions",
            "jobs_10pct_later_than_static",
            0.02,
            "%",
            (_UNEXPLAINED,),
        ),
    ):
        if own[name] is not None:
            yield Verdict(figure, goal, own[name], causes, unit=unit)
    if (longest := own["reclaim_s"]["max"]) is not None:
        yield Verdict("longest wait of an owner for its GPUs", section["notice_s"], longest, unit="s")


def _gpus(section: Mapping[str, Any]) -> Iterator[Verdict]:
    rows = section["rows"]
    reached = ratio(rows["entente"]["gpus"], rows.get("static", {}).get("gpus"))
    if reached is not None:
        yield Verdict(f"GPUs for a mean delay of {section['mean_queue_h']} h, of those in partitions", 0.55, reached)


def _saturation(section: Mapping[str, Any]) -> Iterator[Verdict]:
    reached = section["rows"]["entente"]["utilisation_while_waiting"]
    if reached is not None:
        yield Verdict("GPUs in use while jobs wait, in saturation", 0.96, reached, at_least=True, unit="%")


def _itp(section: Mapping[str, Any]) -> Iterator[Verdict]:
    """At least as good as the best baseline, within 2 %."""
    rows, own = section["rows"], section["rows"]["entente"]
    for figure, name in (
        ("mean delay", "mean_queue_h"),
        ("mean completion time", "mean_jct_h"),
        ("delay of the unluckiest 1 %", "p99_queue_h"),
    ):
        others = [(row[name], policy) for policy, row in rows.items() if policy != "entente"]
        yield from _best(f"ITP: {figure}", own[name], others, "the best other", (_GUARANTEES,))
    # who never evicts wastes nothing and keeps no guarantee: these are compared among those that do both
    for figure, name, causes in (
        ("work lost to evictions", "wasted_gpu_h", (_FAIR_SHARE, _AGAIN)),
        ("guaranteed GPU time asked for and not had", "deficit", (_MILDER,)),
    ):
        others = [(rows[other][name], other) for other in _KEEP_GUARANTEES if other in rows]
        yield from _best(f"ITP: {figure}", own[name], others, "the better of `kueue` and `kai`", causes)
    if own["worst_tenant_vs_static"] is not None:
        figure = "ITP: worst-off tenant: mean completion time, of that alone"
        yield Verdict(figure, 1.0, own["worst_tenant_vs_static"], (_LENT,))
    if (longest := own["reclaim_s"]["max"]) is not None:
        yield Verdict("ITP: longest wait of an owner for its GPUs", section["notice_s"], longest, unit="s")


def _best(
    figure: str, own: float | None, others: list[tuple[float, str]], which: str, causes: tuple[Cause, ...]
) -> Iterator[Verdict]:
    if not others:
        return
    value, policy = min(others)
    reached = ratio(own, value)
    if reached is not None:
        known = causes if causes != (_GUARANTEES,) or policy not in _KEEP_GUARANTEES else ()
        yield Verdict(f"{figure}, of that of {which} (`{policy}`)", 1.02, reached, known)


def _gangs(section: Mapping[str, Any]) -> Iterator[Verdict]:
    if "backfill" not in section["rows"]:
        return
    own, other = large_and_others(section["rows"]["entente"]), large_and_others(section["rows"]["backfill"])
    for figure, goal, mine, theirs, causes in (
        ("gangs of 128 GPUs and more: mean delay", 0.4, own[0], other[0], (_NO_BINDING_PLACE,)),
        ("the jobs beside these gangs: mean delay", 1.5, own[1], other[1], ()),
    ):
        reached = ratio(mine, theirs)
        if reached is not None:
            yield Verdict(f"{figure}, of that with `backfill`", goal, reached, causes)


def large_and_others(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Mean delays in hours of gangs of 128 GPUs and more, and of all other jobs."""
    sizes = dict(row["by_gpus"])
    large = sizes.pop("128+", None)
    jobs = sum(size["jobs"] for size in sizes.values())
    others = sum(size["jobs"] * size["mean_queue_h"] for size in sizes.values())
    return (large["mean_queue_h"] if large else None), (others / jobs if jobs else None)


def _failures(section: Mapping[str, Any]) -> Iterator[Verdict]:
    reached = section["rows"]["entente"]["goodput_vs_no_failures"]
    yield Verdict("useful part of the GPU time with failures, of that without", 0.985, reached, at_least=True)


def _openb(section: Mapping[str, Any]) -> Iterator[Verdict]:
    rows = section["rows"]
    reached = ratio(sum(rows["entente"]["unallocated"]), sum(rows.get("backfill", {}).get("unallocated", ())))
    if reached is not None:
        yield Verdict("idle GPUs when Alibaba's pods fill its cluster, of those with `backfill`", 0.7, reached)


_OF: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Verdict]]] = {
    "philly": _philly,
    "gpus": _gpus,
    "saturation": _saturation,
    "itp": _itp,
    "openb": _openb,
    "gangs": _gangs,
    "failures": _failures,
}
