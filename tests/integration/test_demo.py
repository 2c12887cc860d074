"""`make demo` does what it promises, and leaves nothing running however it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from localplane import binaries
from tests.support.plane import eventually

REPOSITORY = Path(__file__).parents[2]
MARK = "ENTENTE_DEMO_TEST"
"""Environment variable that all processes of one demo inherit."""

STARTING = re.compile("starting a control plane")
REPLAYING = re.compile(r"of the trace, (?:[5-9]|\d{2,}) s of")
"""5 s of the replay have gone by, or more on a busy machine."""
MOST_S = 420
"""What the demo may take on a machine that is busy with other tests; by itself it needs less than half of it."""


@dataclass
class Demo:
    """One run of the demo as a process, and all the processes that it has started."""

    output: Path
    process: subprocess.Popen[bytes] = field(init=False)
    mark: str = field(default_factory=lambda: f"{MARK}={uuid.uuid4()}")

    def start(self, *, below_a_shell: bool = False) -> None:
        command = [sys.executable, "-m", "demo"]
        if below_a_shell:
            command = ["/bin/sh", "-c", '"$@"; true', "sh", *command]
        name, value = self.mark.split("=")
        path = os.pathsep.join(str(REPOSITORY / part) for part in ("operator", "hack", "examples"))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", name: value, "HOLD": "", "KIND": ""}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - this very program
                command, stdout=output, stderr=output, env=environment, cwd=REPOSITORY
            )

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def await_text(self, text: re.Pattern[str]) -> None:
        def there() -> bool:
            assert self.process.poll() is None, f"the demo has ended:\n{self.text()}"
            return text.search(self.text()) is not None

        eventually(there, within=120, what=f"{text.pattern!r} in {self.output}")

    def alive(self) -> list[str]:
        """Command lines of all processes that carry its mark."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return [command for command in found if command]

    def directory(self) -> Path:
        match = re.search(r"export KUBECONFIG=(\S+)", self.text())
        assert match
        return Path(match[1]).parents[1]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo that is not started yet; the binaries are there."""
    binaries.ensure_all(binaries.PLANE)
    run = Demo(tmp_path / "output")
    yield run
    if run.process.poll() is None:
        run.process.kill()
        run.process.wait()


@pytest.mark.parametrize("moment", [STARTING, REPLAYING], ids=["starting", "replaying"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_at_any_time_it_leaves_nothing_running(
    demo: Demo, number: signal.Signals, moment: re.Pattern[str]
) -> None:
    demo.start()
    demo.await_text(moment)
    if moment == REPLAYING:
        assert len(demo.alive()) >= 8, "plane, operator and their supervisors run"
    demo.process.send_signal(number)
    assert demo.process.wait(timeout=30) == (-number if number is signal.SIGKILL else 130)
    eventually(lambda: not demo.alive(), what=f"the end of {demo.alive()}")
    if moment == REPLAYING:
        eventually(lambda: not demo.directory().exists(), what="the end of the plane's directory")


def test_it_ends_with_whoever_has_started_it(demo: Demo) -> None:
    demo.start(below_a_shell=True)
    demo.await_text(REPLAYING)
    demo.process.kill()
    demo.process.wait()
    eventually(lambda: not demo.alive(), what="the end of all its processes")


@pytest.mark.timeout(MOST_S + 60)
def test_the_guest_fills_the_idle_half_and_the_owner_takes_its_guarantee_back(demo: Demo) -> None:
    began = time.monotonic()
    demo.start()
    code = demo.process.wait(timeout=MOST_S + 30)
    took = time.monotonic() - began
    text = demo.text()
    assert code == 0, text
    assert took < MOST_S
    for line in (
        "anthropic fills the idle half",
        "xai is back and takes its guarantee",
        "xai has its guarantee back",
        "time to reclaim",
        "GPU-hours of training done",
        "no job was lost",
    ):
        assert line in text
    eventually(lambda: not demo.alive(), what="the end of all its processes")
