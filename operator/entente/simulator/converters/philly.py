"""Microsoft's Philly: the file `cluster_job_log` of msr-fiddle/philly-traces, in its `trace-data.tar.gz`.

The repository's README describes the format: an array of jobs, each with the times and the GPUs of its attempts. Times
are what clocks in Redmond showed; the trace goes over 5 November 2017, when they were set back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from entente.simulator.converters.conversion import MILLI, Conversion, Job, Window
from entente.simulator.converters.json_array import elements
from entente.simulator.converters.local_time import seconds
from entente.simulator.converters.source import opened
from entente.simulator.trace import TraceError

ZONE = "America/Los_Angeles"
_FORMAT = "%Y-%m-%d %H:%M:%S"
_NOTHING = (None, "", "None")

_TEXTS = ("jobid", "vc", "status")


def convert(path: str, place: ZoneInfo, window: Window) -> Conversion:
    """The jobs that ran on GPUs.

    The tenant is the virtual cluster. A job runs for as long as all its attempts together, without the time between
    them; an attempt whose begin or end is not known counts nothing. Its GPUs are those of the first attempt that names
    any, as in the notebook that is published with the trace.

    Raises:
        TraceError: the file cannot be read, or a job lacks a field.
    """
    found = Conversion()
    with opened(path) as stream:
        for line, value in elements(stream, path):
            _take(_Record(value, path, line), place, window, found)
    found.from_time_0(window.start)
    return found


@dataclass(frozen=True, slots=True)
class _Record:
    """A JSON object, with its place for messages."""

    value: object
    source: str
    line: int
    within: str = ""

    def get(self, name: str) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(self.value, dict) or name not in self.value:
            raise self.error(name, "missing")
        return self.value[name]

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str) or not value or not value.isprintable():
            raise self.error(name, f"{value!r} is no text")
        return value

    def moment(self, name: str) -> datetime | None:
        value = self.get(name)
        if value in _NOTHING:
            return None
        try:
            return datetime.strptime(value, _FORMAT)  # noqa: DTZ007 - the caller knows the place
        except (TypeError, ValueError):
            raise self.error(name, f"{value!r} is no time like 2017-10-07 01:11:39") from None

    def known_moment(self, name: str) -> datetime:
        moment = self.moment(name)
        if moment is None:
            raise self.error(name, "missing")
        return moment

    def each(self, name: str) -> Iterator["_Record"]:
        value = self.get(name)
        if not isinstance(value, list):
            raise self.error(name, f"{value!r} is no list")
        for number, one in enumerate(value):
            yield _Record(one, self.source, self.line, f"{self.within}{name}[{number}].")

    def error(self, name: str, message: str) -> TraceError:
        return TraceError(self.source, self.line, f"{self.within}{name}: {message}")


def _take(record: _Record, place: ZoneInfo, window: Window, found: Conversion) -> None:
    jobid, vc, status = (record.text(name) for name in _TEXTS)
    submitted = seconds(record.known_moment("submitted_time"), place)
    attempts = list(record.each("attempts"))
    gpus = next((count for count in map(_gpus, attempts) if count), 0)
    runs = [_length(attempt, place, submitted) for attempt in attempts]
    known = [length for length in runs if length is not None]
    if not attempts:
        found.left_out["never ran"] += 1
    elif not gpus:
        found.left_out["without GPUs"] += 1
    elif not known:
        found.left_out["without an attempt whose begin and end are known"] += 1
    elif reason := window.why_not(submitted):
        found.left_out[reason] += 1
    else:
        if len(known) < len(runs):
            found.changed["with an attempt whose begin or end is not known: it counts nothing"] += 1
        found.jobs.append(Job(jobid, vc, submitted, sum(known), gpus * MILLI, final_state=status))


def _gpus(attempt: _Record) -> int:
    return sum(len(list(host.each("gpus"))) for host in attempt.each("detail"))


def _length(attempt: _Record, place: ZoneInfo, submitted: int) -> int | None:
    """Seconds from begin to end; none where one of them is not known or they are the wrong way round."""
    begin, end = attempt.moment("start_time"), attempt.moment("end_time")
    if begin is None or end is None:
        return None
    begun = seconds(begin, place, submitted)
    length = seconds(end, place, begun) - begun
    return length if length >= 0 else None
