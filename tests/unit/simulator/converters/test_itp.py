from pathlib import Path

import pytest

from entente.simulator.converters.itp import convert
from entente.simulator.trace import TraceError

HEADER = "job_id,submission_time,duration,num_gpu\n"
FIRST = "6b2d9ccc-6279-403c-e1a2-cfe7810d5c57,2600,3890,4\n965d744f-0445-c1a8-12af-97e4c536c66e,2700,600,0\n"
SECOND = "d36ea58c-460e-000c-6306-d8ab27964133,2500,1183,1\n3d84456b-6929-14f2-9dd5-7793b7d82a86,2600,1215,64\n"


def files(folder: Path, **rows: str) -> list[str]:
    for name, text in rows.items():
        (folder / f"{name}.csv").write_text(HEADER + text, encoding="utf-8")
    return [str(folder / f"{name}.csv") for name in rows]


def test_each_file_is_a_tenant_and_jobs_are_named_by_their_rows(tmp_path: Path) -> None:
    found = convert(files(tmp_path, cluster02=SECOND, cluster01=FIRST))
    assert [job.fields() for job in found.in_order()] == [
        ("c02-0", "cluster02", "0", "1183", "1", "", ""),
        ("c01-0", "cluster01", "100", "3890", "4", "", ""),
        ("c02-1", "cluster02", "100", "1215", "64", "", ""),
    ]
    assert found.left_out == {"without GPUs": 1}


def test_the_order_in_which_files_are_given_changes_nothing(tmp_path: Path) -> None:
    paths = files(tmp_path, cluster01=FIRST, cluster02=SECOND)
    assert convert(paths).in_order() == convert(paths[::-1]).in_order()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param("a,1,2,four\n", r"cluster01\.csv:2: num_gpu: 'four' is no whole number", id="no number"),
        pytest.param("a,1,,4\n", r"cluster01\.csv:2: duration: missing", id="nothing"),
        pytest.param("a,1,2\n", r"cluster01\.csv:2: 3 fields, and the header has 4", id="short row"),
        pytest.param('a,1,2,"4\n', r"cluster01\.csv:2: not CSV", id="open quote"),
    ],
)
def test_what_is_wrong_is_refused_with_file_line_and_field(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        convert(files(tmp_path, cluster01=rows))


def test_a_missing_column_is_named_with_those_that_are_needed(tmp_path: Path) -> None:
    (tmp_path / "cluster01.csv").write_text("job_id,duration\n", encoding="utf-8")
    with pytest.raises(TraceError, match="column missing: submission_time, num_gpu; needed are job_id, submission"):
        convert([str(tmp_path / "cluster01.csv")])


def test_two_files_of_one_cluster_are_refused(tmp_path: Path) -> None:
    (path,) = files(tmp_path, cluster01=FIRST)
    with pytest.raises(TraceError, match=r"of cluster 'cluster01', as .*; give one file of each"):
        convert([path, path])
