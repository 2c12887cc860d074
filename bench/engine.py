"""How fast the engine decides about 10,000, 100,000 and 1,000,000 GPUs. Prints one JSON object last.

Each scale runs in a process of its own, so that its memory is its own.
"""

import argparse
import cProfile
import gc
import json
import multiprocessing
import pstats
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.churn import Churn, Round
from bench.estates import NOW, make_estate
from bench.memory import peak_mib
from entente.engine.decisions import Action, Plan
from entente.engine.invariants import check_invariants
from entente.engine.live import LivePlanner
from entente.engine.model import Snapshot
from entente.engine.planner import decide

SCALES = (10_000, 100_000, 1_000_000)
WARM_UP = 20
"""Decisions in which the estate settles: the backlog fills what was idle, and those entitled get their own."""

_TELL_EVERY = 20
_PROFILE_LINES = 40


@dataclass(frozen=True, slots=True)
class Options:
    gpus: int
    decisions: int
    warm_up: int
    exclusive: bool
    check: bool
    replan: bool
    profile: Path | None


def measure(options: Options) -> dict[str, Any]:
    tell = _Teller(options.gpus)
    begun = time.perf_counter()
    estate = make_estate(options.gpus, exclusive=options.exclusive)
    jobs = len(estate.snapshot.jobs)
    tell(f"{len(estate.snapshot.nodes)} hosts and {jobs} jobs drawn in {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    planner = LivePlanner(estate.snapshot)
    planner.decide(NOW)
    built = time.perf_counter() - begun
    gc.collect()
    gc.freeze()  # as the operator does once it has read the estate: what stays need not be looked at again
    tell(f"built, and decided for the first time, in {built:.2f} s")
    churn = Churn(estate, planner, NOW, watch=_checked if options.check else None)
    churn.take_in()
    first = [_told(tell, i, churn.round()) for i in range(options.warm_up)]
    profile = cProfile.Profile() if options.profile else None
    if profile:
        profile.enable()
    rounds = [_told(tell, i, churn.round()) for i in range(options.decisions)]
    if profile and options.profile:
        profile.disable()
        _write(profile, options.profile)
    memory = peak_mib()
    again = _replan(tell, churn.planner.snapshot(churn.now)) if options.replan else None
    return {
        "gpus": options.gpus,
        "build_s": round(built, 3),
        "decision_ms": _quantiles([r.decided_s for r in rounds]),
        "replan_s": again,
        "rss_mib": round(memory),
        "rss_with_replan_mib": round(peak_mib()),
        "apply_ms": _quantiles([r.applied_s for r in rounds]),
        "warm_up_ms": _quantiles([r.decided_s for r in first]),
        "decisions": len(rounds),
        "actions": dict(sorted(sum((_actions(r.actions) for r in rounds), Counter[str]()).items())),
        "hosts": len(estate.snapshot.nodes),
        "running": len(churn.running),
        "jobs": len(churn.planner.snapshot(churn.now).jobs),
    }


class _Teller:
    """Says on standard error how far a scale is."""

    def __init__(self, gpus: int) -> None:
        self._gpus = gpus

    def __call__(self, text: str) -> None:
        print(f"{self._gpus:>9,} GPUs: {text}", file=sys.stderr, flush=True)


def _told(tell: _Teller, index: int, done: Round) -> Round:
    if index % _TELL_EVERY == 0:
        actions = ", ".join(f"{n} {a}" for a, n in sorted(_actions(done.actions).items())) or "nothing to do"
        tell(f"decision {index}: {1000 * done.decided_s:.1f} ms ({actions})")
    return done


def _actions(actions: tuple[Action, ...]) -> Counter[str]:
    return Counter(type(action).__name__ for action in actions)


def _checked(snapshot: Snapshot, plan: Plan) -> None:
    if broken := check_invariants(snapshot, plan):
        raise AssertionError("\n".join(str(b) for b in broken))


def _replan(tell: _Teller, snapshot: Snapshot) -> float:
    """Seconds of a decision from scratch about the estate as it is after the churn."""
    begun = time.perf_counter()
    decide(snapshot)
    took = time.perf_counter() - begun
    tell(f"planned from scratch in {took:.2f} s")
    return round(took, 3)


def _quantiles(seconds: list[float]) -> dict[str, float] | None:
    """In milliseconds; the p-th of n is the least that p per cent of them do not exceed."""
    if not seconds:
        return None
    ranked = [round(1000 * s, 2) for s in sorted(seconds)]
    return {"p50": _at(ranked, 50), "p99": _at(ranked, 99), "max": ranked[-1]}


def _at(ranked: list[float], per_cent: int) -> float:
    return ranked[max(0, -(-per_cent * len(ranked) // 100) - 1)]


def _write(profile: cProfile.Profile, path: Path) -> None:
    with path.open("w", encoding="utf-8") as out:
        stats = pstats.Stats(profile, stream=out)
        for order in ("tottime", "cumulative"):
            stats.sort_stats(order).print_stats(_PROFILE_LINES)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, action="append", metavar="GPUS", help="default: all three")
    parser.add_argument("--decisions", type=int, default=200)
    parser.add_argument("--warm-up", type=int, default=WARM_UP, help="decisions before those that count")
    parser.add_argument("--exclusive", action="store_true", help="never two tenants on a host")
    parser.add_argument("--check", action="store_true", help="check every decision against the invariants (slow)")
    parser.add_argument("--no-replan", action="store_true", help="leave the decision from scratch out")
    parser.add_argument("--profile", type=Path, help="write a profile of the decisions (one scale; slows them down)")
    asked = parser.parse_args()
    scales = []
    for gpus in asked.scale or SCALES:
        options = Options(
            gpus, asked.decisions, asked.warm_up, asked.exclusive, asked.check, not asked.no_replan, asked.profile
        )
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            scales.append(pool.submit(measure, options).result())
    print(json.dumps({"nodeSharing": "Exclusive" if asked.exclusive else "Shared", "scales": scales}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
