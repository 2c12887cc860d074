"""Runs all tests but kind's, in several pytest processes at once: most of them wait for a control plane.

Each lane's output is printed whole when the lane has ended. The exit code is 0 when all lanes passed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from localplane import binaries

ROOT = Path(__file__).parents[1]
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Lane:
    """Tests that run one after another in a process of their own.

    Attributes:
        within: Files and folders of tests.
        without: What of these other lanes run.
        nice: How far it steps back where processors are short.
    """

    within: tuple[str, ...]
    without: tuple[str, ...] = ()
    nice: int = 0

    def command(self, name: str) -> list[str]:
        return [
            *("nice", "-n", str(self.nice)),
            *(sys.executable, "-m", "pytest", "-m", "not e2e", "-o", f"cache_dir=.pytest_cache/{name}"),
            *(f"--ignore={path}" for path in self.without),
            *self.within,
        ]


DEMO = ("tests/integration/test_demo.py",)
OWN_PLANES = tuple(f"tests/integration/test_{name}.py" for name in ("chart", "local_plane", "rbac", "throughput"))
LANES = {
    "demo": Lane(DEMO),
    "own-planes": Lane(OWN_PLANES),
    "one-plane": Lane(("tests/integration",), without=(*DEMO, *OWN_PLANES)),
    "docs": Lane(("tests/docs",)),
    # Nothing in these waits for anybody: the control planes of the others come first.
    "properties": Lane(("tests/property",), nice=5),
    "units": Lane(("tests",), without=("tests/docs", "tests/integration", "tests/property", "tests/e2e"), nice=5),
}


def run(commands: Mapping[str, Sequence[str]], output: IO[str]) -> bool:
    """Run commands at once, print what each one said when it has ended, and say whether all ended with 0.

    However this ends, none of them goes on.
    """
    failed = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, ExitStack() as ending:
        logs = {name: Path(directory) / name for name in commands}
        running = {name: _start(command, logs[name], ending) for name, command in commands.items()}
        while running:
            time.sleep(POLL_SECONDS)
            for name, process in list(running.items()):
                code = process.poll()
                if code is None:
                    continue
                del running[name]
                failed += [name] if code else []
                verdict = f"exit code {code}" if code else "passed"
                said = logs[name].read_text(encoding="utf-8", errors="replace")
                output.write(f"{said}{name}: {verdict} after {time.monotonic() - began:.0f} s\n")
                output.flush()
    if failed:
        output.write(f"failed: {', '.join(failed)}\n")
    return not failed


def _start(command: Sequence[str], log: Path, ending: ExitStack) -> subprocess.Popen[bytes]:
    """Start a command whose output goes to a file, and leave its end to the stack."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT)
    ending.callback(process.wait)
    ending.callback(process.terminate)
    return process


def main(lanes: Mapping[str, Lane], needed: Iterable[str]) -> int:
    """Build the binaries that tests need, and run the tests; the exit code."""
    signal.signal(signal.SIGTERM, _end)
    binaries.ensure_all(needed)
    print(f"tests run in {len(lanes)} processes; each one's output follows when it has ended", flush=True)
    try:
        passed = run({name: lane.command(name) for name, lane in lanes.items()}, sys.stdout)
    except KeyboardInterrupt:
        return 130
    return 0 if passed else 1


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(LANES, binaries.OWNERS))
