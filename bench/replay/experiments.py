"""The experiments. Each is a function from a context to what is kept of it: a setting and a row for each policy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.replay.capacity import equal_delay
from bench.replay.cases import Case, ReplayRun
from bench.replay.filling import FillRun
from bench.replay.mix import written
from bench.replay.rows import full_row
from bench.replay.runs import Runs
from bench.replay.traces import ITP, OPENB, PHILLY
from entente.simulator.report import BASELINE

POLICIES = ("static", "fifo", "backfill", "easy", "fair", "kueue", "kai", "entente")

FAILURES_PER_THOUSAND = 0.47
"""GPUs of a thousand that fail on a day, as in the training of Llama 3."""

EQUAL_DELAY_H = 0.6
SATURATED = 1.2
MIX_SEED = 1
SEEDS = (1, 2, 3)

SMALL_TRACE = "philly-2017-jobs-92000-92399.csv"


@dataclass(frozen=True, slots=True)
class Context:
    runs: Runs
    traces: Path
    """Folder of the traces that are not in the repository."""
    scenarios: Path
    work: Path
    days: tuple[float, float] | None = None
    """A slice of the trace instead of the scenario's window."""
    policies: Sequence[str] = POLICIES


Section = dict[str, Any]


def small(context: Context) -> Section:
    """The slice in the repository: seconds, for continuous integration."""
    return _replayed(context, Case(context.scenarios / SMALL_TRACE, context.scenarios / "small.yaml"))


def philly(context: Context) -> Section:
    """Philly on 1,600 GPUs, `Shared` hosts."""
    return _replayed(context, _philly(context))


def philly_exclusive(context: Context) -> Section:
    """The same with `Exclusive` hosts: what isolation costs."""
    return _replayed(context, _philly(context, exclusive=True))


def itp(context: Context) -> Section:
    return _replayed(context, Case(ITP.find(context.traces), context.scenarios / "itp.yaml", context.days))


def gangs(context: Context) -> Section:
    """Gangs of 128 GPUs and more among small jobs."""
    context.work.mkdir(parents=True, exist_ok=True)
    trace = context.work / f"gangs-{MIX_SEED}.csv"
    trace.write_text(written(MIX_SEED), encoding="utf-8")
    return _replayed(context, Case(trace, context.scenarios / "gangs.yaml", context.days))


def saturation(context: Context) -> Section:
    """Philly with a fifth more asked for than there is."""
    return _replayed(context, _philly(context, target_load=SATURATED))


def failures(context: Context) -> Section:
    """Philly with failures of GPUs, and 10 minutes until a gang works again."""
    found = _replayed(context, _philly(context, failures=FAILURES_PER_THOUSAND))
    undisturbed = _rows(context, _philly(context), [name for name in context.policies if name in found["rows"]])
    for name, row in found["rows"].items():
        row["goodput_vs_no_failures"] = round(row["goodput"] / undisturbed[name]["goodput"], 6)
    return found


def gpus(context: Context) -> Section:
    """How many GPUs give the same mean delay, alone and shared."""
    case = _philly(context)
    wanted = [name for name in COMPARED["gpus"] if name in context.policies]
    rows = {name: equal_delay(context.runs, case, name, EQUAL_DELAY_H) for name in wanted}
    return _about(context, case, [ReplayRun(case, name) for name in wanted]) | {
        "mean_queue_h": EQUAL_DELAY_H,
        "rows": rows,
    }


def openb(context: Context) -> Section:
    """Pods that come and stay until as many GPUs are asked for as there are."""
    trace = OPENB.find(context.traces)
    runs = {
        name: [FillRun(trace, name, seed) for seed in SEEDS] for name in COMPARED["openb"] if name in context.policies
    }
    context.runs.do([run for several in runs.values() for run in several])
    rows = {}
    for name, several in runs.items():
        found = [context.runs.get(run) for run in several]
        rows[name] = {
            "capacity": found[0].capacity,
            "asked": found[0].asked,
            "unallocated": [filled.unallocated for filled in found],
            "code": context.runs.code(several[0]),
        }
    return {"trace": trace.name.partition(".")[0], "rows": rows}


EXPERIMENTS: Mapping[str, Callable[[Context], Section]] = {
    "philly": philly,
    "philly-exclusive": philly_exclusive,
    "itp": itp,
    "gangs": gangs,
    "saturation": saturation,
    "failures": failures,
    "openb": openb,
    "gpus": gpus,
    "small": small,
}
"""By name; `small` only when it is asked for."""

COMPARED: Mapping[str, Sequence[str]] = {
    "gpus": (BASELINE, "entente"),
    "openb": tuple(name for name in POLICIES if name != BASELINE),
}
"""Policies of the experiments that are not of all of them: a partition has no one cluster to fill."""

PRINTED = {
    "philly": "philly-2017",
    "philly-exclusive": "philly-2017-exclusive",
    "itp": "itp-2021",
    "gangs": "gangs",
    "saturation": "philly-2017-load-1.2",
    "failures": "philly-2017-failures",
    "small": "small",
}
"""Under which name the rows of an experiment are printed."""


def _philly(
    context: Context, *, exclusive: bool = False, target_load: float | None = None, failures: float | None = None
) -> Case:
    return Case(
        PHILLY.find(context.traces),
        context.scenarios / "philly.yaml",
        context.days,
        exclusive=exclusive,
        target_load=target_load,
        failures_per_thousand=failures,
    )


def _replayed(context: Context, case: Case) -> Section:
    runs = [ReplayRun(case, name) for name in context.policies]
    about = _about(context, case, runs)
    return about | {"rows": _rows(context, case, context.policies)}


def _about(context: Context, case: Case, runs: Sequence[ReplayRun]) -> Section:
    setting = case.setting()
    context.runs.do(runs)
    (pool,) = setting.site.pools.values()
    return {
        "trace": case.trace.name.partition(".")[0],
        "days": list(case.days) if case.days else None,
        "jobs": len(setting.jobs),
        "capacity": setting.site.capacity(pool.name),
        "load": round(setting.load, 4),
        "window_days": round(setting.window_s / 86_400, 2),
        "notice_s": pool.notice_s,
        "grace_s": setting.conditions.stop_s,
        "exclusive": pool.exclusive,
    }


def _rows(context: Context, case: Case, policies: Sequence[str]) -> dict[str, dict[str, Any]]:
    setting = case.setting()
    context.runs.do([ReplayRun(case, name) for name in (BASELINE, *policies)])
    static = context.runs.get(ReplayRun(case, BASELINE)).outcome
    rows = {}
    for name in policies:
        run = ReplayRun(case, name)
        rows[name] = full_row(setting, context.runs.get(run), static) | {"code": context.runs.code(run)}
    return rows
