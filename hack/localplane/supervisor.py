"""The process that starts the components of one plane, and ends them whatever happens to whoever asked for them.

It is a process of its own, run as a script with the standard library only, because no process can clean up after its
own SIGKILL. It reads orders, one JSON object a line, from its standard input, and takes the end of that input, or the
death of its parent, as the order to end everything:

    {"start": "etcd", "argv": ["..."], "log": "/.../etcd.log"}
    {"kill": "etcd"}

When a component has ended, its exit code lies in `<directory>/<name>.exit`. Should the supervisor itself be killed,
the kernel ends the components (Linux: PR_SET_PDEATHSIG).

Components are ended by SIGKILL: all that they know is in a directory that nobody reads again.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.1
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class Supervisor:
    """Starts, watches and ends components.

    It must stay single-threaded: the kernel ties the death signal to the thread that started a process.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pid = os.getpid()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def obey(self, order: dict[str, Any]) -> None:
        if "start" in order:
            self._start(order["start"], order["argv"], Path(order["log"]))
        elif "kill" in order:
            self._kill(order["kill"])

    def note_exits(self) -> None:
        for name, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                del self._running[name]
                self._note_exit(name, code)

    def end(self) -> None:
        """End all components, the youngest first, and wait until they are gone."""
        for name in reversed(list(self._running)):
            self._kill(name)

    def _start(self, name: str, argv: list[str], log: Path) -> None:
        self._exit_file(name).unlink(missing_ok=True)
        with log.open("ab") as output:
            try:
                self._running[name] = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self._directory,
                    start_new_session=True,
                    preexec_fn=self._die_with_parent,  # noqa: PLW1509 - safe, since this process has one thread
                )
            except OSError as error:
                output.write(f"cannot be started: {error}\n".encode())
                self._note_exit(name, 127)

    def _die_with_parent(self) -> None:
        if self._libc is not None:
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self._pid:  # it died before the kernel was told
                os._exit(1)

    def _kill(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        self._note_exit(name, process.wait())

    def _note_exit(self, name: str, code: int) -> None:
        # Whoever sees the file reads the code at once: it comes into being whole.
        draft = self._directory / f"{name}.exit.new"
        with contextlib.suppress(FileNotFoundError):  # the directory may have been removed by its owner
            draft.write_text(str(code), encoding="ascii")
            draft.replace(self._exit_file(name))

    def _exit_file(self, name: str) -> Path:
        return self._directory / f"{name}.exit"


def main(directory: Path, parent: int, *, remove_directory: bool) -> None:
    """Obey orders until there can be no more of them."""
    supervisor = Supervisor(directory)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _serve(supervisor, parent)
    finally:
        supervisor.end()
        if remove_directory:
            shutil.rmtree(directory, ignore_errors=True)


def _serve(supervisor: Supervisor, parent: int) -> None:
    orders = sys.stdin.fileno()
    unread = b""
    # The parent's death alone does not end the input when it had forked: then its child holds the other end too.
    while os.getppid() == parent:
        supervisor.note_exits()
        if not select.select([orders], [], [], POLL_SECONDS)[0]:
            continue
        received = os.read(orders, 65536)
        if not received:
            return
        *lines, unread = (unread + received).split(b"\n")
        for line in lines:
            supervisor.obey(json.loads(line))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), remove_directory=sys.argv[3] == "remove")
