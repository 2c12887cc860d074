"""Runs in processes of their own, and what came of them in files, so that an interrupted command goes on."""

import multiprocessing
import os
import pickle
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol, TypeVar, cast

Result_co = TypeVar("Result_co", covariant=True)
Result = TypeVar("Result")


class Run(Protocol[Result_co]):
    """Something that takes long and always gives the same."""

    @property
    def label(self) -> str:
        """For people, and for the name of a file."""

    def key(self) -> str:
        """A hash of everything that the result rests on."""

    def make(self) -> Result_co: ...


class Runs:
    """Results of runs.

    Args:
        folder: where the results are kept.
        at_once: so many processes; 0: one run after the other in this process.
    """

    def __init__(self, folder: Path, at_once: int = 1) -> None:
        self._folder = folder
        self._at_once = at_once
        self._keys: dict[Run[object], str] = {}

    def do(self, runs: Iterable[Run[object]]) -> None:
        """Make the results that are not there yet. What a run raises is raised when all others have ended."""
        self._folder.mkdir(parents=True, exist_ok=True)
        missing = [(run, file) for run in dict.fromkeys(runs) if not (file := self._file(run)).exists()]
        if not missing:
            return
        if not self._at_once:
            for run, file in missing:
                _make(run, file)
            return
        # each in a new process: memory of one run is not the next one's
        with ProcessPoolExecutor(
            min(self._at_once, len(missing)), multiprocessing.get_context("spawn"), max_tasks_per_child=1
        ) as pool:
            ahead = {pool.submit(_make, run, file): run for run, file in missing}
            for done in as_completed(ahead):
                if done.exception() is None:
                    _say(f"{ahead[done].label}: {done.result():.0f} s")
            for future in ahead:
                future.result()

    def get(self, run: Run[Result]) -> Result:
        """The result of one run, made now if it is not there."""
        self.do([run])
        return cast("Result", pickle.loads(self._file(run).read_bytes()))  # noqa: S301 - this command wrote it

    def each(self, runs: Sequence[Run[Result]]) -> Iterable[Result]:
        """The results of several, one after the other: all at once need much memory."""
        self.do(runs)
        return (self.get(run) for run in runs)

    def code(self, run: Run[object]) -> str:
        """A short form of a run's key, to be named beside its figures."""
        return self._key(run)[:8]

    def _key(self, run: Run[object]) -> str:
        if run not in self._keys:
            self._keys[run] = run.key()
        return self._keys[run]

    def _file(self, run: Run[object]) -> Path:
        return self._folder / f"{run.label}-{self._key(run)[:16]}.pickle"


def _make(run: Run[object], file: Path) -> float:
    """Do a run and keep the result; returns the seconds that it took. A file is there wholly or not at all."""
    begun = time.perf_counter()
    result = run.make()
    part = file.with_suffix(f".{os.getpid()}")
    part.write_bytes(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL))
    part.rename(file)
    return time.perf_counter() - begun


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
