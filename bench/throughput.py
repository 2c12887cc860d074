"""A thousand jobs at once on 128 fake hosts: how soon all run or are explained. Prints one JSON object last."""

import json
import sys
import tempfile
from pathlib import Path

from localplane import LocalPlane
from tests.support.estate import Estate
from tests.support.operators import running
from tests.support.plane import Corner
from tests.support.throughput import JOBS, NODES, submit


def main() -> int:
    """Run it once on a control plane of its own."""
    with (
        LocalPlane() as plane,
        tempfile.TemporaryDirectory() as directory,
        running(plane, Path(directory), "--no-check-invariants") as operator,
    ):
        outcome = submit(Estate(Corner(plane)), operator)
    figures = {
        "jobs": JOBS,
        "nodes": NODES,
        "created_s": round(outcome.created_s, 1),
        "settled_s": round(outcome.settled_s, 1),
        "phases": dict(outcome.phases),
        "writes_per_job": round(sum(outcome.writes.values()) / JOBS, 2),
        "writes": {f"{verb} {kind}": count for (verb, kind), count in sorted(outcome.writes.items())},
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
