"""`data/slurm-sacct*.txt` were printed by sacct of Slurm 22.05 on a cluster of two hosts with made-up users."""

import calendar
from pathlib import Path

import pytest

from entente.simulator.converters.conversion import Conversion, Window
from entente.simulator.converters.slurm import Wanted, convert
from entente.simulator.trace import TraceError

DATA = Path(__file__).parent / "data"
HEADER = "JobID|Account|User|Partition|Submit|Eligible|Start|ElapsedRaw|AllocTRES|State"
DAY = calendar.timegm((2026, 11, 2, 0, 0, 0))


def row(
    name: str = "7",
    *,
    account: str = "vision",
    submit: str = "2026-11-02T00:00:10",
    eligible: str = "2026-11-02T00:00:10",
    start: str = "2026-11-02T00:01:00",
    elapsed: str = "60",
    tres: str = "billing=8,cpu=8,gres/gpu:h100=2,gres/gpu=2,mem=64G,node=1",
    state: str = "COMPLETED",
) -> str:
    return f"{name}|{account}|ana|train|{submit}|{eligible}|{start}|{elapsed}|{tres}|{state}"


def converted(folder: Path, *rows: str, header: str = HEADER, wanted: Wanted | None = None) -> Conversion:
    path = folder / "jobs.txt"
    path.write_text("".join(f"{line}\n" for line in (header, *rows)), encoding="utf-8")
    return convert([str(path)], wanted or Wanted())


def fields(found: Conversion) -> list[tuple[str, ...]]:
    return [job.fields() for job in found.in_order()]


def test_a_real_listing_gives_a_job_for_each_that_ran_on_gpus() -> None:
    found = convert([str(DATA / "slurm-sacct.txt")], Wanted())
    by_name = {job.job_id: job.fields()[1:] for job in found.jobs}
    assert len(by_name) == 23
    assert by_name["2"] == ("speech", "0", "6", "4", "h100", "FAILED")
    assert by_name["5"] == ("vision", "0", str(21 + 25), "1", "h100", "COMPLETED")  # requeued by scontrol
    assert by_name["9_7"] == ("speech", "24", "5", "1", "h100", "CANCELLED")  # CANCELLED by 1002
    assert by_name["10"] == ("vision", "0", "28", "1", "h100", "COMPLETED")  # suspended for 2 s
    assert by_name["20"] == ("vision", "29", "4", "3", "", "COMPLETED")  # 1 h100 and 2 a100
    assert by_name["24"] == ("speech", "95", "223", "2", "h100", "RUNNING")
    assert by_name["27"] == ("vision", "214", "4", "1", "h100", "COMPLETED")  # waited for job 26
    assert by_name["28"] == ("vision", "219", str(7 + 60), "3", "a100", "COMPLETED")  # its host was lost
    assert by_name["30"] == ("vision", "229", "5", "4", "", "COMPLETED")  # one job on both types
    assert found.left_out == {"without GPUs": 1}
    assert found.changed == {
        "run more than once: all runs count": 2,
        "with several parts: one gang each": 2,
        "still running: the time so far counts": 1,
    }


def test_steps_and_jobs_that_never_ran_change_nothing_about_the_others() -> None:
    plain = convert([str(DATA / "slurm-sacct.txt")], Wanted())
    found = convert([str(DATA / "slurm-sacct-steps.txt")], Wanted())
    alike = {"24", "27", "3_2", "3_3", "9_6", "9_7"}  # this listing is later, and says nothing of Eligible
    assert {job for job in plain.jobs if job.job_id not in alike} == {
        job for job in found.jobs if job.job_id not in alike
    }
    assert found.left_out == {"without GPUs": 1, "never ran": 4}
    assert found.changed["rows of steps: skipped"] == 29


