from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localplane import PlaneError
from localplane.errors import PortTakenError
from localplane.ports import LOOPBACK, free_ports
from localplane.processes import Processes
from tests.support.plane import eventually

SLEEPER = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    own = Processes(tmp_path, remove_directory=False)
    yield own
    own.end()


def _start_sleeper(processes: Processes, name: str = "sleeper") -> int:
    processes.start(name, SLEEPER)
    return int(eventually(lambda: _text(processes.log(name))))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a zombie waits for nothing but its parent's attention


def test_what_runs_ends_with_the_rest(processes: Processes) -> None:
    pids = [_start_sleeper(processes, name) for name in ("one", "two")]
    assert all(_is_alive(pid) for pid in pids)

    processes.end()

    assert not any(_is_alive(pid) for pid in pids)


def test_what_runs_ends_when_its_supervisor_is_killed(processes: Processes) -> None:
    pid = _start_sleeper(processes)

    os.kill(processes.supervisor_pid, signal.SIGKILL)

    eventually(lambda: not _is_alive(pid), what="the end of the sleeper")
    with pytest.raises(PlaneError, match="supervisor ended"):
        processes.check("sleeper")


def test_what_runs_ends_when_its_supervisor_is_told_to(processes: Processes) -> None:
    pid = _start_sleeper(processes)

    os.kill(processes.supervisor_pid, signal.SIGTERM)

    eventually(lambda: not _is_alive(pid), what="the end of the sleeper")


def test_an_interrupt_from_the_terminal_is_left_to_the_program_that_uses_the_plane(processes: Processes) -> None:
    pid = _start_sleeper(processes)

    os.kill(processes.supervisor_pid, signal.SIGINT)
    _start_sleeper(processes, "later")

    assert _is_alive(pid)


def test_what_runs_ends_when_its_owner_is_killed_though_a_fork_of_it_lives_on(tmp_path: Path) -> None:
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from localplane.processes import Processes\n"
        "processes = Processes(Path(sys.argv[1]), remove_directory=False)\n"
        f"processes.start('sleeper', {SLEEPER!r})\n"
        "while not processes.log('sleeper').exists() or not processes.log('sleeper').read_text(): time.sleep(0.01)\n"
        "fork = os.fork()\n"
        "if fork: print(processes.log('sleeper').read_text().strip(), fork, flush=True)\n"
        "time.sleep(600)\n"
    )
    hack = Path(__file__).parents[3] / "hack"
    with subprocess.Popen(  # noqa: S603 - the test's own script
        [sys.executable, "-c", script, tmp_path],
        env={**os.environ, "PYTHONPATH": str(hack)},
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        sleeper, fork = map(int, owner.stdout.readline().split())
        owner.kill()
        try:
            eventually(lambda: not _is_alive(sleeper), what="the end of the sleeper")
            assert _is_alive(fork)
        finally:
            os.kill(fork, signal.SIGKILL)


def test_the_directory_goes_when_that_was_asked_for(tmp_path: Path) -> None:
    directory = tmp_path / "plane"
    directory.mkdir()
    processes = Processes(directory, remove_directory=True)
    _start_sleeper(processes)

    processes.end()

    assert not directory.exists()


def test_a_component_that_ends_is_reported_with_the_end_of_its_log(processes: Processes) -> None:
    processes.start("broken", ["/bin/sh", "-c", "seq 100; echo it is broken; exit 3"])

    with pytest.raises(PlaneError, match=r"(?s)broken ended with exit code 3\..*\n99\n100\nit is broken$") as error:
        _check_until_it_raises(lambda: processes.check("broken"))
    assert "\n10\n" not in str(error.value)


def test_a_taken_port_is_told_from_other_failures(processes: Processes) -> None:
    processes.start("late", ["/bin/sh", "-c", "echo listen tcp 127.0.0.1:1: bind: address already in use; exit 1"])

    with pytest.raises(PortTakenError):
        _check_until_it_raises(lambda: processes.check("late"))


def test_a_binary_that_is_missing_is_reported(processes: Processes, tmp_path: Path) -> None:
    processes.start("absent", [str(tmp_path / "absent")])

    with pytest.raises(PlaneError, match=r"absent ended with exit code 127.*\n.*cannot be started"):
        _check_until_it_raises(lambda: processes.check("absent"))


def test_a_component_can_be_killed_and_started_again(processes: Processes) -> None:
    pid = _start_sleeper(processes)
    processes.kill("sleeper")
    eventually(lambda: processes.has_ended("sleeper"))
    assert not _is_alive(pid)

    processes.start("sleeper", SLEEPER)

    second = eventually(lambda: _text(processes.log("sleeper")).splitlines()[1:])
    assert _is_alive(int(second[0]))
    assert not processes.has_ended("sleeper")


def test_nothing_is_started_after_the_end(processes: Processes) -> None:
    processes.end()

    with pytest.raises(PlaneError, match="the plane has ended"):
        processes.start("sleeper", SLEEPER)


def test_free_ports_are_distinct_and_can_be_bound() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    with socket.socket() as listener:
        listener.bind((LOOPBACK, ports[0]))


def _check_until_it_raises(check: Callable[[], None]) -> None:
    def look() -> bool:
        check()
        return False

    eventually(look)
