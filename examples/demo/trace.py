"""The slice of the trace that is replayed, and what is made of it: tenants, gangs and compressed time."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SLICE = Path(__file__).parent / "trace" / "itp-2021-jobs-3470-3769.csv"
COLUMNS = ("job_id", "tenant", "submit_s", "duration_s", "gpus", "gpu_type", "final_state")

OWNER = "xai"
GUEST = "anthropic"

OWNER_CLUSTERS = frozenset({"cluster02", "cluster07"})
"""Clusters of the trace whose jobs are the owner's; those of all others are the guest's."""

SPEED = 400.0
"""Seconds of the trace per second of the replay."""

SECONDS = 155.0
"""Length of the replay: the last job is submitted after 119 s."""

HOUR_S = 3600.0


class TraceError(ValueError):
    """A trace that cannot be read; the message names file, line and field."""


@dataclass(frozen=True, slots=True)
class TraceJob:
    """One job of the trace, in the trace's own time."""

    job_id: str
    cluster: str
    submit_s: float
    """Since the first job of the slice."""
    duration_s: float
    """What it ran for, without any waiting."""
    gpus: int

    @property
    def tenant(self) -> str:
        """Whose it is in the demo."""
        return OWNER if self.cluster in OWNER_CLUSTERS else GUEST


def read(path: Path = SLICE) -> tuple[TraceJob, ...]:
    """The jobs of a slice in order of submission, the first at 0 s.

    Raises:
        TraceError: no jobs, wrong columns, or a value that is no number in range.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            msg = f"{path}:1: columns are {','.join(rows.fieldnames or ())}, expected {','.join(COLUMNS)}"
            raise TraceError(msg)
        jobs = tuple(_job(row, f"{path}:{line}") for line, row in enumerate(rows, start=2))
    if not jobs:
        msg = f"{path}: no jobs"
        raise TraceError(msg)
    return _from_zero(jobs)


def shape(gpus: int, per_host: int) -> tuple[int, int]:
    """Workers and GPUs per worker of a gang: the fewest equal workers that each fit on one host."""
    workers = -(-gpus // per_host)
    while gpus % workers:
        workers += 1
    return workers, gpus // workers


def _job(row: dict[str, str], where: str) -> TraceJob:
    return TraceJob(
        job_id=row["job_id"],
        cluster=row["tenant"],
        submit_s=_number(row, "submit_s", where, least=0),
        duration_s=_number(row, "duration_s", where, least=0),
        gpus=int(_number(row, "gpus", where, least=1)),
    )


def _number(row: dict[str, str], field: str, where: str, *, least: float) -> float:
    try:
        value = float(row[field])
    except (TypeError, ValueError):
        value = float("nan")
    if not value >= least:
        msg = f"{where}: {field}: {row[field]!r} given, a number of at least {least} expected"
        raise TraceError(msg)
    return value


def _from_zero(jobs: Iterable[TraceJob]) -> tuple[TraceJob, ...]:
    ordered = sorted(jobs, key=lambda job: job.submit_s)
    start = ordered[0].submit_s
    return tuple(TraceJob(job.job_id, job.cluster, job.submit_s - start, job.duration_s, job.gpus) for job in ordered)
