import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lanes
from lanes import LANES, ROOT, Lane

HACK = ROOT / "hack"
TESTS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py"))


def runs(lane: Lane, test: str) -> bool:
    def below(paths: tuple[str, ...]) -> bool:
        return any(test == path or test.startswith(f"{path}/") for path in paths)

    return below(lane.within) and not below(lane.without)


@pytest.mark.parametrize("test", [test for test in TESTS if not test.startswith("tests/e2e/")])
def test_each_test_is_run_by_one_lane(test: str) -> None:
    assert [runs(lane, test) for lane in LANES.values()].count(True) == 1


def test_the_lanes_name_what_is_there() -> None:
    for lane in LANES.values():
        assert all((ROOT / path).exists() for path in (*lane.within, *lane.without))


def says(*texts: str, code: int = 0) -> list[str]:
    """A command that says these, with pauses that let others speak too."""
    lines = "; time.sleep(0.2); ".join(f"print({text!r}, flush=True)" for text in texts)
    return [sys.executable, "-c", f"import sys, time; {lines}; sys.exit({code})"]


def test_what_a_lane_says_is_printed_in_one_piece() -> None:
    output = io.StringIO()

    assert lanes.run({"a": says("a1", "a2", "a3"), "b": says("b1", "b2", "b3")}, output)

    assert "a1\na2\na3\na: passed" in output.getvalue()
    assert "b1\nb2\nb3\nb: passed" in output.getvalue()


def test_one_lane_that_fails_fails_all_and_stops_none() -> None:
    output = io.StringIO()

    assert not lanes.run({"bad": says("oh", code=3), "good": says("1", "2", "3", "4")}, output)

    assert "oh\nbad: exit code 3" in output.getvalue()
    assert "3\n4\ngood: passed" in output.getvalue()
    assert output.getvalue().endswith("failed: bad\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_end_by_a_signal_ends_all_lanes(number: signal.Signals, tmp_path: Path) -> None:
    there, waits = tmp_path / "pid", tmp_path / "test_waits.py"
    waits.write_text(
        "import os, pathlib, time\n"
        "def test_waits():\n"
        f"    pathlib.Path({str(there)!r}).write_text(str(os.getpid()))\n"
        "    time.sleep(600)\n"
    )
    script = (
        "import lanes, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background it is ignored
        f"sys.exit(lanes.main({{'a': lanes.Lane(({str(waits)!r},))}}, []))\n"
    )
    with subprocess.Popen(  # noqa: S603 - the test's own script
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(HACK)}, stdout=subprocess.DEVNULL
    ) as parent:
        deadline = time.monotonic() + 60
        while not (there.exists() and there.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        parent.send_signal(number)
        assert parent.wait(60) == 128 + number

    with pytest.raises(ProcessLookupError):
        os.kill(int(there.read_text()), 0)
