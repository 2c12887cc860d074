"""Tries what is claimed: the lowest and newest dependencies, each Python of the classifiers, each pinned Kubernetes.

`python hack/matrix.py` runs all rows one after another; `--only lowest python3.13` runs some. A row whose Python is not
on this machine is skipped, and said to be.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from environments import ROOT, CommandFailedError, Environment, run
from localplane.binaries import MINOR_VARIABLE, OWNERS

WHERE = ROOT / "build" / "matrix"

DEPENDENT = tuple(
    f"tests/unit/{name}"
    for name in ("api", "cli", "examples", "helm", "kube", "metrics", "operator", "tenancy", "workload")
)
"""The unit tests of what uses dependencies; the engine, the simulator and the tools beside them use next to none."""

ON_KUBERNETES = tuple(
    f"tests/integration/{name}"
    for name in (
        "kube",
        "test_chart.py",
        "test_cli.py",
        "test_crds.py",
        "test_examples.py",
        "test_jobs.py",
        "test_rbac.py",
        "test_reclaim.py",
        "test_reservations.py",
        "test_tenants.py",
    )
)
"""What an API server, a scheduler and controllers of another version may take otherwise. The demo, the crashes and the
throughput ask nothing else of them."""


class SkippedError(Exception):
    """A row cannot be run on this machine; the message says what is missing."""


Row = Callable[[], None]


def claimed() -> list[str]:
    """Return the Pythons of the classifiers, as "3.11", oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text) for text in project["classifiers"]]
    return sorted((match[1] for match in found if match), key=lambda version: int(version.partition(".")[2]))


def interpreter(version: str, candidates: Sequence[Path]) -> Path:
    """Return the first of some programs that is this Python, as "3.11". Raises SkippedError."""
    for path in candidates:
        try:
            said = run([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        except (CommandFailedError, OSError):  # pyenv has a program of each name, also of what is not chosen
            continue
        if said.strip() == version:
            return path
    message = f"there is no Python {version} on PATH or under pyenv"
    raise SkippedError(message)


def programs(version: str) -> list[Path]:
    """Return where a Python may be: on PATH, and where pyenv keeps its own."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    return [*([Path(on_path)] if on_path else []), *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]


def pytest(python: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Run tests, which print as they go. Raises CommandFailedError."""
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    ours = {**os.environ, "PYTHONPATH": "hack:examples", **(environment or {})}
    code = subprocess.run(command, cwd=ROOT, env=ours, check=False).returncode
    if code:
        message = f"exit code {code}: {' '.join(command)}"
        raise CommandFailedError(message)


def installed(name: str, python: str | Path, lock: str) -> Path:
    """Return the Python of an environment that has a lock's packages and Entente itself. Raises CommandFailedError."""
    environment = Environment.made(WHERE / name, python)
    environment.install_locked(lock)
    wheels = WHERE / f"{name}-wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", wheels, ROOT])
    environment.pip("install", "--quiet", "--no-deps", "--no-index", *wheels.glob("*.whl"))
    environment.pip("check")
    return environment.program("python")


def lowest() -> None:
    """Run the tests of what uses dependencies on the lower bounds of pyproject.toml."""
    pytest(installed("lowest", sys.executable, "lowest"), *DEPENDENT)


def newest() -> None:
    """Install and start what is built, with the newest dependencies that there are."""
    print(run([sys.executable, ROOT / "hack" / "dist.py", "--newest"]), end="")


def on_python(version: str) -> None:
    """Run the unit tests on a Python, as "3.11"."""
    pytest(installed(f"python{version}", interpreter(version, programs(version)), "dev"), "tests/unit")


def on_kubernetes(minor: str) -> None:
    """Run what depends on the control plane on one of another minor, as "1.35"."""
    pytest(Path(sys.executable), *ON_KUBERNETES, environment={MINOR_VARIABLE: minor})


def rows() -> dict[str, Row]:
    """Return all rows by name."""
    return {
        "lowest": lowest,
        "newest": newest,
        **{f"python{version}": partial(on_python, version) for version in claimed()},
        **{f"kubernetes{minor}": partial(on_kubernetes, minor) for minor in OWNERS["kubectl"].minors()},
    }


def try_all(chosen: Mapping[str, Row]) -> dict[str, str]:
    """Run rows one after another; a verdict of each in words."""
    verdicts = {}
    for name, row in chosen.items():
        print(f"== {name}", flush=True)
        began = time.monotonic()
        try:
            row()
        except SkippedError as error:
            verdicts[name] = f"skipped: {error}"
        except CommandFailedError as error:
            verdicts[name] = f"failed: {error}"
        else:
            verdicts[name] = f"passed in {time.monotonic() - began:.0f} s"
    return verdicts


def main() -> int:
    """Run rows; exit code 1 when one of them failed."""
    available = rows()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=available, default=list(available))
    verdicts = try_all({name: available[name] for name in parser.parse_args().only})
    for name, verdict in verdicts.items():
        print(f"{name}: {verdict}")
    return int(any(verdict.startswith("failed") for verdict in verdicts.values()))


if __name__ == "__main__":
    sys.exit(main())
