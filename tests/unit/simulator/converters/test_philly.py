import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from entente.simulator.converters.conversion import Conversion, Window
from entente.simulator.converters.local_time import zone
from entente.simulator.converters.philly import ZONE, convert
from entente.simulator.trace import TraceError

GPUS = [f"gpu{number}" for number in range(8)]


def attempt(start: str | None, end: str | None, *hosts: int) -> dict[str, Any]:
    """An attempt on so many GPUs of each of these hosts."""
    detail = [{"ip": f"m{number}", "gpus": GPUS[:gpus]} for number, gpus in enumerate(hosts)]
    return {"start_time": start, "end_time": end, "detail": detail}


def record(*attempts: dict[str, Any], **fields: object) -> dict[str, Any]:
    """A job as in the trace's README."""
    plain = {
        "status": "Pass",
        "vc": "ee9e8c",
        "jobid": "application_1506638472019_14199",
        "attempts": list(attempts),
        "submitted_time": "2017-10-07 01:11:39",
        "user": "ce2f4c",
    }
    return plain | fields


RAN = attempt("2017-10-07 01:12:09", "2017-10-07 01:13:23", 8)


def converted(folder: Path, *records: object, window: Window | None = None) -> Conversion:
    path = folder / "cluster_job_log"
    path.write_text(json.dumps(records, indent=4), encoding="utf-8")
    return convert(str(path), zone(ZONE), window or Window())


def test_a_job_runs_as_long_as_all_its_attempts_without_the_time_between_them(tmp_path: Path) -> None:
    first = attempt("2017-10-07 01:12:09", "2017-10-07 01:13:23", 8)
    second = attempt("2017-10-07 01:13:30", "2017-10-09 06:53:12", 8)
    found = converted(tmp_path, record(first, second))
    assert [job.fields() for job in found.jobs] == [
        ("application_1506638472019_14199", "ee9e8c", "0", str(74 + 193_182), "8", "", "Pass")
    ]


@pytest.mark.parametrize(
    ("attempts", "seconds", "gpus"),
    [
        pytest.param([attempt("2017-10-07 02:00:00", "2017-10-07 02:01:00", 8, 8, 4)], 60, "20", id="several hosts"),
        pytest.param(
            [attempt("2017-10-07 02:00:00", "2017-10-07 02:01:00"), RAN], 134, "8", id="the first names no GPUs"
        ),
        pytest.param([RAN, attempt("2017-10-07 02:00:00", None, 8)], 74, "8", id="the last still ran"),
        pytest.param(
            [
                attempt("2017-10-07 03:07:23", None, 1),
                attempt("2017-10-07 03:11:14", "2017-10-07 03:11:57", 1),
                attempt("2017-10-07 03:14:24", None, 1),
                attempt(None, "2017-10-07 03:15:12", 1),
            ],
            43,
            "1",
            id="begins and ends missing in turn, as in the published log",
        ),
        pytest.param([RAN, attempt("None", "None", 8)], 74, "8", id="None as a word"),
        pytest.param([RAN, attempt("2017-10-07 02:00:00", "2017-10-07 01:00:00", 8)], 74, "8", id="ends too soon"),
        pytest.param(
            [attempt("2017-11-05 01:50:00", "2017-11-05 01:10:00", 1)], 1200, "1", id="clocks set back meanwhile"
        ),
        pytest.param([attempt("2017-11-04 12:00:00", "2017-11-05 12:00:00", 1)], 90_000, "1", id="a day of 25 hours"),
    ],
)
def test_what_is_known_of_the_attempts_counts(
    tmp_path: Path, attempts: list[dict[str, Any]], seconds: int, gpus: str
) -> None:
    (job,) = converted(tmp_path, record(*attempts)).jobs
    assert job.fields()[3:5] == (str(seconds), gpus)


@pytest.mark.parametrize(
    ("attempts", "reason"),
    [
        pytest.param([], "never ran", id="no attempt"),
        pytest.param([attempt("2017-10-07 01:12:09", "2017-10-07 01:13:23", 0)], "without GPUs", id="no GPU"),
        pytest.param(
            [attempt("2017-10-07 01:12:09", None, 1)],
            "without an attempt whose begin and end are known",
            id="still ran when the trace was taken",
        ),
    ],
)
def test_jobs_that_cannot_be_replayed_are_left_out_and_counted(
    tmp_path: Path, attempts: list[dict[str, Any]], reason: str
) -> None:
    found = converted(tmp_path, record(*attempts), record(RAN, jobid="other"))
    assert [job.job_id for job in found.jobs] == ["other"]
    assert found.left_out == {reason: 1}


def test_time_0_is_the_first_submission_and_goes_on_when_clocks_are_set_back(tmp_path: Path) -> None:
    late = attempt("2017-11-06 00:01:00", "2017-11-06 00:02:00", 1)
    early = attempt("2017-11-05 00:01:00", "2017-11-05 00:02:00", 1)
    found = converted(
        tmp_path,
        record(late, jobid="late", submitted_time="2017-11-06 00:00:00"),
        record(early, jobid="early", submitted_time="2017-11-05 00:00:00"),
    )
    assert [(job.job_id, job.submit_s) for job in found.in_order()] == [("early", 0), ("late", 25 * 3600)]


def test_the_window_is_cut_by_the_time_of_submission(tmp_path: Path) -> None:
    start = int(datetime(2017, 10, 7, 8, 0, 39, tzinfo=UTC).timestamp())
    early = record(RAN, jobid="early", submitted_time="2017-10-07 01:00:38")
    late = record(RAN, jobid="late", submitted_time="2017-10-07 02:00:39")
    found = converted(tmp_path, early, record(RAN), late, window=Window(start, start + 3600))
    assert [job.submit_s for job in found.jobs] == [660]
    assert found.left_out == {"submitted before --start": 1, "submitted at --end or later": 1}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        pytest.param(record(RAN, submitted_time="yesterday"), "submitted_time: 'yesterday' is no time like", id="time"),
        pytest.param(record(RAN, submitted_time=None), "submitted_time: missing", id="no submission"),
        pytest.param(record(RAN, vc=""), "vc: '' is no text", id="no virtual cluster"),
        pytest.param(record(RAN, jobid="\ud800"), r"jobid: .*ud800' is no text", id="half a character"),
        pytest.param({"vc": "a"}, "jobid: missing", id="no id"),
        pytest.param(record(attempts="many"), "attempts: 'many' is no list", id="no list"),
        pytest.param(record({"start_time": None}), r"attempts\[0\].detail: missing", id="no detail"),
        pytest.param(record(attempt("soon", None, 1)), r"attempts\[0\].start_time: 'soon' is no time", id="no start"),
    ],
)
def test_what_is_wrong_is_refused_with_file_line_and_field(tmp_path: Path, broken: object, message: str) -> None:
    with pytest.raises(TraceError, match=f"cluster_job_log:2: {message}"):
        converted(tmp_path, broken)
