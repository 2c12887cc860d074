"""What a conversion gives: jobs, and how many were left out or changed for which reason."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from entente.api.amounts import count
from entente.simulator.trace import COLUMNS, TraceError

MILLI = 1000


@dataclass(frozen=True, slots=True)
class Job:
    """One row of a trace that `entente simulate` reads."""

    job_id: str
    tenant: str
    submit_s: int
    duration_s: int
    milli_gpus: int
    """Thousandths of a GPU, of the whole gang."""
    gpu_type: str = ""
    final_state: str = ""

    def fields(self) -> tuple[str, ...]:
        """Its values in the order of the columns."""
        gpus, rest = divmod(self.milli_gpus, MILLI)
        part = f".{rest:03}".rstrip("0") if rest else ""
        return (
            self.job_id,
            self.tenant,
            str(self.submit_s),
            str(self.duration_s),
            f"{gpus}{part}",
            self.gpu_type,
            self.final_state,
        )


@dataclass(frozen=True, slots=True)
class Window:
    """Which jobs are wanted, by their submission in seconds since 1970."""

    start: int | None = None
    """The first moment, and time 0 of the trace."""
    end: int | None = None
    """The first moment that is too late."""

    def why_not(self, submitted: int) -> str:
        """Why a job is left out; empty for one that is wanted."""
        if self.start is not None and submitted < self.start:
            return "submitted before --start"
        if self.end is not None and submitted >= self.end:
            return "submitted at --end or later"
        return ""


ALWAYS = Window()
"""Every job."""


@dataclass(slots=True)
class Conversion:
    """The jobs of a source, and what has to be said about those that are not as they were."""

    jobs: list[Job] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Jobs that are not in the trace, by the reason."""
    changed: Counter[str] = field(default_factory=Counter)
    """Jobs or rows that are in it in another form, by what was done."""

    def in_order(self) -> list[Job]:
        """By submission; at the same second as they were read."""
        return sorted(self.jobs, key=lambda job: job.submit_s)

    def from_time_0(self, zero: int | None = None) -> None:
        """Let times count from this moment of the source's clock, in seconds; from the first submission without one."""
        if zero is None:
            zero = min((job.submit_s for job in self.jobs), default=0)
        self.jobs = [replace(job, submit_s=job.submit_s - zero) for job in self.jobs]

    def summary(self) -> str:
        """What was read, kept, left out and changed; one fact a line."""
        kept, gone = len(self.jobs), sum(self.left_out.values())
        gpu_h = sum(job.milli_gpus * job.duration_s for job in self.jobs) / MILLI / 3600
        tenants = len({job.tenant for job in self.jobs})
        read = f"{count(kept + gone, 'job', ',')} read, {kept:,} written"
        lines = [f"{read}: {count(tenants, 'tenant')}, {gpu_h:,.0f} GPU-hours"]
        lines += [f"  left out: {count:,} {reason}" for reason, count in sorted(self.left_out.items())]
        lines += [f"  note: {count:,} {what}" for what, count in sorted(self.changed.items())]
        return "\n".join(lines)


def as_csv(jobs: Iterable[Job]) -> Iterable[str]:
    """The lines of the CSV file, the header first."""
    line = io.StringIO()
    rows = csv.writer(line, lineterminator="\n")
    for fields in (COLUMNS, *(job.fields() for job in jobs)):
        rows.writerow(fields)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def write(jobs: Iterable[Job], path: str) -> None:
    """Write a trace; by its name compressed with gzip or not. The same jobs give the same bytes.

    Raises:
        TraceError: the file cannot be written.
    """
    try:
        with Path(path).open("wb") as raw:
            if Path(path).suffix == ".gz":
                with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed, _text(packed) as stream:
                    stream.writelines(as_csv(jobs))
            else:
                with _text(raw) as stream:
                    stream.writelines(as_csv(jobs))
    except OSError as error:
        raise TraceError(path, None, f"cannot be written: {error.strerror}") from error


def _text(raw: io.BufferedWriter | gzip.GzipFile) -> TextIO:
    return io.TextIOWrapper(raw, encoding="utf-8", newline="")
