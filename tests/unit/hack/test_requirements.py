"""The locks hold what `pyproject.toml` asks for, by hash; the lowest one holds its lower bounds."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[3]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted(path.name for path in (ROOT / "requirements").glob("*.txt"))
RUNTIME: list[str] = PROJECT["project"]["dependencies"]


def group(name: str) -> Iterator[str]:
    """What a dependency group asks for, with the groups that it includes."""
    for entry in PROJECT["dependency-groups"][name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from group(entry["include-group"])


ASKED_FOR = {
    "build.txt": PROJECT["build-system"]["requires"],
    "dev.txt": [*RUNTIME, *group("dev")],
    "lowest.txt": [*RUNTIME, *group("test")],
    "release.txt": [*group("release")],
    "runtime.txt": RUNTIME,
}


def pins(lock: str) -> dict[str, set[Version]]:
    """Versions of each package in a lock; some have one for old and one for new Pythons."""
    found: dict[str, set[Version]] = {}
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    for name, version in re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;]+)", text):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def lower_bound(requirement: Requirement) -> Version:
    (bound,) = [specifier for specifier in requirement.specifier if specifier.operator == ">="]
    return Version(bound.version)


def test_each_lock_is_checked_here() -> None:
    assert sorted(ASKED_FOR) == LOCKS


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_is_asked_for(lock: str) -> None:
    locked = pins(lock)

    for asked in map(Requirement, ASKED_FOR[lock]):
        assert all(asked.specifier.contains(version) for version in locked[canonicalize_name(asked.name)]), asked


@pytest.mark.parametrize("asked", [*RUNTIME, *group("test")])
def test_the_lowest_lock_holds_the_lower_bounds_themselves(asked: str) -> None:
    requirement = Requirement(asked)

    assert pins("lowest.txt")[canonicalize_name(requirement.name)] == {lower_bound(requirement)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_lock_names_an_index(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", text)[1:]

    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "--index" not in text
