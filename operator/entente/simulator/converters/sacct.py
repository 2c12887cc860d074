"""One row of what `sacct --parsable2` prints."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from entente.simulator.converters.source import whole
from entente.simulator.trace import TraceError

TENANTS = ("account", "user", "partition")
"""Columns whose value may be the tenant."""

_NEEDED = ("Submit", "Start", "ElapsedRaw", "AllocTRES", "State")
_IDS = ("JobID", "JobIDRaw")
_SEPARATOR = "|"
_NO_TIME = frozenset({"", "Unknown", "None", "NONE", "N/A"})
_ID = re.compile(r"(?P<job>\d+(_(\d+|\[[^\]]*\]))?)(\+\d+)?(?P<step>\.\S+)?")
_TIME = "2026-11-02T08:00:00"
_GPU = re.compile(r"gres/gpu(?::(?P<kind>[^=,]+))?=(?P<count>[^,]*)")


@dataclass(frozen=True, slots=True)
class Line:
    """A run of a job, or of one part of a heterogeneous job."""

    job: str
    """Its number, with that of an array's element."""
    part: str
    """The same with the number of the part."""
    tenant: str
    submit: int
    """In seconds since 1970, as the two below."""
    eligible: int | None
    start: int | None
    elapsed_s: int
    gpus: int
    gpu_type: str
    """Empty where it is not known or the GPUs are of several."""
    state: str
    place: tuple[str, int]
    """File and line."""


def lines(stream: Iterable[str], source: str, tenant_by: str, skipped: Counter[str]) -> Iterator[Line]:
    """The rows of jobs; steps are skipped and counted.

    Args:
        stream: text with the header first; it may come again, where listings were joined.
        source: its name, for messages.
        tenant_by: one of TENANTS.
        skipped: counts what is no job.

    Raises:
        TraceError: a column is missing, or a row is not as sacct prints it.
    """
    header: list[str] | None = None
    places: Mapping[str, int] = {}
    for number, text in enumerate(stream, start=1):
        fields = text.rstrip("\r\n").split(_SEPARATOR)
        if fields == [""]:
            continue
        if header is None:
            header, places = fields, _places(fields, source, tenant_by)
        elif fields != header:
            if len(fields) != len(header):
                raise TraceError(source, number, _lengths(len(fields), len(header)))
            line = _line(_Row(fields, places, source, number), tenant_by)
            if line is None:
                skipped["rows of steps: skipped"] += 1
            else:
                yield line
    if header is None:
        raise TraceError(source, 1, "empty; sacct prints a header first")


def _lengths(given: int, wanted: int) -> str:
    return (
        f"{given} fields, and the header has {wanted}; leave out columns whose text may hold a '|', as JobName,"
        " and end no line early"
    )


def _places(header: list[str], source: str, tenant_by: str) -> dict[str, int]:
    names = {name.lower(): place for place, name in enumerate(header)}
    wanted = [*(name.lower() for name in _NEEDED), tenant_by]
    missing = [name for name in (*_NEEDED, tenant_by.capitalize()) if name.lower() not in names]
    if not any(name.lower() in names for name in _IDS):
        missing.insert(0, "JobID")
    if missing:
        message = (
            f"column missing: {', '.join(missing)}; the first line must name the columns, as `sacct --parsable2`"
            f" without --noheader prints it with --format=JobID,{tenant_by.capitalize()},{','.join(_NEEDED)}"
        )
        raise TraceError(source, 1, message)
    return {name: names[name] for name in (*wanted, "jobid", "jobidraw", "eligible") if name in names}


@dataclass(frozen=True, slots=True)
class _Row:
    fields: list[str]
    places: Mapping[str, int]
    source: str
    number: int

    def text(self, name: str) -> str:
        return self.fields[self.places[name]].strip()

    def needed(self, name: str) -> str:
        if not (given := self.text(name)):
            raise self.error(name, "missing")
        return given

    def known_moment(self, name: str) -> int:
        moment = self.moment(name)
        if moment is None:
            raise self.error(name, f"{self.text(name)!r} is no time like {_TIME}")
        return moment

    def moment(self, name: str) -> int | None:
        given = self.text(name)
        if given in _NO_TIME:
            return None
        if given.isascii() and given.isdigit():  # SLURM_TIME_FORMAT=%s
            return whole(given, _NAMES[name], self.source, self.number)
        try:
            moment = datetime.fromisoformat(given)
        except ValueError:
            raise self.error(name, f"{given!r} is no time like {_TIME}, and not Unknown") from None
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())

    def error(self, name: str, message: str) -> TraceError:
        return TraceError(self.source, self.number, f"{_NAMES[name]}: {message}")


_NAMES = {name.lower(): name for name in (*_NEEDED, *_IDS, "Eligible", "Account", "User", "Partition")}


def _line(row: _Row, tenant_by: str) -> Line | None:
    name = "jobid" if "jobid" in row.places else "jobidraw"
    given = row.text(name)
    match = _ID.fullmatch(given)
    if match is None:
        raise row.error(name, f"{given!r} is no job as 123, 123_4, 123+0 or 123.batch")
    if match["step"]:
        return None
    gpus, kind = _gpus(row)
    return Line(
        job=match["job"],
        part=given,
        tenant=row.needed(tenant_by),
        submit=row.known_moment("submit"),
        eligible=row.moment("eligible") if "eligible" in row.places else None,
        start=row.moment("start"),
        elapsed_s=whole(row.text("elapsedraw"), "ElapsedRaw", row.source, row.number),
        gpus=gpus,
        gpu_type=kind,
        # `CANCELLED by 1000`, and `CANCELLED+` where a column was too narrow
        state=row.needed("state").split()[0].rstrip("+"),
        place=(row.source, row.number),
    )


def _gpus(row: _Row) -> tuple[int, str]:
    """How many GPUs, and their type. `gres/gpu` counts all; where it is not kept, those of each type together do."""
    plain, typed = 0, dict[str, int]()
    for match in _GPU.finditer(row.text("alloctres")):
        count = whole(match["count"], "AllocTRES: gres/gpu", row.source, row.number)
        if match["kind"]:
            typed[match["kind"]] = count
        else:
            plain = count
    return plain or sum(typed.values()), next(iter(typed)) if len(typed) == 1 else ""
