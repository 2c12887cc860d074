"""Slurm: what `sacct --parsable2` prints, with its header.

Seen with Slurm 22.05; man sacct describes the fields. `ElapsedRaw` leaves out the time for which a job was suspended.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from entente.simulator.converters.conversion import ALWAYS, MILLI, Conversion, Job, Window
from entente.simulator.converters.sacct import Line, lines
from entente.simulator.converters.source import opened
from entente.simulator.trace import TraceError

_RUN_AGAIN = frozenset({"REQUEUED", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "RESIZING"})
"""States after which the same job runs again; after any other one the number was given to another job."""

_NOT_IN_LABEL = re.compile(r"[^a-z0-9]+")

_STILL = frozenset({"RUNNING", "SUSPENDED", "COMPLETING", "STOPPED", "SIGNALING", "STAGE_OUT"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs are converted, and how."""

    tenant_by: str = "account"
    """Column whose value is the tenant: account, user or partition."""
    window: Window = ALWAYS


def convert(paths: Sequence[str], wanted: Wanted) -> Conversion:
    """The jobs that ran on GPUs.

    Runs of one job (after a requeue, a preemption, a lost node) are one job that ran for as long as all of them. The
    parts of a heterogeneous job are one gang, each element of an array is a job. A job is submitted when it could run
    for the first time: where the listing has `Eligible`, a job that waited for another one is submitted when that
    ended.

    Raises:
        TraceError: a file cannot be read, or a row is not as sacct prints it.
    """
    found = Conversion()
    read = dict[tuple[str, int | None], Line]()
    for path in paths:
        with opened(path) as stream:
            for line in lines(stream, path, wanted.tenant_by, found.changed):
                place = (line.part, line.start)
                known = read.get(place)
                if known is not None:
                    found.changed["rows given twice: the longer run counts"] += 1
                if known is None or line.elapsed_s >= known.elapsed_s:
                    read[place] = line
    tenants = _Tenants(found)
    by_job = dict[str, list[Line]]()
    for line in read.values():
        by_job.setdefault(line.job, []).append(line)
    for name, rows in by_job.items():
        for number, runs in enumerate(_jobs(rows)):
            _take(name if not number else f"{name}~{number + 1}", runs, wanted, tenants)
    found.from_time_0(wanted.window.start)
    return found


@dataclass(frozen=True, slots=True)
class _Run:
    """All parts of a job that started at one moment."""

    parts: Sequence[Line]

    @property
    def gpus(self) -> int:
        return sum(line.gpus for line in self.parts)

    @property
    def elapsed_s(self) -> int:
        return max(line.elapsed_s for line in self.parts)

    @property
    def state(self) -> str:
        return self.parts[0].state

    @property
    def started(self) -> bool:
        return self.parts[0].start is not None and self.elapsed_s > 0


def _jobs(rows: Sequence[Line]) -> Iterator[list[_Run]]:
    """The runs under one number, cut where the number goes to another job."""
    begun = {(line.part, line.submit) for line in rows if line.start is not None}
    # an older listing may have a job that waits, where a newer one has it running
    kept = [line for line in rows if line.start is not None or (line.part, line.submit) not in begun]
    never = max(line.start or 0 for line in kept) + 1
    in_order = sorted(kept, key=lambda line: never if line.start is None else line.start)
    runs = [_Run(list(parts)) for _, parts in groupby(in_order, key=lambda line: line.start)]
    begin = 0
    for end in range(1, len(runs) + 1):
        if end == len(runs) or runs[end - 1].state not in _RUN_AGAIN:
            yield runs[begin:end]
            begin = end


class _Tenants:
    """Names that a Tenant may have, for those that Slurm knows."""

    def __init__(self, found: Conversion) -> None:
        self.found = found
        self._given = dict[str, str]()

    def of(self, line: Line) -> str:
        """Raises TraceError when two names come to the same one, or nothing is left of one."""
        label = _NOT_IN_LABEL.sub("-", line.tenant.lower()).strip("-")
        known = self._given.setdefault(label, line.tenant)
        if not label or known != line.tenant:
            both = f"{line.tenant!r} and {known!r} would both be the tenant {label!r}"
            none = f"{line.tenant!r} has no letter or digit, and a Tenant is named by a to z, 0 to 9 and -"
            raise TraceError(*line.place, both if label else none)
        if label != line.tenant:
            self.found.changed[f"of {line.tenant!r}: the tenant is {label!r}"] += 1
        return label


def _take(name: str, runs: Sequence[_Run], wanted: Wanted, tenants: _Tenants) -> None:
    found = tenants.found
    ran = [run for run in runs if run.started]
    first = runs[0].parts[0]
    submitted = first.submit if first.eligible is None else max(first.submit, first.eligible)
    gpus = max((run.gpus for run in ran), default=0)
    if not ran:
        found.left_out["never ran"] += 1
    elif not gpus:
        found.left_out["without GPUs"] += 1
    elif reason := wanted.window.why_not(submitted):
        found.left_out[reason] += 1
    else:
        _note(runs, ran, found)
        length, types = sum(run.elapsed_s for run in ran), {line.gpu_type for run in ran for line in run.parts}
        kind = next(iter(types)) if len(types) == 1 else ""
        found.jobs.append(Job(name, tenants.of(first), submitted, length, gpus * MILLI, kind, runs[-1].state))


def _note(runs: Sequence[_Run], ran: Sequence[_Run], found: Conversion) -> None:
    if len(ran) > 1:
        found.changed["run more than once: all runs count"] += 1
    if len(ran[0].parts) > 1:
        found.changed["with several parts: one gang each"] += 1
    if runs[-1].state in _STILL:
        found.changed["still running: the time so far counts"] += 1
