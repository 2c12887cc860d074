"""The figures of one replay that the results page and the JSON object are made of."""

from collections.abc import Collection, Mapping
from typing import Any

from bench.replay.cases import Replayed
from entente.simulator.figures import hours, mean, percentile
from entente.simulator.outcome import JobOutcome, Outcome
from entente.simulator.report import figures
from entente.simulator.setting import Setting

ROW = (
    "mean_jct_h",
    "mean_queue_h",
    "p99_queue_h",
    "wasted_gpu_h",
    "evictions",
    "deficit",
    "worst_tenant_vs_static",
    "jobs_10pct_later_than_static",
)
"""What is printed of a policy, beside its `reclaim_s`."""

RECLAIM = ("p50", "p99", "max")

SIZES = (1, 2, 5, 9, 128)
"""Least GPUs of each class of jobs whose delays are compared."""

QUANTILES = tuple(range(2, 101, 2))


def printed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ROW} | {"reclaim_s": {name: row["reclaim_s"][name] for name in RECLAIM}}


def full_row(setting: Setting, replayed: Replayed, static: Outcome | None) -> dict[str, Any]:
    outcome = replayed.outcome
    found = figures(setting.site, outcome, static)
    whole = found["all"]
    delays = sorted(job.delay_s for job in outcome.jobs.values() if job.delay_s is not None)
    return printed(whole) | {
        "jobs": whole["jobs"],
        "done": whole["done"],
        "useful_gpu_h": whole["useful_gpu_h"],
        "reclaims": whole["reclaim_s"]["count"],
        "reclaims_within_notice": whole["reclaim_s"]["within_notice"],
        "utilisation": whole["utilisation"],
        "utilisation_while_waiting": whole["utilisation_while_waiting"],
        "goodput": whole["goodput"],
        "wasted_by": whole["wasted_by"],
        "decisions": outcome.decisions,
        "most_evictions_of_a_job": max((job.evictions for job in outcome.jobs.values()), default=0),
        "jobs_evicted": sum(job.evictions > 0 for job in outcome.jobs.values()),
        "evictions_by_cause": _by_cause(replayed.stops, at_once=None),
        "evictions_at_the_start": _by_cause(replayed.stops, at_once=True),
        "by_gpus": _by_size(outcome.jobs.values()),
        "delay_quantiles_h": [hours(percentile(delays, percent)) for percent in QUANTILES],
        "tenants": {name: _tenant(row) for name, row in found["tenants"].items() if row["jobs"]},
    }


def _by_cause(stops: Mapping[tuple[str, bool], int], *, at_once: bool | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for (cause, immediate), count in sorted(stops.items()):
        if at_once is None or at_once is immediate:
            found[cause] = found.get(cause, 0) + count
    return found


def _by_size(jobs: Collection[JobOutcome]) -> dict[str, dict[str, Any]]:
    ends = (*(least - 1 for least in SIZES[1:]), None)
    found: dict[str, dict[str, Any]] = {}
    done = [(job.job.gpus, delay) for job in jobs if (delay := job.delay_s) is not None]
    for least, most in zip(SIZES, ends, strict=True):
        name = f"{least}+" if most is None else str(least) if most == least else f"{least}-{most}"
        delays = [delay for gpus, delay in done if least <= gpus and (most is None or gpus <= most)]
        if delays:
            found[name] = {"jobs": len(delays), "mean_queue_h": hours(mean(delays))}
    return found


def _tenant(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("jobs", "guaranteed", "mean_jct_h", "mean_queue_h", "evictions", "deficit", "jct_vs_static")
    return {name: row[name] for name in names}
