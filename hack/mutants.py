"""Breaks each rule of the engine in one place, one at a time, and shows that the tests notice.

Works on a copy of the package; the tests are those of the checkout. Prints a table, and one JSON object last:
`{"mutants": .., "killed": .., "seconds": .., "survived": [..], "stale": [..]}`. The exit code is 1 if a mutant
survives, or if what it changes is not found once in the source (it is stale).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "operator" / "entente"
TESTS = "tests/unit/engine"
SELECTED = "not order_of_the_objects"
"""Leaves out what takes long and checks what the others check, too."""
LIST = Path(__file__).with_suffix(".yaml")
WITHIN_S = 240.0
"""A mutant that makes the tests run this long is noticed."""

FAILED, NOTHING_COLLECTED = 1, 2
"""Exit codes of pytest: tests failed; it could not begin (a mutant that cannot be imported does this)."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One rule, broken in one place."""

    name: str
    breaks: str
    module: str
    """Of `entente.engine`."""
    old: str
    new: str
    tests: tuple[str, ...]
    """Files of tests of the engine that should notice."""

    def path(self, package: Path) -> Path:
        return package / "engine" / f"{self.module}.py"

    def broken(self, source: str) -> str | None:
        """The source with the rule broken; none unless the place is found exactly once."""
        return source.replace(self.old, self.new) if source.count(self.old) == 1 else None

    def stages(self) -> Iterator[tuple[str, tuple[str, ...], dict[str, str]]]:
        """What is run one after the other until something notices: a word for it, arguments and environment."""
        yield "unit tests", tuple(f"{TESTS}/{name}.py" for name in self.tests), {}
        yield "scenarios", (f"{TESTS}/test_vectors.py", "-k", "text_demands"), {}
        yield "all unit tests", (TESTS, "-k", SELECTED), {}
        yield "random estates", ("tests/property/test_invariants_hold.py",), {"ENTENTE_PROPERTIES": "brief"}


def mutants() -> list[Mutant]:
    """All mutants. Raises ValueError if two have the same name."""
    rows = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    found = [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]
    if len({m.name for m in found}) < len(found):
        message = f"{LIST.name}: two mutants have the same name"
        raise ValueError(message)
    return found


def stale(all_of_them: Iterable[Mutant], package: Path = PACKAGE) -> list[str]:
    """Names of the mutants whose place is not found once in the source."""
    return [m.name for m in all_of_them if m.broken(m.path(package).read_text(encoding="utf-8")) is None]


def noticed_by(mutant: Mutant, folder: Path) -> str:
    """The first stage that notices a mutant in this copy's folder; empty when none does."""
    file = mutant.path(folder / "entente")
    source = file.read_text(encoding="utf-8")
    mutated = mutant.broken(source)
    if mutated is None:
        message = f"the place of mutant {mutant.name!r} is not found once in {file.name}"
        raise ValueError(message)
    file.write_text(mutated, encoding="utf-8")
    try:
        return next((word for word, args, more in mutant.stages() if not _pass(folder, args, more)), "")
    finally:
        file.write_text(source, encoding="utf-8")


def _pass(folder: Path, args: Sequence[str], more: dict[str, str]) -> bool:
    """Whether these tests pass with the package in the folder. Raises RuntimeError when pytest itself fails."""
    # No bytecode is written: two sources written within a second could pass for one another by it.
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **more}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", *args]
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    if ended.returncode not in (0, FAILED, NOTHING_COLLECTED):
        message = f"pytest ended with {ended.returncode}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}"
        raise RuntimeError(message)
    return ended.returncode == 0


def _copy(folder: Path) -> None:
    """A copy of the package, and proof that it is the one that is imported."""
    shutil.copytree(PACKAGE, folder / "entente", ignore=shutil.ignore_patterns("__pycache__"))
    asked = "import entente.engine.planner as p; print(p.__file__)"
    ended = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    if not ended.stdout.startswith(str(folder)):
        message = f"Python imports {ended.stdout.strip()} and not the copy in {folder}"
        raise RuntimeError(message)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="run those whose name, module or rule has this in it")
    asked = parser.parse_args()
    chosen = [m for m in mutants() if asked.only in f"{m.name} {m.module} {m.breaks}"]
    old, began, survived = stale(chosen), time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="mutants-") as made:
        folder = Path(made).resolve()
        _copy(folder)
        if not _pass(folder, (TESTS, "-k", SELECTED), {}):
            sys.exit("the tests fail without any mutant: whatever they notice would prove nothing")
        for mutant in chosen:
            start = time.monotonic()
            word = "" if mutant.name in old else noticed_by(mutant, folder)
            verdict = "stale" if mutant.name in old else f"killed by {word}" if word else "SURVIVED"
            if verdict == "SURVIVED":
                survived.append(mutant.name)
            row = f"{verdict:<26} {time.monotonic() - start:5.1f} s  {mutant.module:<13} {mutant.breaks}: {mutant.name}"
            print(row, flush=True)
    told = {
        "mutants": len(chosen),
        "killed": len(chosen) - len(survived) - len(old),
        "seconds": round(time.monotonic() - began, 1),
        "survived": survived,
        "stale": old,
    }
    print(json.dumps(told))
    return 1 if survived or old or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