@pytest.mark.parametrize(
    ("given", "gpus", "kind"),
    [
        pytest.param("cpu=8,gres/gpu=4,mem=64G", "4", "", id="the type is not kept"),
        pytest.param("cpu=8,gres/gpu:h100=4,mem=64G", "4", "h100", id="only the type is kept"),
        pytest.param("gres/gpu:h100=4,gres/gpu=4", "4", "h100", id="both"),
        pytest.param("gres/gpu=6,gres/gpu:h100=4,gres/gpu:a100=2", "6", "", id="two types"),
        pytest.param("gres/gpu:1g.10gb=2,gres/gpu=2", "2", "1g.10gb", id="slices of a GPU"),
        pytest.param("gres/gpu=1,gres/gpumem=80G,gres/gpuutil=100", "1", "", id="what else begins like it"),
    ],
)
def test_gpus_and_their_type_are_what_was_allocated(tmp_path: Path, given: str, gpus: str, kind: str) -> None:
    ((*_, found_gpus, found_kind, _),) = fields(converted(tmp_path, row(tres=given)))
    assert (found_gpus, found_kind) == (gpus, kind)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param([row("8", tres="cpu=8,node=1")], "without GPUs", id="no GPU"),
        pytest.param([row("8", start="Unknown", elapsed="0", tres="", state="PENDING")], "never ran", id="pending"),
        pytest.param([row("8_[1-9%2]", start="None", elapsed="0", tres="")], "never ran", id="rest of an array"),
        pytest.param([row("8", elapsed="0", tres="", state="CANCELLED by 7")], "never ran", id="cancelled early"),
        pytest.param([row("8", elapsed="0")], "never ran", id="not for a second"),
    ],
)
def test_jobs_that_cannot_be_replayed_are_left_out_and_counted(tmp_path: Path, rows: list[str], reason: str) -> None:
    found = converted(tmp_path, row("7"), *rows)
    assert [job.job_id for job in found.jobs] == ["7"]
    assert found.left_out == {reason: 1}


AGAIN = {"submit": "2026-11-02T00:05:00", "eligible": "2026-11-02T00:07:00", "start": "2026-11-02T00:08:00"}


