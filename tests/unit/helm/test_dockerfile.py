"""The image: what goes in is locked and intended, what comes out is small in rights."""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str
    stage: int


def instructions() -> list[Instruction]:
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    found: list[Instruction] = []
    stage = -1
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        word, rest = line.split(maxsplit=1)
        stage += word == "FROM"
        found.append(Instruction(word, rest, stage))
    return found


ALL = instructions()
LAST_STAGE = max(instruction.stage for instruction in ALL)
FINAL = [instruction for instruction in ALL if instruction.stage == LAST_STAGE]
PIP_INSTALLS = [
    json.loads(instruction.rest) for instruction in ALL if instruction.word == "RUN" and '"install"' in instruction.rest
]


def test_it_is_built_in_two_stages_on_the_same_base() -> None:
    assert [i.rest for i in ALL if i.word == "FROM"] == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]


def test_nothing_runs_in_a_shell() -> None:
    for instruction in ALL:
        if instruction.word in {"RUN", "CMD", "ENTRYPOINT"}:
            assert isinstance(json.loads(instruction.rest), list)


def test_the_last_stage_runs_nothing_while_it_is_built() -> None:
    assert not [i for i in FINAL if i.word in {"RUN", "ADD"}]


def test_it_runs_as_the_user_of_the_chart_who_is_not_root() -> None:
    (user,) = [i.rest for i in FINAL if i.word == "USER"]
    context = yaml.safe_load((ROOT / "helm/entente/values.yaml").read_text())["podSecurityContext"]

    assert user == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert context["runAsUser"] > 0


@pytest.mark.parametrize("command", PIP_INSTALLS, ids=" ".join)
def test_what_is_installed_is_locked_by_hash_or_was_just_built(command: list[str]) -> None:
    from_registry = {"--require-hashes", "--only-binary=:all:", "-r"} <= set(command)
    just_built = {"--no-index", "--no-deps", "--find-links"} <= set(command)

    assert from_registry != just_built


def test_the_build_takes_its_tools_from_the_lock_not_from_the_registry() -> None:
    (wheel,) = [json.loads(i.rest) for i in ALL if i.word == "RUN" and '"wheel"' in i.rest]

    assert {"--no-deps", "--no-build-isolation"} <= set(wheel)


def test_the_tools_of_the_build_are_those_of_the_development_lock() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"(?m)^[a-z0-9-]+==\S+", (ROOT / "requirements" / name).read_text()))

    assert any(pin.startswith("hatchling==") for pin in pins("build.txt"))
    assert pins("build.txt") <= pins("dev.txt")


def test_the_files_that_it_copies_are_there_and_let_in() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [
        source for i in ALL if i.word == "COPY" and not i.rest.startswith("--from=") for source in i.rest.split()[:-1]
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, pattern) for pattern in allowed), source
    assert set(allowed) == set(copied)


def test_it_starts_the_operator() -> None:
    (entrypoint,) = [json.loads(i.rest) for i in FINAL if i.word == "ENTRYPOINT"]
    (arguments,) = [json.loads(i.rest) for i in FINAL if i.word == "CMD"]

    assert Path(entrypoint[0]).name == "entente"
    assert arguments == ["operator"]
