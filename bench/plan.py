"""How soon `entente plan` answers about 1,000 nodes and 2,000 jobs, its start included. Prints one JSON object last."""

import argparse
import json
import os
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
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the manifests there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        objects = list(manifests(make_estate(HOSTS * 8, exclusive=asked.exclusive).snapshot, asked.jobs))
        figures: dict[str, Any] = {
            "nodes": HOSTS,
            "jobs": min(asked.jobs, sum(o["kind"] == "TrainingJob" for o in objects)),
            "nodeSharing": "Exclusive" if asked.exclusive else "Shared",
            "runs": asked.runs,
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


def _timed(file: Path, output: str, runs: int) -> dict[str, float]:
    """Seconds of the whole command: the middle and the longest of some runs."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # as it is installed
    taken = []
    for _ in range(1 + runs):  # the first one fills caches
        begun = time.perf_counter()
        command = [*_COMMAND, "-f", str(file), "-o", output]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)  # noqa: S603 - our own
        taken.append(time.perf_counter() - begun)
        assert POOL.encode() in done.stdout  # noqa: S101 - a plan without the pool's books would be none
    return {"p50": round(statistics.median(taken[1:]), 3), "max": round(max(taken[1:]), 3)}


if __name__ == "__main__":
    sys.exit(main())
