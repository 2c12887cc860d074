"""Where the plane's binaries come from: KUBEBUILDER_ASSETS, a cache, PATH, else a build of their pinned Go modules.

`hack/binaries/<module>/` pins each module's version and the hashes of all that it is built from.
`ENTENTE_KUBERNETES=1.35` picks another minor of Kubernetes, pinned in `hack/binaries/kubernetes-1.35/`. Built binaries
lie in `~/.cache/entente/bin/<module>-<version>-<stamp>/`, where the stamp covers everything that decides what is built,
so that a change of a pin never runs an old binary. Builders wait for each other and build only what is missing. A
binary appears only when it is complete: a build that is interrupted leaves nothing that anybody uses.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localplane import gobuild
from localplane.cache import cache_directory, locked
from localplane.errors import PlaneError
from localplane.progress import Teller, TextTeller

MODULES_DIRECTORY = Path(__file__).parents[1] / "binaries"
ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
MINOR_VARIABLE = "ENTENTE_KUBERNETES"
OLDEST_KUBECTL = (1, 28)
"""Of those on PATH; what is done with it works from there on."""

VERSION_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    path: Path
    origin: str
    """`KUBEBUILDER_ASSETS`, `built before` or `PATH`."""


@dataclass(frozen=True)
class Module:
    """A Go module that binaries are built from.

    Attributes:
        name: Its directory under `hack/binaries`.
        path: The module whose version decides.
        commands: The packages to build, by the name of their binary.
        version_variables: Strings that the linker sets, with `{version}`, `{major}` and `{minor}`; so that a binary
            says the version that it has.
        tags: Build tags, to leave out what is not needed.
        minor_variable: The environment variable that picks another pinned minor, where there is one.
    """

    name: str
    path: str
    commands: Mapping[str, str]
    version_variables: Mapping[str, str]
    tags: tuple[str, ...] = ()
    minor_variable: str = ""

    @property
    def wanted_minor(self) -> str:
        """The minor that the environment asks for, as "1.35"; empty when it asks for none."""
        return os.environ.get(self.minor_variable, "") if self.minor_variable else ""

    def minors(self) -> dict[str, Path]:
        """Return the directories that pin it, by minor, oldest first."""
        found = [MODULES_DIRECTORY / self.name, *MODULES_DIRECTORY.glob(f"{self.name}-*")]
        by_minor = {_minor(self._version_in(directory)): directory for directory in found}
        return dict(sorted(by_minor.items(), key=lambda item: [int(part) for part in item[0].split(".")]))

    @property
    def directory(self) -> Path:
        """Where its go.mod, go.sum and tools.go are. Raises PlaneError when the minor asked for is not pinned."""
        if not self.wanted_minor:
            return MODULES_DIRECTORY / self.name
        minors = self.minors()
        if self.wanted_minor not in minors:
            message = f"{self.minor_variable} must be one of {', '.join(minors)}, but is {self.wanted_minor!r}"
            raise PlaneError(message)
        return minors[self.wanted_minor]

    def version(self) -> str:
        """Return the version that its go.mod pins. Raises PlaneError when there is none."""
        return self._version_in(self.directory)

    def _version_in(self, directory: Path) -> str:
        text = (directory / "go.mod").read_text(encoding="utf-8")
        found = re.search(rf"^(?:require )?\s*{re.escape(self.path)} (v\S+)", text, re.MULTILINE)
        if found is None:
            message = f"{directory / 'go.mod'} does not require {self.path}"
            raise PlaneError(message)
        return found[1]

    def linker_flags(self) -> str:
        """Return what the linker is told: no symbols, and the version."""
        version = self.version()
        major, minor = version.removeprefix("v").split(".")[:2]
        settings = [
            f"-X {variable}={value.format(version=version, major=major, minor=minor)}"
            for variable, value in self.version_variables.items()
        ]
        return " ".join(["-s", "-w", *settings])

    def stamp(self) -> str:
        """Return a short hash of everything that decides what is built."""
        digest = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            digest.update((self.directory / name).read_bytes())
        settings = [
            dict(self.commands),
            self.linker_flags(),
            gobuild.BUILD_FLAGS,
            platform.system(),
            platform.machine(),
            *self.tags,
        ]
        digest.update(json.dumps(settings, sort_keys=True).encode())
        return digest.hexdigest()[:12]

    def cached(self) -> Path:
        """Return the directory of its binaries, which need not exist yet."""
        return cache_directory() / "bin" / f"{self.name}-{self.version()}-{self.stamp()}"


def _minor(version: str) -> str:
    return ".".join(version.removeprefix("v").split(".")[:2])


_COMPONENT_VERSION = "k8s.io/component-base/version"
MODULES = (
    Module(
        name="kubernetes",
        path="k8s.io/kubernetes",
        commands={
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
        },
        # Helm and others refuse a server that does not say its version.
        version_variables={
            f"{_COMPONENT_VERSION}.gitVersion": "{version}",
            f"{_COMPONENT_VERSION}.gitMajor": "{major}",
            f"{_COMPONENT_VERSION}.gitMinor": "{minor}",
        },
        minor_variable=MINOR_VARIABLE,
    ),
    Module("etcd", "go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"}, {}),
    Module("kwok", "sigs.k8s.io/kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}, {}),
    Module(
        name="helm",
        path="helm.sh/helm/v4",
        commands={"helm": "helm.sh/helm/v4/cmd/helm"},
        version_variables={"helm.sh/helm/v4/internal/version.version": "{version}"},
    ),
    Module(
        name="prometheus",
        path="github.com/prometheus/prometheus",
        commands={name: f"github.com/prometheus/prometheus/cmd/{name}" for name in ("prometheus", "promtool")},
        version_variables={"github.com/prometheus/common/version.Version": "{version}"},
        # Without the clients of some thirty clouds: half of the build.
        tags=("remove_all_sd",),
    ),
)
OWNERS = {command: module for module in MODULES for command in module.commands}
PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok")


def ensure(name: str) -> Path:
    """Return the path of a binary, building it when it is nowhere yet. Raises PlaneError."""
    return ensure_all([name])[name]


def ensure_all(names: Iterable[str], tell: Teller | None = None) -> dict[str, Path]:
    """Return the paths of binaries, building what is nowhere yet.

    Args:
        names: of binaries.
        tell: told how far it is; by default lines on standard error.

    Raises PlaneError.
    """
    wanted = list(names)
    found = {name: find(name) for name in wanted}
    absent = [name for name, source in found.items() if source is None]
    modules = by_module(absent)
    tell = tell or TextTeller(sys.stderr, list(modules))
    for names_of in modules.values():
        _from_cache(OWNERS[names_of[0]], names_of, tell)
    return {name: source.path if source else OWNERS[name].cached() / name for name, source in found.items()}


def missing(names: Iterable[str]) -> list[str]:
    """Return those binaries that `ensure_all` would have to build."""
    return [name for name in names if find(name) is None]


def by_module(names: Iterable[str]) -> dict[str, list[str]]:
    """Binaries by the name of the module that they are built from, in the order of `MODULES`."""
    wanted = set(names)
    return {module.name: mine for module in MODULES if (mine := [name for name in module.commands if name in wanted])}


def find(name: str) -> Source | None:
    """Where a binary is: in KUBEBUILDER_ASSETS, built before, or on PATH; None when it must be built.

    What is on PATH must say the pinned version; of kubectl any from 1.28 on will do.

    Raises PlaneError for a name that is none.
    """
    if name not in OWNERS:
        message = f"binary must be one of {', '.join(sorted(OWNERS))}, but is {name!r}"
        raise PlaneError(message)
    directory = os.environ.get(ASSETS_VARIABLE)
    # envtest's own assets lack some: those come from elsewhere
    if directory and not OWNERS[name].wanted_minor and os.access(path := Path(directory) / name, os.X_OK):
        return Source(name, path.resolve(), ASSETS_VARIABLE)
    built = OWNERS[name].cached() / name
    if built.exists():
        return Source(name, built, "built before")
    installed = on_path(name)
    return Source(name, installed, "PATH") if installed else None


def on_path(name: str) -> Path | None:
    """A binary on PATH whose version will do."""
    installed = shutil.which(name)
    return Path(installed) if installed and _serves(name, version(Path(installed))) else None


def version(binary: Path) -> tuple[int, ...]:
    """The version that a binary says it is, such as (1, 37, 2); empty when it says none."""
    command = [str(binary), *(["version", "--client"] if binary.name == "kubectl" else ["--version"])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=VERSION_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in found.groups()) if found else ()


def _serves(name: str, has: tuple[int, ...]) -> bool:
    if name == "kubectl":
        return has >= OLDEST_KUBECTL
    return ".".join(map(str, has)) == OWNERS[name].version().removeprefix("v")


def _from_cache(module: Module, names: Sequence[str], tell: Teller) -> None:
    target = module.cached()
    with locked(target.name):
        # Another builder may have been at it while this one waited.
        if absent := [name for name in names if not (target / name).exists()]:
            _build(module, absent, target, tell)


def _build(module: Module, names: Sequence[str], target: Path, tell: Teller) -> None:
    # Only the holder of the lock has such a directory: what is there was left by a builder that died.
    unfinished = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    job = gobuild.Job(
        name=module.name,
        version=module.version(),
        module=module.directory,
        packages=tuple(module.commands[name] for name in names),
        linker_flags=module.linker_flags(),
        output=unfinished,
        tags=module.tags,
    )
    gobuild.build(job, tell)
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        (unfinished / gobuild.default_name(module.commands[name])).rename(target / name)
    shutil.rmtree(unfinished)
