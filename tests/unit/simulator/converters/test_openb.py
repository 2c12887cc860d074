from pathlib import Path

import pytest

from entente.simulator.converters.openb import convert
from entente.simulator.trace import TraceError

HEADER = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
)
ROWS = """\
openb-pod-0017,88000,327680,8,1000,,Burstable,Succeeded,9437497,10769854,9437500
openb-pod-0022,4000,15258,1,220,,BE,Running,9679175,9973826,9679175
openb-pod-0035,16000,32768,1,1000,V100M16|V100M32,LS,Running,9967058,9968575,9967063
openb-pod-0040,4000,15258,0,0,,LS,Running,9967058,9968575,9967063
openb-pod-0041,4000,15258,1,1000,,LS,Pending,9967058,9968575,
"""


def listing(folder: Path, rows: str) -> str:
    path = folder / "openb_pod_list_default.csv"
    path.write_text(HEADER + rows, encoding="utf-8")
    return str(path)


def test_pods_with_gpus_that_ran_are_jobs(tmp_path: Path) -> None:
    found = convert(listing(tmp_path, ROWS))
    assert [job.fields() for job in found.in_order()] == [
        ("pod-0017", "Burstable", "9437497", "1332354", "8", "", "Succeeded"),
        ("pod-0022", "BE", "9679175", "294651", "0.22", "", "Running"),
        ("pod-0035", "LS", "9967058", "1512", "1", "V100M16|V100M32", "Running"),
    ]
    assert found.left_out == {"without GPUs": 1, "never scheduled": 1}
    assert sum(found.changed.values()) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("p,1,1,1,1000,,LS,Running,5,7,9", ":2: deletion_time: 7 is before scheduled_time, 9", id="ends"),
        pytest.param("p,1,1,1,1000,,LS,Running,soon,9,7", ":2: creation_time: 'soon' is no whole number", id="number"),
        pytest.param("p,1,1,1,1000,,,Running,5,9,7", ":2: qos: missing", id="no class"),
        pytest.param("p,1,1,-1,1000,,LS,Running,5,9,7", ":2: num_gpu: '-1' is no whole number", id="negative"),
    ],
)
def test_what_is_wrong_is_refused_with_file_line_and_field(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(TraceError, match=f"default.csv{message}"):
        convert(listing(tmp_path, f"{row}\n"))
