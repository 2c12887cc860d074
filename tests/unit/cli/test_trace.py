import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from entente.cli.main import main

ROOT = Path(__file__).parents[3]
REAL = ROOT / "tests" / "unit" / "simulator" / "converters" / "data" / "slurm-sacct.txt"
LISTING = ROOT / "examples" / "traces" / "slurm-sacct.txt"
SCENARIO = ROOT / "examples" / "scenarios" / "slurm.yaml"
HEADER = "JobID|Account|Submit|Start|ElapsedRaw|AllocTRES|State\n"


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=given)


@pytest.mark.parametrize("listing", [REAL, LISTING], ids=["real", "example"])
def test_what_sacct_prints_is_replayed(tmp_path: Path, listing: Path) -> None:
    trace = str(tmp_path / "jobs.csv.gz")
    done = run("trace", "from-slurm", str(listing), "--out", trace)
    assert (done.exit_code, done.stdout) == (0, "")
    written = int(done.stderr.split(" read, ")[1].split()[0])
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(SCENARIO.read_text(encoding="utf-8"), encoding="utf-8")
    replayed = run("simulate", "--trace", trace, "--scenario", str(scenario), "--policy", "entente", "-o", "json")
    assert replayed.exit_code == 0, replayed.stderr
    report = json.loads(replayed.stdout)
    assert report["jobs"] == written > 20
    assert report["policies"]["entente"]["all"]["done"] == written
    assert report["policies"]["entente"]["all"]["useful_gpu_h"] > 0


def test_the_example_shows_every_kind_of_row() -> None:
    assert run("trace", "from-slurm", str(LISTING)).stderr.splitlines() == [
        "54 jobs read, 50 written: 3 tenants, 708 GPU-hours",
        "  left out: 2 never ran",
        "  left out: 2 without GPUs",
        "  note: 5 of 'robotics_lab': the tenant is 'robotics-lab'",
        "  note: 2 run more than once: all runs count",
        "  note: 3 still running: the time so far counts",
        "  note: 1 with several parts: one gang each",
    ]


def test_standard_input_and_output_are_a_pipe() -> None:
    given = f"{HEADER}7|vision|2026-11-02T00:00:10|2026-11-02T00:01:00|60|gres/gpu=2|COMPLETED\n"
    done = run("trace", "from-slurm", "-", "--start", "2026-11-02", "--end", "2026-11-02T12:00:00", given=given)
    assert done.stdout.splitlines() == [
        "job_id,tenant,submit_s,duration_s,gpus,gpu_type,final_state",
        "7,vision,10,60,2,,COMPLETED",
    ]


def test_other_formats_have_a_verb_each(tmp_path: Path) -> None:
    (tmp_path / "cluster01.csv").write_text("job_id,submission_time,duration,num_gpu\na,5,60,4\n", encoding="utf-8")
    pods = "name,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
    (tmp_path / "pods.csv").write_text(f"{pods}openb-pod-0,1,500,,LS,Failed,5,70,10\n", encoding="utf-8")
    attempt = {"start_time": "2017-10-07 01:12:09", "end_time": "2017-10-07 01:13:09"}
    job = {"jobid": "a", "vc": "v", "status": "Pass", "submitted_time": "2017-10-07 01:11:39"}
    job |= {"attempts": [attempt | {"detail": [{"ip": "m1", "gpus": ["gpu0"]}]}]}  # type: ignore[dict-item] # a JSON object
    (tmp_path / "log").write_text(json.dumps([job]), encoding="utf-8")
    for verb, file, row in (
        ("from-itp", "cluster01.csv", "c01-0,cluster01,0,60,4,,"),
        ("from-openb", "pods.csv", "pod-0,LS,5,60,0.5,,Failed"),
        ("from-philly", "log", "a,v,0,60,1,,Pass"),
    ):
        done = run("trace", verb, str(tmp_path / file))
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines()[1:] == [row]
        assert done.stderr.startswith("1 job read, 1 written: 1 tenant, ")


def test_a_listing_without_gpus_says_what_slurm_must_count() -> None:
    given = f"{HEADER}7|vision|2026-11-02T00:00:10|2026-11-02T00:01:00|60|cpu=8|COMPLETED\n"
    done = run("trace", "from-slurm", "-", given=given)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "entente trace: no job is left: " in done.stderr
    assert "AccountingStorageTRES=gres/gpu in slurm.conf" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["from-slurm", "none.txt"], "entente trace: none.txt: cannot be read: No such file", id="file"),
        pytest.param(["from-slurm"], "Missing argument 'FILE...'", id="no file"),
        pytest.param(["from-slurm", "a", "--tenant-by", "qos"], "'qos' is not one of 'account', 'user'", id="tenant"),
        pytest.param(["from-slurm", "a", "--start", "monday"], "'monday' does not match the formats", id="start"),
        pytest.param(["from-philly", "a", "--time-zone", "Mars"], "'Mars' is no time zone that", id="zone"),
        pytest.param(["from-slurm", str(LISTING), "--out", "no/t.csv"], "no/t.csv: cannot be written", id="out"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(arguments: list[str], message: str) -> None:
    done = run("trace", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
