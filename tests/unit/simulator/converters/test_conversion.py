import gzip
from pathlib import Path

import pytest

from entente.simulator.converters.conversion import Conversion, Job, as_csv, write
from entente.simulator.trace import TraceError, parse


def job(name: str, submit_s: int, milli_gpus: int = 1000) -> Job:
    return Job(name, "vision", submit_s, 60, milli_gpus, "h100", "COMPLETED")


@pytest.mark.parametrize(
    ("milli", "written"), [(1000, "1"), (460, "0.46"), (1500, "1.5"), (16_000, "16"), (8, "0.008")]
)
def test_thousandths_of_a_gpu_are_written_as_gpus(milli: int, written: str) -> None:
    assert job("a", 0, milli).fields() == ("a", "vision", "0", "60", written, "h100", "COMPLETED")


def test_what_is_written_is_what_a_replay_reads_in_the_order_of_submission() -> None:
    found = Conversion(jobs=[job("b", 9), job("a", 3), job("c", 3)])
    read = parse(as_csv(found.in_order()), "t.csv")
    assert [(one.job_id, one.submit_s) for one in read] == [("a", 3.0), ("c", 3.0), ("b", 9.0)]
    assert [one.line for one in read] == [2, 3, 4]


def test_the_first_submission_is_time_0() -> None:
    found = Conversion(jobs=[job("b", 109), job("a", 103)])
    found.from_time_0()
    assert [one.submit_s for one in found.jobs] == [6, 0]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_the_same_jobs_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    written = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write([job("a", 0)], str(tmp_path / folder / name))
        written.append((tmp_path / folder / name).read_bytes())
    assert written[0] == written[1]
    text = gzip.decompress(written[0]) if name.endswith(".gz") else written[0]
    assert text.decode() == "".join(as_csv([job("a", 0)]))


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none/t\.csv: cannot be written: No such file"):
        write([], str(tmp_path / "none" / "t.csv"))


def test_the_summary_counts_what_was_read_left_out_and_changed() -> None:
    found = Conversion(jobs=[job("a", 0), job("b", 1, 2000)])
    found.left_out["never ran"] += 1200
    found.changed["with several parts: one gang each"] += 1
    assert found.summary().splitlines() == [
        "1,202 jobs read, 2 written: 1 tenant, 0 GPU-hours",
        "  left out: 1,200 never ran",
        "  note: 1 with several parts: one gang each",
    ]
