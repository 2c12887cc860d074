"""Where the plane's binaries come from: KUBEBUILDER_ASSETS, else a cache, else a build of their pinned Go modules.

`hack/binaries/<module>/` pins each module's version and the hashes of all that it is built from.
`ENTENTE_KUBERNETES=1.35` picks another minor of Kubernetes, pinned in `hack/binaries/kubernetes-1.35/`. Built binaries
lie in `~/.cache/entente/bin/<module>-<version>-<stamp>/`, where the stamp covers everything that decides what is built,
so that a change of a pin never runs an old binary. Builders wait for each other, and a directory appears only when it
is complete: a build that is interrupted leaves nothing that anybody uses.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localplane import gobuild
from localplane.cache import cache_directory, locked
from localplane.errors import PlaneError

MODULES_DIRECTORY = Path(__file__).parents[1] / "binaries"
ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
MINOR_VARIABLE = "ENTENTE_KUBERNETES"


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


def ensure_all(names: Iterable[str]) -> dict[str, Path]:
    """Return the paths of binaries, building what is nowhere yet. Raises PlaneError."""
    wanted = list(names)
    for name in wanted:
        if name not in OWNERS:
            message = f"binary must be one of {', '.join(sorted(OWNERS))}, but is {name!r}"
            raise PlaneError(message)
    return {name: _from_assets(name) or _from_cache(name) for name in wanted}


def missing(names: Iterable[str]) -> list[str]:
    """Return those binaries that `ensure_all` would have to build."""
    return [name for name in names if _from_assets(name) is None and not (OWNERS[name].cached() / name).exists()]


def _from_assets(name: str) -> Path | None:
    directory = os.environ.get(ASSETS_VARIABLE)
    if not directory or OWNERS[name].wanted_minor:  # assets are of a minor that nobody chose
        return None
    path = Path(directory) / name  # envtest's own assets lack some: those come from elsewhere
    return path.resolve() if os.access(path, os.X_OK) else None


def _from_cache(name: str) -> Path:
    module = OWNERS[name]
    target = module.cached()
    binary = target / name
    if not binary.exists():
        with locked(target.name):
            # Another builder may have been at it while this one waited.
            if not binary.exists():
                _build(module, target)
    return binary


def _build(module: Module, target: Path) -> None:
    # Only the holder of the lock has such a directory: what is there was left by a builder that died.
    unfinished = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    job = gobuild.Job(
        title=f"{module.name} {module.version()}",
        module=module.directory,
        packages=tuple(module.commands.values()),
        linker_flags=module.linker_flags(),
        output=unfinished,
        tags=module.tags,
    )
    gobuild.build(job, sys.stderr)
    for name, package in module.commands.items():
        (unfinished / gobuild.default_name(package)).rename(unfinished / name)
    shutil.rmtree(target, ignore_errors=True)  # somebody removed a part of it by hand, or it would not be built
    unfinished.rename(target)
