"""Who gains and who loses by sharing, and why: the demo's jobs, and jobs drawn from them, on virtual time.

A seed draws each tenant's jobs (GPUs and duration) from that tenant's jobs of the slice, with replacement; the times of
submission stay, so that the owner is away in the first half and comes back in the second. Each draw is replayed by
the production engine twice: shared, and with a lend limit of 0 for both, which leaves each tenant alone on its half
under the same rules. The differences of a draw are paired; their mean over the seeds has a 95 % interval (Student's t).
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import fmean, median, stdev
from typing import Any, Final

from demo import trace, virtual
from demo.trace import GUEST, HOUR_S, OWNER, TraceJob
from demo.virtual import START_S, Rules

SEEDS = 16
REPORT_EVERY = 20
LOSS_H = 0.001
"""A smaller difference is none."""

TODAY: Final = Rules(start_s=START_S)
CASES: Final[Mapping[str, tuple[str, Rules]]] = {
    "today": ("the demo as it is", TODAY),
    "save": ("guests that are told to stop have saved, and end at once", replace(TODAY, save_s=0.0)),
    "start": ("a start takes no time", replace(TODAY, start_s=0.0)),
    "notice": ("`noticeSeconds: 30` instead of 60", replace(TODAY, notice_s=30.0)),
    "protection": ("`minRuntimeSeconds: 0` instead of 20", replace(TODAY, min_runtime_s=0.0)),
    "turns": ("`minRuntimeSeconds: 1000`: no borrower has to go for another", replace(TODAY, min_runtime_s=1000.0)),
    "lend-96": ("the owner's `lendLimit: 96` instead of 128", replace(TODAY, owner_lends=96)),
    "lend-64": ("the owner's `lendLimit: 64` instead of 128", replace(TODAY, owner_lends=64)),
    "life": (
        "a start takes 60 s, to save takes 120 s, and the notice is 300 s, of the trace's own time",
        Rules(start_s=60 / trace.SPEED, save_s=120 / trace.SPEED, notice_s=300 / trace.SPEED),
    ),
}
"""What is changed, in words, and the rules."""


@dataclass(frozen=True, slots=True)
class Row:
    """One tenant under one case, in hours of the trace: mean over the seeds, and half of the 95 % interval."""

    alone_h: float
    shared_h: float
    difference_h: float
    """Shared less alone: more than 0 is a loss by sharing."""
    margin_h: float
    median_h: float
    """Of the differences: one draw in which the owner wants more than its half moves the mean far."""
    worse: int
    """Seeds in which sharing is a loss."""
    seeds: int


def drawn(jobs: Sequence[TraceJob], seed: int) -> tuple[TraceJob, ...]:
    """The jobs of one seed; seed 0 is the slice itself."""
    if seed == 0:
        return tuple(jobs)
    random = Random(seed)  # noqa: S311 - no secret
    by_tenant = {tenant: [job for job in jobs if job.tenant == tenant] for tenant in (OWNER, GUEST)}
    lots = [random.choice(by_tenant[job.tenant]) for job in jobs]
    return tuple(replace(job, duration_s=lot.duration_s, gpus=lot.gpus) for job, lot in zip(jobs, lots, strict=True))


def waiting(jobs: Sequence[TraceJob], rules: Rules) -> dict[str, float]:
    """Mean hours from submission to end that a job did not run, by tenant; all jobs are replayed to their ends."""
    courses = virtual.replay(jobs, rules)
    start_s = rules.start_s * trace.SPEED
    return {
        tenant: fmean(courses[job.job_id].waited(math.inf, start_s) for job in jobs if job.tenant == tenant) / HOUR_S
        for tenant in (OWNER, GUEST)
    }


def interval(values: Sequence[float]) -> float:
    """Half the width of the 95 % interval of a mean; 0 for a single value."""
    if len(values) < 2:  # noqa: PLR2004 - no spread
        return 0.0
    return student_t(len(values) - 1) * stdev(values) / math.sqrt(len(values))


def student_t(freedom: int) -> float:
    """The 97.5 % quantile of Student's t by the expansion of Cornish and Fisher; to 0.01 from 5 degrees on.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    z, n = 1.959964, float(freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def rows(pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> dict[str, Row]:
    """By tenant, from (alone, shared) of each seed."""
    found = {}
    for tenant in (OWNER, GUEST):
        differences = [shared[tenant] - alone[tenant] for alone, shared in pairs]
        found[tenant] = Row(
            alone_h=fmean(alone[tenant] for alone, _ in pairs),
            shared_h=fmean(shared[tenant] for _, shared in pairs),
            difference_h=fmean(differences),
            margin_h=interval(differences),
            median_h=median(differences),
            worse=sum(difference > LOSS_H for difference in differences),
            seeds=len(pairs),
        )
    return found


def alone(rules: Rules) -> Rules:
    """Nobody lends: only what a start takes is left of the rules."""
    return Rules(start_s=rules.start_s, owner_lends=0, guest_lends=0)


def _replayed(task: tuple[Rules, int]) -> dict[str, float]:
    rules, seed = task
    return waiting(drawn(trace.read(), seed), rules)


def study(seeds: int, processes: int | None = None) -> dict[str, Any]:
    """All figures: of the slice itself, and of each case over so many seeds."""
    needed = {(how, 0) for how in (TODAY, alone(TODAY))}
    for _, rules in CASES.values():
        needed |= {(how, seed) for how in (rules, alone(rules)) for seed in range(1, seeds + 1)}
    tasks = sorted(needed, key=repr)
    found: dict[tuple[Rules, int], dict[str, float]] = {}
    with ProcessPoolExecutor(processes) as pool:
        for task, hours in zip(tasks, pool.map(_replayed, tasks), strict=True):
            found[task] = hours
            if len(found) % REPORT_EVERY == 0:
                print(f"{len(found)} of {len(tasks)} replays are done", file=sys.stderr, flush=True)

    def compared(rules: Rules, of: Sequence[int]) -> dict[str, Any]:
        return _plain(rows([(found[alone(rules), seed], found[rules, seed]) for seed in of]))

    return {
        "seeds": seeds,
        "startSeconds": START_S,
        "slice": compared(TODAY, [0]),
        "cases": [
            {"case": case, "what": what, **compared(rules, range(1, seeds + 1))}
            for case, (what, rules) in CASES.items()
        ],
    }


def _plain(by_tenant: Mapping[str, Row]) -> dict[str, Any]:
    return {
        tenant: {
            "alone_h": round(row.alone_h, 2),
            "shared_h": round(row.shared_h, 2),
            "difference_h": round(row.difference_h, 2),
            "margin_h": round(row.margin_h, 2),
            "median_h": round(row.median_h, 3),
            "worse": row.worse,
        }
        for tenant, row in by_tenant.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m demo.fairness", description="Who gains by sharing, and why.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="draws of jobs (default: %(default)s)")
    parser.add_argument("--processes", type=int, help="replays at once (default: one for each core)")
    parser.add_argument("--out", type=Path, help="write the figures here, too")
    options = parser.parse_args(argv)
    if options.seeds < 1:
        parser.error(f"--seeds: must be at least 1, but is {options.seeds}")
    text = json.dumps(study(options.seeds, options.processes), indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
