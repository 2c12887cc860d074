import gzip
from pathlib import Path

import pytest

from entente.simulator.trace import TraceError, compressed, parse, read_trace, thinned, window

HEADER = "job_id,tenant,submit_s,duration_s,gpus,gpu_type,final_state"


def lines(*rows: str, header: str = HEADER) -> list[str]:
    return [f"{line}\n" for line in (header, *rows)]


def test_jobs_come_in_the_order_of_submission_and_of_the_file() -> None:
    jobs = parse(lines("b,x,20,1,1,,", "a,x,10,60.5,8,H100,Pass", "c,x,20,1,1,,"), "t.csv")
    assert [job.job_id for job in jobs] == ["a", "b", "c"]
    assert (jobs[0].submit_s, jobs[0].duration_s, jobs[0].gpus, jobs[0].gpu_type) == (10.0, 60.5, 8, "H100")


def test_columns_may_be_in_any_order_and_more_of_them_are_ignored() -> None:
    (job,) = parse(lines("8,1,x,5,3,a", header="gpus,color,tenant,duration_s,submit_s,job_id"), "t.csv")
    assert (job.job_id, job.tenant, job.submit_s, job.duration_s, job.gpus) == ("a", "x", 3.0, 5.0, 8)


def test_a_part_of_a_gpu_is_rounded_up_and_that_is_said() -> None:
    jobs = parse(lines("a,x,0,1,0.46,,", "b,x,0,1,2,,", "c,x,0,1,1.5,,"), "t.csv")
    assert [(job.gpus, job.rounded) for job in jobs] == [(1, True), (2, False), (2, True)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(["a,x,0,1,1,,", "b,x,soon,1,1,,"], "t.csv:3: submit_s: 'soon' is no number", id="no number"),
        pytest.param(["a,x,0,-1,1,,"], "t.csv:2: duration_s: '-1' is no number from 0 to", id="negative"),
        pytest.param(["a,x,0,nan,1,,"], "t.csv:2: duration_s: 'nan' is no number", id="not a number"),
        pytest.param(["a,x,inf,1,1,,"], "t.csv:2: submit_s: 'inf' is no number", id="infinite"),
        pytest.param(["a,x,0,1,0,,"], "t.csv:2: gpus: must be more than 0", id="no GPU"),
        pytest.param(["a,,0,1,1,,"], "t.csv:2: tenant: missing", id="no tenant"),
        pytest.param(["a,x,0,1,1"], "t.csv:2: 5 fields, and the header has 7", id="short row"),
        pytest.param(["a,x,0,1,1,,", "a,x,0,1,1,,"], "t.csv:3: job_id: 'a' is given in line 2", id="twice"),
        pytest.param(['"a,x,0,1,1,,'], "t.csv:2: not CSV", id="open quote"),
    ],
)
def test_what_is_wrong_is_refused_with_file_line_and_field(rows: list[str], message: str) -> None:
    with pytest.raises(TraceError, match=message.replace("(", r"\(")):
        parse(lines(*rows), "t.csv")


def test_a_missing_column_is_named_with_those_that_a_trace_has() -> None:
    with pytest.raises(TraceError, match=r"t.csv:1: column missing: duration_s, gpus; a trace has job_id, "):
        parse(lines(header="job_id,tenant,submit_s"), "t.csv")


def test_a_column_given_twice_is_refused() -> None:
    with pytest.raises(TraceError, match=r"t.csv:1: column given twice: gpus"):
        parse(lines(header=f"{HEADER},gpus"), "t.csv")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_file_is_read_compressed_or_not(tmp_path: Path, name: str) -> None:
    text = "".join(lines("a,x,0,1,1,,")).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    assert len(read_trace(str(tmp_path / name))) == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("t.csv.gz", b"job_id,tenant", "cannot be read: Not a gzipped file", id="not compressed"),
        pytest.param("t.csv.gz", gzip.compress(b"job_id," * 99)[:30], "cannot be read: Compressed file", id="cut"),
        pytest.param("t.csv", b"\xff\xfe\x00", "cannot be read: it is not UTF-8 text", id="binary"),
        pytest.param("t.csv", None, "cannot be read: No such file", id="missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TraceError, match=f"{name}: {message}"):
        read_trace(str(tmp_path / name))


def test_a_window_counts_from_its_begin() -> None:
    day = 86_400
    jobs = parse(lines(*(f"j{d},x,{d * day},1,1,," for d in range(5))), "t.csv")
    assert [(job.job_id, job.submit_s) for job in window(jobs, 1, 3)] == [("j1", 0.0), ("j2", float(day))]
    assert len(window(jobs, 2, None)) == 3


def test_more_load_is_the_same_jobs_in_less_time() -> None:
    jobs = parse(lines("a,x,100,7,1,,"), "t.csv")
    assert [(job.submit_s, job.duration_s) for job in compressed(jobs, 2)] == [(50.0, 7.0)]


def test_thinning_draws_by_its_seed() -> None:
    jobs = parse(lines(*(f"j{n},x,{n},1,1,," for n in range(1000))), "t.csv")
    kept = thinned(jobs, 0.3, seed=1)
    assert kept == thinned(jobs, 0.3, seed=1)
    assert kept != thinned(jobs, 0.3, seed=2)
    assert 240 < len(kept) < 360
