"""Traces: who submitted what when, and how long it ran."""

import csv
import gzip
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from entente.engine.model import DAY_S

COLUMNS = ("job_id", "tenant", "submit_s", "duration_s", "gpus", "gpu_type", "final_state")
_OPTIONAL = frozenset({"gpu_type", "final_state"})

_LONGEST_S = 3.2e9
"""A century: more is a mistake in the file."""

_MOST_GPUS = 1_000_000


class TraceError(Exception):
    """A trace that cannot be read: says file, line and field."""

    def __init__(self, source: str, line: int | None, message: str) -> None:
        super().__init__(f"{source if line is None else f'{source}:{line}'}: {message}")


@dataclass(frozen=True, slots=True)
class TraceJob:
    job_id: str
    tenant: str
    submit_s: float
    duration_s: float
    """What it ran for, without any queueing."""
    gpus: int
    """Of the whole gang. A part of a GPU is rounded up: a replay gives out whole ones."""
    gpu_type: str = ""
    line: int = 0
    """In the file, from 1."""
    rounded: bool = False
    """It asked for a part of a GPU."""

    @property
    def gpu_s(self) -> float:
        """GPU-seconds of work."""
        return self.gpus * self.duration_s


def read_trace(path: str) -> list[TraceJob]:
    """Read a trace from a CSV file, by its name compressed with gzip or not; in the order of submission.

    Raises:
        TraceError: the file cannot be read, a column is missing, a value is not what its column holds.
    """
    try:
        if Path(path).suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
                return parse(stream, path)
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            return parse(stream, path)
    except UnicodeDecodeError as error:
        raise TraceError(path, None, "cannot be read: it is not UTF-8 text") from error
    except (OSError, EOFError) as error:  # gzip raises both for files that are cut or no gzip
        reason = getattr(error, "strerror", None) or str(error)
        raise TraceError(path, None, f"cannot be read: {reason}") from error


def parse(lines: Iterable[str], source: str) -> list[TraceJob]:
    """The jobs in these lines of CSV, the first of which names the columns. Raises TraceError."""
    rows = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        places = _places(header, source)
        jobs, seen = [], dict[str, int]()
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise TraceError(source, rows.line_num, f"{len(row)} fields, and the header has {len(header)}")
            job = _job(row, places, source, rows.line_num)
            if job.job_id in seen:
                raise TraceError(source, rows.line_num, f"job_id: {job.job_id!r} is given in line {seen[job.job_id]}")
            seen[job.job_id] = rows.line_num
            jobs.append(job)
    except csv.Error as error:
        raise TraceError(source, rows.line_num, f"not CSV: {error}") from error
    return sorted(jobs, key=lambda job: job.submit_s)


def _places(header: Sequence[str], source: str) -> dict[str, int]:
    missing = [name for name in COLUMNS if name not in header and name not in _OPTIONAL]
    if missing:
        raise TraceError(source, 1, f"column missing: {', '.join(missing)}; a trace has {', '.join(COLUMNS)}")
    twice = sorted({name for name in header if name in COLUMNS and header.count(name) > 1})
    if twice:
        raise TraceError(source, 1, f"column given twice: {', '.join(twice)}")
    return {name: header.index(name) for name in COLUMNS if name in header}


def _job(row: Sequence[str], places: dict[str, int], source: str, line: int) -> TraceJob:
    def text(name: str) -> str:
        value = row[places[name]].strip() if name in places else ""
        if not value and name not in _OPTIONAL:
            raise TraceError(source, line, f"{name}: missing")
        return value

    def number(name: str, most: float) -> float:
        given = text(name)
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not 0 <= value <= most:
            raise TraceError(source, line, f"{name}: {given!r} is no number from 0 to {most:g}")
        return value

    gpus = number("gpus", _MOST_GPUS)
    if not gpus:
        raise TraceError(source, line, "gpus: must be more than 0")
    return TraceJob(
        job_id=text("job_id"),
        tenant=text("tenant"),
        submit_s=number("submit_s", _LONGEST_S),
        duration_s=number("duration_s", _LONGEST_S),
        gpus=math.ceil(gpus),
        gpu_type=text("gpu_type"),
        line=line,
        rounded=gpus != int(gpus),
    )


def window(jobs: Iterable[TraceJob], from_day: float, to_day: float | None) -> list[TraceJob]:
    """The jobs submitted from the begin of one day to the begin of another, counted from then on."""
    start, end = from_day * DAY_S, math.inf if to_day is None else to_day * DAY_S
    return [replace(job, submit_s=job.submit_s - start) for job in jobs if start <= job.submit_s < end]


def compressed(jobs: Iterable[TraceJob], factor: float) -> list[TraceJob]:
    """The same jobs submitted in a time that is shorter by a factor: so much more load."""
    return [replace(job, submit_s=round(job.submit_s / factor, 3)) for job in jobs]


def thinned(jobs: Iterable[TraceJob], keep: float, seed: int) -> list[TraceJob]:
    """Each job with a probability: so much less load."""
    return list(_kept(jobs, keep, random.Random(seed)))  # noqa: S311 - a sample, no secret


def _kept(jobs: Iterable[TraceJob], keep: float, draws: random.Random) -> Iterator[TraceJob]:
    for job in jobs:
        if draws.random() < keep:
            yield job
