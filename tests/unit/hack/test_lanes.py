import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typing_extensions import override

import lanes
from laneprogress import VARIABLE, Progress
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


def tells(*events: str, code: int = 0) -> list[str]:
    """A command that tells of its progress as pytest does, then goes on for a moment."""
    told = "\n".join([*events, ""])
    script = (
        "import os, sys, time\n"
        f"with open(os.environ[{VARIABLE!r}], 'w') as file: file.write({told!r})\n"
        f"time.sleep(1)\nprint('all of it')\nsys.exit({code})"
    )
    return [sys.executable, "-c", script]


def test_how_far_each_lane_is_is_said_before_any_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "FIRST_PAUSE_SECONDS", 0.5)
    output = io.StringIO()

    assert lanes.run({"a": tells("total 1200", "done", "done"), "b": tells()}, output)

    first = output.getvalue().splitlines()[0]
    assert first.endswith(" s: a 2 of 1,200; b collecting")


def test_a_failure_is_said_before_its_lane_has_ended() -> None:
    output = io.StringIO()

    lanes.run({"a": tells("total 2", "failed tests/test_x.py::test_y", "done", code=1)}, output)

    assert output.getvalue().startswith("a: failed tests/test_x.py::test_y\nall of it\na: exit code 1")


def test_no_minute_is_silent_and_the_first_ten_seconds_are_not() -> None:
    assert lanes.FIRST_PAUSE_SECONDS < 10
    assert lanes.PAUSE_SECONDS < 60


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_changes_and_is_no_wider_than_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    output = Terminal()

    lanes.run({"a lane with a long name": tells("total 1200", "done")}, output)

    shown = output.getvalue().split("\r\x1b[2K")
    assert "1 s: a lane with a long name " in {line[:29] for line in shown}
    assert all(len(line) < 30 for line in shown if "lane with" in line and not line.endswith("\n"))


def test_a_lane_that_runs_pytest_tells_its_tests_and_its_failures(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): raise ValueError\n"
        "@pytest.fixture\n"
        "def broken(): raise ValueError\n"
        "def test_not_reached(broken): pass\n"
    )
    (tmp_path / "test_unreadable.py").write_text("import nothing_of_that_name\n")
    events = tmp_path / "events"
    subprocess.run(  # noqa: S603 - the test's own files
        [sys.executable, "-m", "pytest", "-p", "laneprogress", "--continue-on-collection-errors", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(HACK), VARIABLE: str(events)},
        cwd=tmp_path,
        check=False,
        capture_output=True,
    )

    told = Progress()
    told.take(events.read_text().splitlines())

    assert told.failures == ["test_unreadable.py", "test_some.py::test_bad", "test_some.py::test_not_reached (setup)"]
    assert told.words() == "3 of 3, 3 failed"


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
