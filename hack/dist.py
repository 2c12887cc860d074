"""Proves that Entente installs: `python hack/dist.py` builds wheel and sdist from a clean checkout, and starts each.

What is built is what git knows, in a folder of its own, so that a file which was forgotten is missing here too. Each of
wheel, sdist and checkout goes into a fresh environment and has to give the answers of the checkout's own environment.
The checkout is installed as the README says, with nothing cached, and with what the first `entente plan` takes: in no
more than 60 s.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from environments import REQUIREMENTS, ROOT, CommandFailedError, Environment, run

LIMIT_SECONDS = 60.0
EXAMPLES = ROOT / "examples"


class BrokenError(Exception):
    """What was installed is not what the checkout is; the message says where they differ."""


def check_out(target: Path) -> Path:
    """Copy the files that git knows, or would take, with what they say now."""
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():  # else it was removed, and git has not been told yet
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def build(checkout: Path, target: Path, more: Mapping[str, str] | None = None) -> tuple[Path, Path]:
    """Build the sdist, and from it the wheel; their paths. Raises CommandFailedError.

    Args:
        checkout: What to build.
        target: The folder to put both into.
        more: Variables of the environment.
    """
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", target, checkout], more=more)
    (wheel,) = target.glob("*.whl")
    (sdist,) = target.glob("*.tar.gz")
    return wheel, sdist


def pinned(target: Path) -> Path:
    """Write the versions of the lock without their hashes, which pip does not take beside a folder."""
    lock = (REQUIREMENTS / "runtime.txt").read_text(encoding="utf-8")
    target.write_text("\n".join(re.findall(r"(?m)^\S+==[^\\\n]+", lock)), encoding="utf-8")
    return target


def answers(program: Path, cwd: Path) -> dict[str, str]:
    """Return what a program says, in a folder that has nothing of the checkout. Raises CommandFailedError."""
    return {
        "--version": run([program, "--version"], cwd=cwd),
        "plan": run([program, "plan", "-f", EXAMPLES], cwd=cwd),
        "plan -o json": run([program, "plan", "-f", EXAMPLES, "-o", "json"], cwd=cwd),
    }


def modules(package: Path) -> set[str]:
    """Return the files of an installed package."""
    return {str(path.relative_to(package)) for path in package.rglob("*") if path.suffix in {".py", ".typed", ".yaml"}}


def compare(environment: Environment, expected: dict[str, str], cwd: Path) -> None:
    """Demand the same files and answers as the checkout has. Raises BrokenError and CommandFailedError."""
    environment.pip("check")
    where = "import entente; print(entente.__path__[0])"
    package = Path(run([environment.program("python"), "-c", where], cwd=cwd).strip())
    if differing := modules(package) ^ modules(ROOT / "operator" / "entente"):
        message = f"files that only one of package and checkout has: {', '.join(sorted(differing))}"
        raise BrokenError(message)
    found = answers(environment.program("entente"), cwd)
    for question, answer in expected.items():
        if found[question] != answer:
            message = f"entente {question} says\n{found[question]}\nand the checkout says\n{answer}"
            raise BrokenError(message)
    run([environment.program("kubectl-entente"), "--help"], cwd=cwd)


def first_value(checkout: Path, folder: Path, *options: str | Path) -> tuple[Environment, float]:
    """Install a checkout with nothing cached, and plan; how many seconds both took together."""
    began = time.monotonic()
    environment = Environment.made(folder / "clone")
    environment.pip("install", "--quiet", "--no-cache-dir", *options, ".", cwd=checkout)
    run([environment.program("entente"), "plan", "-f", "examples/"], cwd=checkout)
    return environment, time.monotonic() - began


def prove(folder: Path, *, newest: bool) -> None:
    """Build, install and compare everything, and say so. Raises BrokenError and CommandFailedError."""
    folder = folder.resolve()
    checkout = check_out(folder / "checkout")
    wheel, sdist = build(checkout, folder / "dist")
    own = Path(sys.executable).parent / "entente"
    expected = answers(own, folder)
    for artifact in (wheel, sdist):
        environment = Environment.made(folder / "fresh")
        environment.install_locked("runtime", "build")
        environment.pip("install", "--quiet", "--no-deps", "--no-build-isolation", artifact)
        compare(environment, expected, folder)
        print(f"{artifact.name}: installs, and plans as the checkout does", flush=True)
    options = () if newest else ("--constraint", pinned(folder / "pinned.txt"))
    environment, seconds = first_value(checkout, folder, *options)
    compare(environment, expected, folder)
    print(f"pip install . and entente plan -f examples/ with nothing cached: {seconds:.0f} s of {LIMIT_SECONDS:.0f} s")
    if seconds > LIMIT_SECONDS:
        message = f"the first plan came after {seconds:.0f} s, and is to come after {LIMIT_SECONDS:.0f} s at most"
        raise BrokenError(message)


def main() -> int:
    """Prove it; exit code 1 where it does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--newest", action="store_true", help="install the checkout with the newest dependencies, not the locked ones"
    )
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="entente-dist-") as folder:
            prove(Path(folder), newest=options.newest)
    except (BrokenError, CommandFailedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
