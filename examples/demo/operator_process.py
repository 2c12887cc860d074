"""The operator as a process of the demo: it ends with the demo, however that ends."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from localplane.processes import Processes

NAME = "operator"
MOST_RESTARTS = 3
LEASE_S = 30
"""Longer than a busy machine keeps the operator from renewing it."""


class OperatorProcess:
    """`entente operator` against a kubeconfig, as a context manager; its log is `operator.log` in the directory.

    It is started again when it ends, as in a Deployment: one that could not renew its Lease ends itself.
    """

    def __init__(self, kubeconfig: Path, directory: Path) -> None:
        options = ["--kubeconfig", str(kubeconfig), "--health-port", "0", "--lease-seconds", str(LEASE_S)]
        self._argv = [sys.executable, "-m", "entente.cli.main", "operator", *options]
        self._directory = directory
        self._processes: Processes | None = None
        self._starts = 0

    def __enter__(self) -> Self:
        """Start it; that it stays is seen to by `keep`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        # a supervisor of its own: it ends the operator when the demo is killed
        self._processes = Processes(self._directory, remove_directory=False)
        self._start(self._processes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it; what it last said is shown when it did not get the demo where it was to be."""
        if self._processes is None:
            return
        self._processes.end()
        if isinstance(error, TimeoutError):
            error.add_note(f"The end of the operator's log:\n{self._processes.log_tail(NAME)}")

    def keep(self) -> None:
        """Start it again when it has ended.

        Raises:
            PlaneError: it has ended too often; the message has the end of its log.
        """
        if self._processes is None or not self._processes.has_ended(NAME):
            return
        if self._starts > MOST_RESTARTS:
            self._processes.check(NAME)
        self._start(self._processes)

    def _start(self, processes: Processes) -> None:
        self._starts += 1
        processes.start(NAME, self._argv)
