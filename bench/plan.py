"""How soon `entente plan` answers about 1,000 nodes and 2,000 jobs, its start included. Prints one JSON object last."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from bench.estates import NOW, POOL, make_estate
from bench.manifests import manifests
from entente.api.base import rfc3339

HOSTS, JOBS = 1_000, 2_000
RUNS = 5
STARTS = 9

_EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
_COMMAND = (sys.executable, "-m", "entente.cli.main", "plan", "--now", rfc3339(datetime.fromtimestamp(NOW, UTC)))


class _Dumper(yaml.CSafeDumper):
    """Writes what is the same in several places in each of them, as kubectl does."""

    @override
    def ignore_aliases(self, data: object) -> bool:
        return True


def main() -> int:
    """Write the manifests once, then run the command on each form of them several times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--jobs", type=int, default=JOBS, help="those that run come first")
    parser.add_argument("--exclusive", action="store_true", help="never two tenants on a host")
    parser.add_argument("--start-only", action="store_true", help="only how long a plan of the examples takes")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the manifests there")
    asked = parser.parse_args()
    if asked.start_only:
        print(json.dumps({"start": _start()}))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        objects = list(manifests(make_estate(HOSTS * 8, exclusive=asked.exclusive).snapshot, asked.jobs))
        figures: dict[str, Any] = {
            "nodes": HOSTS,
            "jobs": min(asked.jobs, sum(o["kind"] == "TrainingJob" for o in objects)),
            "nodeSharing": "Exclusive" if asked.exclusive else "Shared",
            "runs": asked.runs,
            "start": _start(),
        }
        for form, text in (("json", _as_json(objects)), ("yaml", yaml.dump_all(objects, Dumper=_Dumper))):
            file = folder / f"estate.{form}"
            file.write_text(text, encoding="utf-8")
            for output in ("json", "table"):
                print(f"{form} in, {output} out: {len(text) / 1e6:.1f} MB ...", file=sys.stderr, flush=True)
                figures[f"{form}_to_{output}_s"] = _timed(file, output, asked.runs)
    print(json.dumps(figures))
    return 0


def _as_json(objects: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=4)


def _start() -> dict[str, float]:
    """Seconds of CPU of a plan of the examples, of Python alone, and the difference: the middle of some turns each."""
    print("the examples, and Python alone ...", file=sys.stderr, flush=True)
    commands = {"examples_s": [*_COMMAND, "-f", str(_EXAMPLES)], "python_s": [sys.executable, "-c", "pass"]}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(1 + STARTS):  # the first one fills caches
        for name, command in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=_environment())  # noqa: S603 - our own
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if turn:
                taken[name].append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    found = {name: statistics.median(seconds) for name, seconds in taken.items()}
    found["beyond_python_s"] = found["examples_s"] - found["python_s"]
    return {name: round(seconds, 3) for name, seconds in found.items()}


def _environment() -> dict[str, str]:
    """Without what keeps bytecode from being kept: an installed command has it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _timed(file: Path, output: str, runs: int) -> dict[str, float]:
    """Seconds of the whole command: the middle and the longest of some runs."""
    environment, taken = _environment(), []
    for _ in range(1 + runs):  # the first one fills caches
        begun = time.perf_counter()
        command = [*_COMMAND, "-f", str(file), "-o", output]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)  # noqa: S603 - our own
        taken.append(time.perf_counter() - begun)
        assert POOL.encode() in done.stdout  # noqa: S101 - a plan without the pool's books would be none
    return {"p50": round(statistics.median(taken[1:]), 3), "max": round(max(taken[1:]), 3)}


if __name__ == "__main__":
    sys.exit(main())
