"""Keeps the floor of the coverage where it belongs: `python hack/floor.py`, after the units of `make test`.

`fail_under` in pyproject.toml is the floor. pytest fails below it. This fails when the floor lies more than 1.5 points
below what was measured, or when it was higher in an earlier commit.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parents[1]
SLACK_POINTS = 1.5


def complaints(floor: float, measured: float, earlier: Sequence[float]) -> list[str]:
    """Return what is wrong with a floor, given what was measured and the floors of earlier commits; all in percent."""
    highest = max(earlier, default=floor)
    found = []
    if floor < highest:
        found.append(f"fail_under must not fall: it is {floor:g}, and was {highest:g}; add tests for what has none")
    if measured < floor:
        found.append(f"coverage is {measured:.1f} %, and must be {floor:g} % or more; `make coverage` names the lines")
    if measured - floor > SLACK_POINTS:
        found.append(
            f"coverage is {measured:.1f} %: set fail_under in pyproject.toml to {int(measured)}, not {floor:g}"
        )
    return found


def earlier_floors() -> list[float]:
    """Return all floors that git remembers; a shallow clone remembers few."""
    command = ["git", "log", "--format=", "--patch", "-G", "^fail_under = ", "--", "pyproject.toml"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [float(value) for value in re.findall(r"(?m)^\+fail_under = ([\d.]+)$", said)]


def main() -> int:
    """Say what was measured; exit code 1 when the floor is wrong."""
    coverage = Coverage(config_file=str(ROOT / "pyproject.toml"), data_file=str(ROOT / "build" / "coverage" / "data"))
    coverage.load()
    measured = coverage.report(file=io.StringIO())
    floor = float(coverage.get_option("report:fail_under") or 0)  # type: ignore[arg-type] # coverage types an option as anything
    print(f"coverage of the units: {measured:.1f} % of lines and branches, the floor is {floor:g} %")
    found = complaints(floor, measured, earlier_floors())
    for complaint in found:
        print(f"error: {complaint}", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
