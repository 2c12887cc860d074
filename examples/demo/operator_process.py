"""The operator as a process of the demo: it ends with the demo, however that ends."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from localplane.processes import Processes

NAME = "operator"


class OperatorProcess:
    """`entente operator` against a kubeconfig, as a context manager; its log is `operator.log` in the directory."""

    def __init__(self, kubeconfig: Path, directory: Path) -> None:
        options = ["--kubeconfig", str(kubeconfig), "--health-port", "0"]
        self._argv = [sys.executable, "-m", "entente.cli.main", "operator", *options]
        self._directory = directory
        self._processes: Processes | None = None

    def __enter__(self) -> Self:
        """Start it; whether it stays is seen by `check`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        # a supervisor of its own: it ends the operator when the demo is killed
        self._processes = Processes(self._directory, remove_directory=False)
        self._processes.start(NAME, self._argv)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it; what it last said is shown when it did not get the demo where it was to be."""
        if self._processes is not None:
            self._processes.end()
        if isinstance(error, TimeoutError):
            error.add_note(f"The end of the operator's log:\n{self._tail()}")

    @property
    def log(self) -> Path:
        """Where it writes."""
        return self._directory / f"{NAME}.log"

    def _tail(self) -> str:
        return self._processes.log_tail(NAME) if self._processes else ""

    def check(self) -> None:
        """See that it runs.

        Raises:
            PlaneError: it has ended; the message has the end of its log.
        """
        if self._processes is not None:
            self._processes.check(NAME)
