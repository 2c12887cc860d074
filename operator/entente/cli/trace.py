"""`entente trace`: published traces, and Slurm's accounts, as the CSV that `entente simulate` reads."""

import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import click

from entente.simulator.converters import itp as itp_format
from entente.simulator.converters import openb as openb_format
from entente.simulator.converters import philly as philly_format
from entente.simulator.converters import slurm as slurm_format
from entente.simulator.converters.conversion import Conversion, Window, as_csv, write
from entente.simulator.converters.local_time import UnknownZoneError, seconds, zone
from entente.simulator.converters.sacct import TENANTS
from entente.simulator.trace import TraceError

EXIT_UNREADABLE = 2

_OUT = click.option("--out", metavar="FILE.csv[.gz]", help="Where the trace is written; standard output without it.")
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]

_START = click.option("--start", type=click.DateTime(_TIMES), help="Time 0: jobs submitted before are left out.")
_END = click.option("--end", type=click.DateTime(_TIMES), help="Jobs submitted from then on are left out.")

_SLURM_HELP = """Convert what Slurm's sacct prints.

Call it on the cluster like this:

\b
TZ=UTC sacct --allusers --allocations --duplicates --parsable2 \\
  --starttime=2026-10-01 --endtime=2026-11-01 \\
  --format=JobID,Account,User,Partition,Submit,Eligible,Start,ElapsedRaw,AllocTRES,State \\
  > jobs.txt

slurm.conf must count GPUs: AccountingStorageTRES=gres/gpu. All runs of a job count together; the parts of a
heterogeneous job are one gang; each element of an array is a job. Jobs that never ran are left out; those that still
run are taken as far as they had run. --start and --end are in UTC, as the listing is.
"""


@click.group()
def trace() -> None:
    """Turn a published trace, or what Slurm's sacct prints, into the CSV that `entente simulate` reads.

    Files may be compressed with gzip when their names end in .gz; `-` is standard input. Standard error says how many
    jobs were read, and how many were left out for which reason.
    """


@trace.command("from-slurm", help=_SLURM_HELP)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--tenant-by",
    type=click.Choice(TENANTS),
    default=TENANTS[0],
    show_default=True,
    help="Which column of the listing is the tenant.",
)
@_START
@_END
@_OUT
def from_slurm(
    files: tuple[str, ...], tenant_by: str, start: datetime | None, end: datetime | None, out: str | None
) -> None:
    """Convert what Slurm's sacct prints."""
    wanted = slurm_format.Wanted(tenant_by, Window(*(_in_utc(time) for time in (start, end))))
    _run(
        lambda: slurm_format.convert(files, wanted),
        out,
        "a listing without gres/gpu in AllocTRES needs"
        " AccountingStorageTRES=gres/gpu in slurm.conf before the jobs run",
    )


@trace.command("from-philly")
@click.argument("file", metavar="FILE")
@click.option(
    "--time-zone", default=philly_format.ZONE, show_default=True, help="Whose clocks the times of the log are from."
)
@_START
@_END
@_OUT
def from_philly(file: str, time_zone: str, start: datetime | None, end: datetime | None, out: str | None) -> None:
    """Convert cluster_job_log of Microsoft's Philly trace (github.com/msr-fiddle/philly-traces).

    The tenant is the virtual cluster. A job runs as long as all its attempts together. Left out are jobs without GPUs,
    without an attempt, or of whose attempts none has a known begin and end. --start and --end are times of --time-zone.
    """
    try:
        place = zone(time_zone)
    except UnknownZoneError as error:
        raise click.BadParameter(str(error), param_hint="'--time-zone'") from error
    window = Window(*(None if time is None else seconds(time, place) for time in (start, end)))
    _run(lambda: philly_format.convert(file, place, window), out)


@trace.command("from-itp")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@_OUT
def from_itp(files: tuple[str, ...], out: str | None) -> None:
    """Convert cluster01.csv to cluster10.csv of Microsoft's ITP traces (github.com/microsoft/elasticflow-traces).

    The tenant is the cluster, by the name of its file.
    """
    _run(lambda: itp_format.convert(files), out)


@trace.command("from-openb")
@click.argument("file", metavar="FILE")
@_OUT
def from_openb(file: str, out: str | None) -> None:
    """Convert openb_pod_list_*.csv of Alibaba's cluster-trace-gpu-v2023 (github.com/alibaba/clusterdata).

    The tenant is the pod's class of service. Pods without GPUs and pods that were never scheduled are left out.
    """
    _run(lambda: openb_format.convert(file), out)


def _in_utc(given: datetime | None) -> int | None:
    return None if given is None else int(given.replace(tzinfo=UTC).timestamp())


def _run(convert: Callable[[], Conversion], out: str | None, hint: str = "") -> None:
    try:
        found = convert()
        click.echo(found.summary(), err=True)
        if not found.jobs:
            click.echo(f"entente trace: no job is left{': ' if hint else ''}{hint}", err=True)
            sys.exit(EXIT_UNREADABLE)
        if out is None:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8")  # as in a file, whatever the locale says
            sys.stdout.writelines(as_csv(found.in_order()))
        else:
            write(found.in_order(), out)
    except TraceError as error:
        click.echo(f"entente trace: {error}", err=True)
        sys.exit(EXIT_UNREADABLE)
