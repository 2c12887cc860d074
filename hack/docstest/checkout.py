"""A clean copy of the repository with a virtual environment of its own, in which one page may write and install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localplane import binaries
from localplane.cache import CACHE_VARIABLE, cache_directory

ROOT = Path(__file__).parents[2]
COLUMNS = 80
NAME = "entente"
REMOVED_S = 30.0
_KEPT_VARIABLES = re.compile(
    rf"TMPDIR|{binaries.ASSETS_VARIABLE}|PIP_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|(https?|no|all)_proxy", re.IGNORECASE
)
"""What this machine needs to reach package registries and built binaries."""


@dataclass(frozen=True)
class Checkout:
    """Where a page is run.

    Attributes:
        base: For scripts of the test; everything else is in it, too.
        home: The reader's home directory.
        environment: What commands find.
    """

    base: Path
    home: Path
    environment: Mapping[str, str]

    @property
    def directory(self) -> Path:
        """The copy of the repository."""
        return self.home / NAME

    def readable(self, printed: str) -> str:
        """Return what was printed with `~` in place of the home directory."""
        return printed.replace(str(self.home), "~")


@contextmanager
def checkout(tools: Iterable[str] = ()) -> Iterator[Checkout]:
    """Make a copy of what is in the working tree and not ignored, and remove it in the end.

    Args:
        tools: Binaries of `hack/binaries` that the reader has on the PATH.
    """
    base = Path(tempfile.mkdtemp(prefix="entente-docs-")).resolve()
    try:
        home = base / "home"
        directory = home / NAME
        _copy(directory)
        _make_venv(directory / ".venv", directory / "operator")
        yield Checkout(base, home, _environment(home, directory / ".venv", tools))
    finally:
        _remove(base)


def _copy(target: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.exists():  # what was deleted and not yet committed is listed, too
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def _make_venv(target: Path, sources: Path) -> None:
    """Make an environment that has the packages of this one, and Entente from the copy.

    What a page installs into it stays there.
    """
    venv.create(target, symlinks=True, with_pip=False)
    (site,) = target.glob("lib/python*/site-packages")
    packages = Path(sys.prefix) / site.relative_to(target)
    lines = (str(sources), f"import site; site.addsitedir({str(packages)!r})")
    (site / "docstest.pth").write_text("\n".join(lines), encoding="utf-8")
    here, there = Path(sys.prefix) / "bin", target / "bin"
    for script in here.iterdir():
        if not script.is_file() or (there / script.name).exists():
            continue
        content = script.read_bytes()
        shebang = f"#!{here}/python".encode()
        if content.startswith(shebang):
            (there / script.name).write_bytes(f"#!{there}/python".encode() + content.removeprefix(shebang))
            (there / script.name).chmod(0o755)
        else:
            (there / script.name).symlink_to(script)
    (target / ".ready").touch()  # make finds nothing to install


def _environment(home: Path, own_venv: Path, tools: Iterable[str]) -> dict[str, str]:
    path = [own_venv / "bin", *dict.fromkeys(tool.parent for tool in binaries.ensure_all(tools).values())]
    return {
        **{name: value for name, value in os.environ.items() if _KEPT_VARIABLES.fullmatch(name)},
        "PATH": os.pathsep.join([*map(str, path), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        CACHE_VARIABLE: str(cache_directory()),
        "COLUMNS": str(COLUMNS),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _remove(base: Path) -> None:
    """Remove a directory into which processes that are about to end may still write."""
    deadline = time.monotonic() + REMOVED_S
    while base.exists() and time.monotonic() < deadline:
        shutil.rmtree(base, ignore_errors=True)
        time.sleep(0.05)
