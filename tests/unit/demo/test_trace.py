"""The slice of the trace is what its README says, and is read without guessing."""

import gzip
import hashlib
from pathlib import Path

import pytest

from demo import slice_trace
from demo.trace import COLUMNS, GUEST, OWNER, SLICE, SPEED, TraceError, read, shape

HEADER = ",".join(COLUMNS)


def test_the_slice_has_300_jobs_in_order_of_submission() -> None:
    jobs = read()
    assert len(jobs) == 300
    assert jobs[0].submit_s == 0
    assert [job.submit_s for job in jobs] == sorted(job.submit_s for job in jobs)
    assert len({job.job_id for job in jobs}) == 300


def test_the_readme_states_the_checksum_of_the_slice() -> None:
    readme = (SLICE.parent / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(SLICE.read_bytes()).hexdigest() in readme


def test_the_owner_has_the_jobs_of_its_clusters_and_the_guest_all_others() -> None:
    clusters = {tenant: {job.cluster for job in read() if job.tenant == tenant} for tenant in (OWNER, GUEST)}
    assert clusters[OWNER] == {"cluster02", "cluster07"}
    assert clusters[GUEST] == {"cluster04", "cluster06", "cluster08", "cluster09"}


def test_all_jobs_are_submitted_within_two_minutes() -> None:
    assert read()[-1].submit_s / SPEED < 120


@pytest.mark.parametrize(
    ("gpus", "workers", "per_worker"),
    [(1, 1, 1), (4, 1, 4), (8, 1, 8), (12, 2, 6), (32, 4, 8), (9, 3, 3), (17, 17, 1)],
    ids=str,
)
def test_a_gang_has_the_fewest_equal_workers_that_fit_a_host(gpus: int, workers: int, per_worker: int) -> None:
    assert shape(gpus, per_host=8) == (workers, per_worker)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a,b\n", ":1: columns are a,b, expected job_id", id="wrong columns"),
        pytest.param(f"{HEADER}\n", "no jobs", id="no jobs"),
        pytest.param(f"{HEADER}\nx,c,0,ten,1,,\n", ":2: duration_s: 'ten' given", id="no number"),
        pytest.param(f"{HEADER}\nx,c,0,10,0,,\n", ":2: gpus: '0' given, a number of at least 1", id="no GPUs"),
        pytest.param(f"{HEADER}\nx,c,0,10\n", ":2: gpus: None given", id="short line"),
        pytest.param(f"{HEADER}\nx,c,-1,10,1,,\n", ":2: submit_s: '-1' given", id="negative time"),
    ],
)
def test_a_bad_trace_is_refused_with_line_and_field(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TraceError) as refused:
        read(path)
    assert message in str(refused.value)


def test_a_slice_is_consecutive_lines_unchanged(tmp_path: Path) -> None:
    source, out = tmp_path / "all.csv.gz", tmp_path / "slice.csv"
    with gzip.open(source, "wt", encoding="utf-8") as file:
        file.write(HEADER + "\n" + "".join(f"j{n},c,{n},1,1,,\n" for n in range(10)))
    slice_trace.main([str(source), "--first", "3", "--count", "2", "--out", str(out)])
    assert out.read_text(encoding="utf-8") == f"{HEADER}\nj3,c,3,1,1,,\nj4,c,4,1,1,,\n"


def test_a_slice_beyond_the_end_of_the_trace_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "all.csv.gz"
    with gzip.open(source, "wt", encoding="utf-8") as file:
        file.write(f"{HEADER}\nj0,c,0,1,1,,\n")
    with pytest.raises(ValueError, match="jobs 0 to 4 asked for, it ends at 0"):
        slice_trace.cut(source, 0, 5)
