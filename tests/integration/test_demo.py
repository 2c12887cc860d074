"""`make demo` does what it promises, and leaves nothing running however it ends."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localplane import binaries
from localplane.cache import CACHE_VARIABLE
from tests.support.marked import MarkedRun
from tests.support.plane import eventually

DEMO = (sys.executable, "-m", "demo")
MAKE = ("make", "--no-print-directory")
STARTING = re.compile("starting a control plane")
REPLAYING = re.compile(r"of the trace, (?:[5-9]|\d{2,}) s of")
"""5 s of the replay have gone by, or more on a busy machine."""
MOST_S = 420
"""What the demo may take on a machine that is busy with other tests; by itself it needs less than half of it."""


FIRST_S = 60
"""Within so many seconds the story on the simulator has begun."""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[MarkedRun]:
    """A demo that is not started yet; the binaries are there."""
    binaries.ensure_all(binaries.PLANE)
    run = MarkedRun(tmp_path / "output")
    yield run
    if run.process.poll() is None:
        run.process.kill()
        run.process.wait()


@pytest.mark.parametrize("moment", [STARTING, REPLAYING], ids=["starting", "replaying"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_at_any_time_it_leaves_nothing_running(
    demo: MarkedRun, number: signal.Signals, moment: re.Pattern[str]
) -> None:
    demo.start(DEMO)
    demo.await_text(moment)
    if moment == REPLAYING:
        assert len(demo.alive()) >= 8, "plane, operator and their supervisors run"
    demo.process.send_signal(number)
    assert demo.process.wait(timeout=30) == (-number if number is signal.SIGKILL else 130)
    eventually(lambda: not demo.alive(), what=f"the end of {demo.alive()}")
    if moment == REPLAYING:
        eventually(lambda: not demo.directory().exists(), what="the end of the plane's directory")


def test_it_ends_with_whoever_has_started_it(demo: MarkedRun) -> None:
    demo.start(("/bin/sh", "-c", '"$@"; true', "sh", *DEMO))
    demo.await_text(REPLAYING)
    demo.process.kill()
    demo.process.wait()
    eventually(lambda: not demo.alive(), what="the end of all its processes")


@pytest.mark.timeout(MOST_S + 60)
def test_the_guest_fills_the_idle_half_and_the_owner_takes_its_guarantee_back(demo: MarkedRun) -> None:
    began = time.monotonic()
    demo.start(DEMO)
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
        "of waiting for each job",
        "lendLimit: 64 of the owner",
    ):
        assert line in text
    eventually(lambda: not demo.alive(), what="the end of all its processes")


@pytest.mark.parametrize(("target", "text"), [("demo", REPLAYING), ("estate", re.compile("until Ctrl-C"))])
def test_ctrl_c_ends_make_without_an_error_of_make_s(demo: MarkedRun, target: str, text: re.Pattern[str]) -> None:
    demo.start((*MAKE, target))
    demo.await_text(text)
    demo.press_ctrl_c()
    demo.process.wait(timeout=30)
    assert "Error" not in demo.text()
    assert "everything is stopped" in demo.text()
    eventually(lambda: not demo.alive(), what="the end of all its processes")


def test_while_the_plane_is_built_the_story_is_told_on_the_simulator(demo: MarkedRun, tmp_path: Path) -> None:
    began = time.monotonic()
    demo.start((*MAKE, "demo"), {CACHE_VARIABLE: str(tmp_path / "cache")})
    demo.await_text(re.compile("anthropic fills the idle half"), within=FIRST_S)
    assert time.monotonic() - began < FIRST_S
    for part in (
        "32 hosts of 8 H100, 256 GPUs",
        "Each is guaranteed 128 GPUs",
        "to be built, once, about",
        "on the simulator, hour",
        "waiting",
    ):
        assert part in demo.text()
    demo.press_ctrl_c()
    demo.process.wait(timeout=30)
    assert "Error" not in demo.text()
    eventually(lambda: not demo.alive(), what=f"the end of {demo.alive()}")
