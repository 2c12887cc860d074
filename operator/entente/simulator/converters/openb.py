"""Alibaba's cluster-trace-gpu-v2023: the files `openb_pod_list_*.csv`.

Published in alibaba/clusterdata and, with a licence, in hkust-adsl/kubernetes-scheduler-simulator, whose
`data/README.md` describes the columns. Times are in seconds.
"""

from entente.simulator.converters.conversion import MILLI, Conversion, Job
from entente.simulator.converters.source import opened
from entente.simulator.converters.table import TableRow, table
from entente.simulator.trace import TraceError

COLUMNS = (
    *("name", "num_gpu", "gpu_milli", "gpu_spec", "qos", "pod_phase"),
    *("creation_time", "deletion_time", "scheduled_time"),
)
_PREFIX = "openb-"


def convert(path: str) -> Conversion:
    """The pods that had GPUs. The tenant is the pod's class of service, which is the only group that is published.

    Of a GPU that is shared a pod has `gpu_milli` thousandths, and the trace says so: 0.46 GPUs. `entente simulate`
    rounds that up.

    Raises:
        TraceError: the file cannot be read.
    """
    found = Conversion()
    with opened(path) as stream:
        for row in table(stream, path, COLUMNS):
            _take(row, found)
    return found


def _take(row: TableRow, found: Conversion) -> None:
    milli = row.number("num_gpu") * row.number("gpu_milli")
    if not milli:
        found.left_out["without GPUs"] += 1
        return
    if not row.values["scheduled_time"].strip():
        found.left_out["never scheduled"] += 1
        return
    begun, ended = row.number("scheduled_time"), row.number("deletion_time")
    if ended < begun:
        raise TraceError(row.source, row.line, f"deletion_time: {ended} is before scheduled_time, {begun}")
    if milli % MILLI:
        found.changed["with a part of a GPU: `entente simulate` rounds it up"] += 1
    found.jobs.append(
        Job(
            job_id=row.text("name").removeprefix(_PREFIX),
            tenant=row.text("qos"),
            submit_s=row.number("creation_time"),
            duration_s=ended - begun,
            milli_gpus=milli,
            gpu_type=row.values["gpu_spec"].strip(),
            final_state=row.text("pod_phase"),
        )
    )
