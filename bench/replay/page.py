"""The part of the results page that is made from figures: tables in Markdown."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bench.replay.experiments import COMPARED, EXPERIMENTS, POLICIES
from bench.replay.short import in_short
from bench.replay.verdicts import Cause, Kind, Sections, Verdict, large_and_others, verdicts
from entente.api.amounts import count

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
SHORT_BEGIN, SHORT_END = "<!-- in short: begin -->", "<!-- in short: end -->"

_TITLES = {
    "philly": "Philly, hosts `Shared`",
    "philly-exclusive": "Philly, hosts `Exclusive`",
    "itp": "ITP",
    "gangs": "Gangs of 128 GPUs and more",
    "saturation": "Saturation",
    "failures": "Failures",
    "openb": "Filling Alibaba's cluster",
    "gpus": "GPUs for the same mean delay",
    "small": "The slice in the repository",
}

_GOALS = """\
The goals were set before the replays. "Of that" is a ratio: 0.5 is half as much. A goal is missed by a **defect** of
Entente, which is to be mended, as the **price** of a rule, or by a limit of the **method**. The lists below the table
say which."""

_Cell = Callable[[Mapping[str, Any]], str]


def page(before: str, sections: Sections) -> str:
    """The page with its generated parts made anew.

    They are two where it has a place for the part in short, and else one. Raises ValueError when a place is missing.
    """
    if SHORT_BEGIN not in before:
        return _between(before, BEGIN, END, reached(sections) + tables(sections))
    text = _between(before, SHORT_BEGIN, SHORT_END, f"{in_short(sections)}\n\n{reached(sections)}")
    return _between(text, BEGIN, END, tables(sections))


def _between(text: str, begin: str, end: str, part: str) -> str:
    head, begun, rest = text.partition(begin)
    _, ended, tail = rest.partition(end)
    if not begun or not ended:
        message = f"the page has no part between {begin} and {end}"
        raise ValueError(message)
    return f"{head}{begin}\n\n{part.rstrip()}\n\n{end}{tail}"


def reached(sections: Sections) -> str:
    """The goals, what is reached of them, and why some are missed."""
    parts = ["## What is reached, and what is not"]
    if found := verdicts(sections):
        parts += [_GOALS, _verdicts(found), *_causes(found)]
    return "\n\n".join(parts) + "\n\n"


def tables(sections: Sections) -> str:
    """All tables of the experiments that are there, and the commands for rows that are not."""
    parts = list[str]()
    if missing := list(_missing(sections)):
        parts += ["These rows were not made yet; the commands make them:", "```\n" + "\n".join(missing) + "\n```"]
    for name in EXPERIMENTS:
        if name in sections:
            parts += [f"## {_TITLES[name]}", *_section(name, sections[name])]
    return "\n\n".join(parts)


def _missing(sections: Sections) -> Iterator[str]:
    """Commands for the rows that are not there."""
    for name in EXPERIMENTS:
        there = sections[name]["rows"] if name in sections else {}
        missing = [policy for policy in COMPARED.get(name, POLICIES) if policy not in there]
        if missing and name != "small":
            yield f"make replay ONLY={name}" + (f" POLICIES={','.join(missing)}" if there else "")


def _section(name: str, section: Mapping[str, Any]) -> Iterator[str]:
    yield _about(section)
    rows = section["rows"]
    if name == "openb":
        yield _table(
            rows, (("GPUs", _whole("capacity")), ("asked for", _whole("asked")), ("unallocated, by seed", _seeds))
        )
        return
    if name == "gpus":
        yield _table(
            rows, (("GPUs", _whole("gpus")), ("mean delay h", _number("mean_queue_h")), ("tried: delay h", _tried))
        )
        return
    yield _table(rows, _COMMON)
    if name in _MORE:
        yield _table(rows, _MORE[name])
    yield f"![Delays](results-{name}.svg)"
    if by_cause := {name: row for name, row in rows.items() if row.get("evictions_by_cause")}:
        yield "Evictions by cause, and in brackets those of jobs that were started at that very instant:"
        yield _by_cause(by_cause)
    yield "Mean delay in hours by the GPUs of a job:"
    yield _by_size(rows)
    if "entente" in rows:
        yield "The tenants under `entente`:"
        yield _table(rows["entente"]["tenants"], _TENANT, first="tenant")


def _about(section: Mapping[str, Any]) -> str:
    if "jobs" not in section:
        return f"Trace {section['trace']}."
    window = f"days {section['days'][0]:g} to {section['days'][1]:g}" if section["days"] else "the scenario's window"
    hosts = "`Exclusive`" if section["exclusive"] else "`Shared`"
    return (
        f"Trace {section['trace']}, {window} ({section['window_days']:g} days): {section['jobs']:,} jobs on"
        f" {section['capacity']:,} GPUs, hosts {hosts}, load {section['load']:.2f}, notice {section['notice_s']:g} s."
    )


def _verdicts(found: Sequence[Verdict]) -> str:
    lines = ["| | figure | goal | Entente | |", "|---:|---|---:|---:|---|"]
    for number, one in enumerate(found, start=1):
        goal = f"{'>=' if one.at_least else '<='} {_in_unit(one.goal, one.unit)}"
        said = "reached" if one.met else f"**{_missed(one)}**"
        lines.append(f"| {number} | {one.figure} | {goal} | {_in_unit(one.reached, one.unit)} | {said} |")
    return "\n".join(lines)


_SHORT = {Kind.DEFECT: "defect", Kind.PRICE: "price", Kind.METHOD: "method"}


def _missed(one: Verdict) -> str:
    kinds = dict.fromkeys(_SHORT[cause.kind] for cause in one.causes)
    return f"missed: {', '.join(kinds)}" if kinds else "missed"


def _causes(found: Sequence[Verdict]) -> Iterator[str]:
    """Why goals are missed: each cause once, with the numbers of the figures that it is one for."""
    missed = {number: one for number, one in enumerate(found, start=1) if not one.met}
    for kind in Kind:
        causes = dict.fromkeys(cause for one in missed.values() for cause in one.causes if cause.kind is kind)
        if causes:
            yield f"A miss that is {kind}:"
            yield "\n".join(f"- {_numbers(missed, cause)}: {cause.why}" for cause in causes)


def _numbers(missed: Mapping[int, Verdict], cause: Cause) -> str:
    numbers = [str(number) for number, one in missed.items() if cause in one.causes]
    return f"{'Figure' if len(numbers) == 1 else 'Figures'} {', '.join(numbers)}"


def _in_unit(value: float, unit: str) -> str:
    if unit == "%":
        return f"{100 * value:.2f} %"
    return f"{value:g} s" if unit == "s" else f"{value:.3f}"


def _number(name: str, digits: int = 2) -> _Cell:
    return lambda row: "-" if row[name] is None else f"{row[name]:,.{digits}f}"


def _whole(name: str) -> _Cell:
    return lambda row: f"{row[name]:,}"


def _percent(name: str) -> _Cell:
    return lambda row: "-" if row[name] is None else f"{100 * row[name]:.2f} %"


def _reclaim(name: str) -> _Cell:
    return lambda row: "-" if row["reclaim_s"][name] is None else f"{row['reclaim_s'][name]:,.0f}"


def _seeds(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{gpus:,}" for gpus in row["unallocated"])


def _tried(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{gpus}: {'never' if delay is None else f'{delay:.2f}'}" for gpus, delay in row["tried"].items())


_COMMON: tuple[tuple[str, _Cell], ...] = (
    ("JCT h", _number("mean_jct_h")),
    ("delay h", _number("mean_queue_h", 3)),
    ("p99 delay h", _number("p99_queue_h")),
    ("wasted GPU-h", _number("wasted_gpu_h", 0)),
    ("evictions", _whole("evictions")),
    ("most of one job", _whole("most_evictions_of_a_job")),
    ("deficit", _percent("deficit")),
    ("worst tenant / static", _number("worst_tenant_vs_static")),
    ("jobs later", _percent("jobs_10pct_later_than_static")),
    ("reclaim s p50", _reclaim("p50")),
    ("p99", _reclaim("p99")),
    ("max", _reclaim("max")),
    ("code", lambda row: f"`{row['code']}`"),
)


def _large(row: Mapping[str, Any]) -> str:
    return _or_dash(large_and_others(row)[0])


def _others(row: Mapping[str, Any]) -> str:
    return _or_dash(large_and_others(row)[1])


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3f}"


_MORE: Mapping[str, tuple[tuple[str, _Cell], ...]] = {
    "gangs": (("128 GPUs and more: delay h", _large), ("others: delay h", _others)),
    "saturation": (
        ("GPUs in use while jobs wait", _percent("utilisation_while_waiting")),
        ("in use, over the window", _percent("utilisation")),
    ),
    "failures": (("goodput", _percent("goodput")), ("/ without failures", _number("goodput_vs_no_failures", 4))),
}

_TENANT: tuple[tuple[str, _Cell], ...] = (
    ("jobs", _whole("jobs")),
    ("guaranteed", _whole("guaranteed")),
    ("JCT h", _number("mean_jct_h")),
    ("delay h", _number("mean_queue_h", 3)),
    ("evictions", _whole("evictions")),
    ("deficit", _percent("deficit")),
    ("JCT / static", _number("jct_vs_static")),
)


def _by_cause(rows: Mapping[str, Mapping[str, Any]]) -> str:
    causes = sorted({cause for row in rows.values() for cause in row["evictions_by_cause"]})
    return _table(rows, [(cause, _of_cause(cause)) for cause in causes])


def _of_cause(cause: str) -> _Cell:
    return lambda row: f"{row['evictions_by_cause'].get(cause, 0):,} ({row['evictions_at_the_start'].get(cause, 0):,})"


def _by_size(rows: Mapping[str, Mapping[str, Any]]) -> str:
    sizes = {size: by["jobs"] for row in rows.values() for size, by in row["by_gpus"].items()}
    cells = [(f"{size} ({count(jobs, 'job', ',')})", _of_size(size)) for size, jobs in sizes.items()]
    return _table(rows, cells)


def _of_size(size: str) -> _Cell:
    return lambda row: f"{row['by_gpus'][size]['mean_queue_h']:,.3f}" if size in row["by_gpus"] else "-"


def _table(rows: Mapping[str, Mapping[str, Any]], cells: Iterable[tuple[str, _Cell]], first: str = "policy") -> str:
    cells = list(cells)
    head = [f"| {first} | " + " | ".join(name for name, _ in cells) + " |", "|---" + "|---:" * len(cells) + "|"]
    body = [f"| {name} | " + " | ".join(cell(row) for _, cell in cells) + " |" for name, row in rows.items()]
    return "\n".join([*head, *body])
