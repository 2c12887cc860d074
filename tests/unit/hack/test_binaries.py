from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localplane import PlaneError, binaries, gobuild
from localplane.cache import CACHE_VARIABLE, locked
from localplane.progress import Teller


class Builder:
    """Stands for minutes of compiling: writes the files that `go build` would, and counts how often."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.packages: list[list[str]] = []
        self.failure: BaseException | None = None
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()

    def __call__(self, job: gobuild.Job, _tell: Teller) -> None:
        self.built.append(job.title)
        self.packages.append(sorted(gobuild.default_name(package) for package in job.packages))
        self.begun.set()
        assert self.may_end.wait(60)
        for package in job.packages:
            path = job.output / gobuild.default_name(package)
            path.write_text("binary", encoding="utf-8")
            path.chmod(0o755)
            if self.failure is not None:
                raise self.failure


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    own = Builder()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(binaries.ASSETS_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv(binaries.MINOR_VARIABLE, raising=False)
    monkeypatch.setattr(gobuild, "build", own)
    return own


def test_what_is_nowhere_is_built_once(builder: Builder) -> None:
    first = binaries.ensure("kubectl")
    again = binaries.ensure("kubectl")

    assert first == again
    assert first.read_text(encoding="utf-8") == "binary"
    assert builder.built == [f"kubernetes {_version('kubectl')}"]


def test_another_minor_is_built_beside_the_first_where_the_environment_asks_for_it(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = binaries.ensure("kubectl")
    monkeypatch.setenv(binaries.MINOR_VARIABLE, "1.35")

    older = binaries.ensure("kubectl")

    assert older != newest
    assert older.parent.name.startswith("kubernetes-v1.35.")
    assert len(builder.built) == 2


def test_a_minor_of_kubernetes_leaves_the_other_modules_alone(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(binaries.MINOR_VARIABLE, "1.35")

    assert binaries.ensure("etcd").parent.name.startswith("etcd-v3.")
    assert builder.built == [f"etcd {_version('etcd')}"]


@pytest.mark.usefixtures("builder")
def test_assets_do_not_stand_in_for_the_minor_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kubectl", "etcd"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv(binaries.ASSETS_VARIABLE, str(tmp_path))
    monkeypatch.setenv(binaries.MINOR_VARIABLE, "1.35")

    assert binaries.ensure("kubectl").parent != tmp_path
    assert binaries.ensure("etcd").parent == tmp_path


def test_a_minor_that_is_not_pinned_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(binaries.MINOR_VARIABLE, "1.20")

    with pytest.raises(PlaneError, match=r"ENTENTE_KUBERNETES must be one of 1\.35, 1\.37, but is '1\.20'"):
        binaries.ensure("kubectl")


def test_all_commands_of_a_module_come_from_one_build(builder: Builder) -> None:
    paths = binaries.ensure_all(["kube-apiserver", "kubectl", "kube-scheduler"])

    assert len({path.parent for path in paths.values()}) == 1
    assert len(builder.built) == 1


def test_a_command_is_called_what_it_is_and_not_what_go_calls_it(builder: Builder) -> None:
    assert gobuild.default_name(binaries.OWNERS["etcd"].commands["etcd"]) == "server"
    assert binaries.ensure("etcd").name == "etcd"
    assert builder.built == [f"etcd {_version('etcd')}"]


@pytest.mark.usefixtures("builder")
def test_what_is_missing_is_told_without_building() -> None:
    binaries.ensure("etcd")

    assert binaries.missing(["etcd", "kwok"]) == ["kwok"]


def test_a_second_builder_waits_and_builds_nothing(builder: Builder) -> None:
    builder.may_end.clear()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(binaries.ensure, "kwok")
        assert builder.begun.wait(60)
        second = pool.submit(binaries.ensure, "kwok")
        assert not second.done()
        builder.may_end.set()

        assert first.result() == second.result()
    assert len(builder.built) == 1


def test_a_build_that_is_interrupted_leaves_nothing_that_is_used(builder: Builder) -> None:
    builder.failure = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        binaries.ensure("kubectl")
    assert binaries.missing(["kubectl", "kube-apiserver"]) == ["kubectl", "kube-apiserver"]

    builder.failure = None
    paths = binaries.ensure_all(["kubectl", "kube-apiserver"])

    assert all(path.exists() for path in paths.values())


def test_only_what_is_missing_is_built(builder: Builder) -> None:
    first = binaries.ensure_all(["kubectl", "kube-apiserver"])
    first["kubectl"].unlink()

    again = binaries.ensure_all(["kubectl", "kube-apiserver", "kube-scheduler"])

    assert all(path.exists() for path in again.values())
    assert builder.packages == [["kube-apiserver", "kubectl"], ["kube-scheduler", "kubectl"]]


PINNED = binaries.OWNERS["etcd"].version().removeprefix("v")


@pytest.mark.parametrize(
    ("name", "says", "used"),
    [
        pytest.param("kubectl", "Client Version: v1.30.1", True, id="another minor of kubectl"),
        pytest.param("kubectl", "Client Version: v1.19.0", False, id="an old kubectl"),
        pytest.param("etcd", f"etcd Version: {PINNED}", True, id="the pinned version"),
        pytest.param("etcd", "etcd Version: 3.4.0", False, id="another version"),
        pytest.param("etcd", "unknown", False, id="no version"),
    ],
)
@pytest.mark.usefixtures("builder")
def test_what_is_on_the_path_is_used_where_its_version_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str, *, used: bool
) -> None:
    installed = tmp_path / "bin" / name
    installed.parent.mkdir()
    installed.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    installed.chmod(0o755)
    monkeypatch.setenv("PATH", str(installed.parent))

    assert binaries.find(name) == (binaries.Source(name, installed, "PATH") if used else None)


def test_assets_come_first_where_they_have_a_binary(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "etcd").touch(mode=0o755)
    (assets / "kwok").touch(mode=0o644)  # cannot be run
    monkeypatch.setenv(binaries.ASSETS_VARIABLE, str(assets))

    paths = binaries.ensure_all(["etcd", "kwok"])

    assert paths["etcd"] == assets / "etcd"
    assert paths["kwok"].parent != assets
    assert builder.built == [f"kwok {_version('kwok')}"]


def test_an_unknown_binary_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(PlaneError, match=r"binary must be one of etcd, helm, kube-apiserver.*, but is 'kubelet'"):
        binaries.ensure("kubelet")


@pytest.mark.parametrize(
    ("module", "minor"),
    [
        pytest.param(module, minor, id=f"{module.name} {minor}")
        for module in binaries.MODULES
        for minor in (module.minors() if module.minor_variable else [""])
    ],
)
def test_each_module_pins_its_version_and_every_hash(
    module: binaries.Module, minor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(binaries.MINOR_VARIABLE, minor)
    pinned = (module.directory / "go.mod").read_text(encoding="utf-8")
    sums = (module.directory / "go.sum").read_text(encoding="utf-8")
    tools = (module.directory / "tools.go").read_text(encoding="utf-8")

    assert f"{module.path} {module.version()}\n" in pinned
    assert module.version().startswith(f"v{minor}")
    assert f"{module.path} {module.version()} h1:" in sums
    assert all(f'_ "{package}"' in tools for package in module.commands.values())


def test_another_pin_or_another_setting_makes_another_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "MODULES_DIRECTORY", tmp_path)
    module = binaries.Module("x", "example.org/x", {"x": "example.org/x/cmd/x"}, {})
    (tmp_path / "x").mkdir()

    def directory(version: str, sums: str, of: binaries.Module = module) -> Path:
        (tmp_path / "x" / "go.mod").write_text(f"module y\n\nrequire example.org/x {version}\n", encoding="utf-8")
        (tmp_path / "x" / "go.sum").write_text(sums, encoding="utf-8")
        return of.cached()

    tagged = binaries.Module("x", "example.org/x", {"x": "example.org/x/cmd/x"}, {}, tags=("small",))
    directories = [
        directory("v1.0.0", "a"),
        directory("v1.0.1", "a"),
        directory("v1.0.0", "b"),
        directory("v1.0.0", "a", tagged),
    ]

    assert len(set(directories)) == 4
    assert directory("v1.0.0", "a") == directories[0]


def test_a_module_that_pins_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "MODULES_DIRECTORY", tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "go.mod").write_text("module y\n", encoding="utf-8")

    with pytest.raises(PlaneError, match=r"does not require example\.org/x"):
        binaries.Module("x", "example.org/x", {}, {}).version()


def test_kubernetes_is_told_its_version() -> None:
    flags = binaries.OWNERS["kubectl"].linker_flags()

    assert flags.startswith("-s -w ")
    assert f"-X k8s.io/component-base/version.gitVersion={_version('kubectl')}" in flags


def _version(binary: str) -> str:
    return binaries.OWNERS[binary].version()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("ENTENTE_CACHE_DIR", str(tmp_path / "file"))
    with (
        pytest.raises(PlaneError, match=r"locks/etcd\.lock cannot be written: Not a directory; ENTENTE_CACHE_DIR"),
        locked("etcd"),
    ):
        pass
