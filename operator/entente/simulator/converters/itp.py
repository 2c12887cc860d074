"""Microsoft's ITP: the ten files `cluster01.csv` to `cluster10.csv` of microsoft/elasticflow-traces.

The repository's README describes the columns; the files are in its `data/raw-traces.tar.gz`. Times are in seconds from
the beginning of the collection, the same for all files.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from entente.simulator.converters.conversion import MILLI, Conversion, Job
from entente.simulator.converters.source import opened
from entente.simulator.converters.table import TableRow, table
from entente.simulator.trace import TraceError

COLUMNS = ("job_id", "submission_time", "duration", "num_gpu")
_CLUSTER = "cluster"


def convert(paths: Sequence[str]) -> Conversion:
    """The jobs of all files together, from the first submission on; those of one second by their ids as text.

    The tenant is the cluster: the name of the file without its endings. The published ids are random, so that a job is
    called after its cluster and its row: `c01-0` is the first of
    `cluster01.csv`.

    Raises:
        TraceError: a file cannot be read, or two files are of the same cluster.
    """
    found = Conversion()
    clusters = dict[str, str]()
    for path in sorted(paths, key=lambda path: Path(path).name):
        cluster = Path(path).name.partition(".")[0]
        if cluster in clusters:
            raise TraceError(path, None, f"of cluster {cluster!r}, as {clusters[cluster]}; give one file of each")
        clusters[cluster] = path
        with opened(path) as stream:
            _take(table(stream, path, COLUMNS), cluster, found)
    found.jobs.sort(key=lambda job: job.job_id)
    found.from_time_0()
    return found


def _take(rows: Iterable[TableRow], cluster: str, found: Conversion) -> None:
    short = f"c{cluster.removeprefix(_CLUSTER)}"
    for number, row in enumerate(rows):
        gpus = row.number("num_gpu")
        if not gpus:
            found.left_out["without GPUs"] += 1
            continue
        found.jobs.append(
            Job(
                job_id=f"{short}-{number}",
                tenant=cluster,
                submit_s=row.number("submission_time"),
                duration_s=row.number("duration"),
                milli_gpus=gpus * MILLI,
            )
        )