@pytest.mark.parametrize("state", ["REQUEUED", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL"])
def test_a_job_that_runs_again_is_one_job_from_its_first_submission_on(tmp_path: Path, state: str) -> None:
    first, second = row(elapsed="100", state=state), row(elapsed="30", **AGAIN)
    expected = [("7", "vision", "0", "130", "2", "h100", "COMPLETED")]
    assert fields(converted(tmp_path, first, second)) == expected
    assert fields(converted(tmp_path, second, first)) == expected
    waits = row(submit=AGAIN["submit"], start="Unknown", elapsed="0", tres="", state="PENDING")
    assert fields(converted(tmp_path, first, waits)) == [("7", "vision", "0", "100", "2", "h100", "PENDING")]


def test_a_number_that_is_used_again_is_another_job(tmp_path: Path) -> None:
    found = converted(tmp_path, row(), row(account="speech", **AGAIN))
    assert [one[:4] for one in fields(found)] == [("7", "vision", "0", "60"), ("7~2", "speech", "410", "60")]


@pytest.mark.parametrize("swapped", [False, True], ids=["older first", "newer first"])
def test_listings_may_overlap_and_be_joined_with_their_headers(tmp_path: Path, *, swapped: bool) -> None:
    older = [row(elapsed="30", state="RUNNING"), row("8", start="Unknown", elapsed="0", tres="", state="PENDING")]
    newer = [row(elapsed="90"), row("8", elapsed="40")]
    rows = [*newer, HEADER, *older] if swapped else [*older, "", HEADER, *newer]
    found = converted(tmp_path, *rows)
    assert fields(found) == [
        ("7", "vision", "0", "90", "2", "h100", "COMPLETED"),
        ("8", "vision", "0", "40", "2", "h100", "COMPLETED"),
    ]
    assert not found.left_out
    assert found.changed == {"rows given twice: the longer run counts": 1}


def test_several_files_are_one_trace(tmp_path: Path) -> None:
    (tmp_path / "october").write_text(f"{HEADER}\n{row('7')}\n", encoding="utf-8")
    (tmp_path / "november").write_text(f"{HEADER}\n{row('8')}\n", encoding="utf-8")
    found = convert([str(tmp_path / "october"), str(tmp_path / "november")], Wanted())
    assert [job.job_id for job in found.jobs] == ["7", "8"]


def test_a_heterogeneous_job_is_one_gang_as_long_as_its_longest_part(tmp_path: Path) -> None:
    found = converted(tmp_path, row("7+0", tres="gres/gpu=1"), row("7+1", tres="gres/gpu=4", elapsed="70"))
    assert fields(found) == [("7", "vision", "0", "70", "5", "", "COMPLETED")]


def test_a_job_is_submitted_when_it_could_run(tmp_path: Path) -> None:
    waited = row("8", eligible="2026-11-02T00:30:10")
    assert [one[2] for one in fields(converted(tmp_path, row(), waited))] == ["0", "1800"]
    never = row("8", eligible="Unknown")
    assert [one[2] for one in fields(converted(tmp_path, row(), never))] == ["0", "0"]


@pytest.mark.parametrize(("tenant_by", "tenant"), [("account", "vision"), ("user", "ana"), ("partition", "train")])
def test_the_tenant_may_be_account_user_or_partition(tmp_path: Path, tenant_by: str, tenant: str) -> None:
    ((_, found, *_),) = fields(converted(tmp_path, row(), wanted=Wanted(tenant_by)))
    assert found == tenant


def test_an_account_gets_a_name_that_a_tenant_may_have_and_that_is_said(tmp_path: Path) -> None:
    found = converted(tmp_path, row("7", account="Vision_Lab"), row("8", account="Vision_Lab"))
    assert {job.tenant for job in found.jobs} == {"vision-lab"}
    assert found.changed == {"of 'Vision_Lab': the tenant is 'vision-lab'": 2}


def test_the_window_is_cut_by_the_time_of_submission(tmp_path: Path) -> None:
    rows = [row(str(hour), submit=f"2026-11-02T0{hour}:00:00", eligible="Unknown") for hour in range(4)]
    found = converted(tmp_path, *rows, wanted=Wanted(window=Window(DAY + 3600, DAY + 3 * 3600)))
    assert [one[::2][:2] for one in fields(found)] == [("1", "0"), ("2", "3600")]
    assert found.left_out == {"submitted before --start": 1, "submitted at --end or later": 1}


@pytest.mark.parametrize(
    ("header", "line"),
    [
        pytest.param(
            "JobIDRaw|State|AllocTRES|ElapsedRaw|Start|Submit|Account|End",
            "7|COMPLETED|gres/gpu=2|60|2026-11-02T00:01:00|2026-11-02T00:00:10|vision|Unknown",
            id="other columns in another order",
        ),
        pytest.param(
            "JobID|Account|Submit|Start|ElapsedRaw|AllocTRES|State|",
            "7|vision|2026-11-02T00:00:10|2026-11-02T00:01:00|60|gres/gpu=2|COMPLETED|",
            id="with -p a bar ends each line",
        ),
        pytest.param(
            "JobID|Account|Submit|Start|ElapsedRaw|AllocTRES|State",
            "7|vision|1793577610|1793577660|60|gres/gpu=2|COMPLETED",
            id="SLURM_TIME_FORMAT=%s",
        ),
    ],
)
def test_columns_and_times_may_be_printed_otherwise(tmp_path: Path, header: str, line: str) -> None:
    found = converted(tmp_path, line, header=header, wanted=Wanted(window=Window(DAY)))
    assert fields(found) == [("7", "vision", "10", "60", "2", "", "COMPLETED")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(row("wrap"), r"JobID: 'wrap' is no job as 123, 123_4, 123\+0 or", id="no number"),
        pytest.param(row(submit="Unknown"), "Submit: 'Unknown' is no time like 2026-11-02T08:00:00", id="no submit"),
        pytest.param(row(start="today"), "Start: 'today' is no time like .*, and not Unknown", id="no start"),
        pytest.param(row(elapsed="00:01:00"), "ElapsedRaw: '00:01:00' is no whole number", id="Elapsed"),
        pytest.param(row(account=""), "Account: missing", id="no account"),
        pytest.param(row(state=""), "State: missing", id="no state"),
        pytest.param(row(tres="gres/gpu=2K"), "AllocTRES: gres/gpu: '2K' is no whole number", id="GPUs in thousands"),
        pytest.param(row() + "|more", "11 fields, and the header has 10; leave out columns .*, as JobName", id="bar"),
    ],
)
def test_what_is_wrong_is_refused_with_file_line_and_field(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(TraceError, match=rf"jobs\.txt:3: {message}"):
        converted(tmp_path, row("6"), line)


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        pytest.param(["a_b", "a.b"], "jobs.txt:3: 'a.b' and 'a_b' would both be the tenant 'a-b'", id="two in one"),
        pytest.param(["x", "__"], "jobs.txt:3: '__' has no letter or digit", id="nothing is left"),
    ],
)
def test_accounts_without_names_of_their_own_are_refused(tmp_path: Path, accounts: list[str], message: str) -> None:
    rows = [row(str(number), account=account) for number, account in enumerate(accounts)]
    with pytest.raises(TraceError, match=message):
        converted(tmp_path, *rows)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        pytest.param("JobID|Account", "column missing: Submit, Start, ElapsedRaw, AllocTRES, State;", id="too few"),
        pytest.param(HEADER.replace("JobID|", ""), "column missing: JobID;", id="no number"),
        pytest.param(HEADER.replace("Account|", ""), "column missing: Account;", id="no tenant"),
        pytest.param(row(), "the first line must name the columns, as .* without --noheader", id="no header"),
    ],
)
def test_a_missing_column_is_named_with_the_remedy(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(TraceError, match=rf"jobs\.txt:1: .*{message}"):
        converted(tmp_path, header=header)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.txt").write_text("", encoding="utf-8")
    with pytest.raises(TraceError, match=r"jobs\.txt:1: empty; sacct prints a header first"):
        convert([str(tmp_path / "jobs.txt")], Wanted())
