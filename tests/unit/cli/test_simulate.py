import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from entente.cli.main import main

EXAMPLES = Path(__file__).parents[3] / "examples" / "scenarios"
TRACE = """job_id,tenant,submit_s,duration_s,gpus,gpu_type,final_state
a,anthropic,0,7200,16,,
b,xai,600,3600,8,,
c,xai,700,60,0.5,,
d,xai,800,60,64,,
"""
POOL = """apiVersion: entente.dev/v1alpha1
kind: GPUPool
metadata: {name: h100}
spec:
  nodeSelector: {gpu: h100}
  nodeSharing: Shared
  simulated: {nodes: 2, gpusPerNode: 8}
"""
TENANTS = "".join(
    f"""---
apiVersion: entente.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  namespaces: [{name}-research]
  pools: [{{name: h100, guaranteed: 8}}]
"""
    for name in ("anthropic", "xai")
)
HEAD = "---\napiVersion: entente.dev/v1alpha1\nkind: Scenario\n"


def simulated(tmp_path: Path, *options: str, trace: str = TRACE, scenario: str = POOL + TENANTS) -> Result:
    (tmp_path / "t.csv").write_text(trace, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(scenario, encoding="utf-8")
    inputs = ["--trace", str(tmp_path / "t.csv"), "--scenario", str(tmp_path / "s.yaml")]
    return CliRunner().invoke(main, ["simulate", *inputs, *options])


def report(result: Result) -> Any:  # noqa: ANN401 - JSON
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_pools_and_tenants_alone_are_a_scenario(tmp_path: Path) -> None:
    found = report(simulated(tmp_path, "--policy", "entente", "--policy", "static", "-o", "json"))
    assert list(found["policies"]) == ["entente", "static"]
    assert (found["jobs"], found["jobs_too_large"], found["jobs_rounded_up"]) == (3, 1, 1)
    assert (found["capacity"], found["notice_s"]) == ({"h100": 16}, {"h100": 300})
    whole = found["policies"]["entente"]["all"]
    assert (whole["done"], whole["evictions"], whole["reclaim_s"]["max"]) == (3, 1, 30.0)
    assert found["policies"]["static"]["all"]["done"] == 2  # a partition of one host holds no gang of two
    assert whole["worst_tenant_vs_static"] == found["policies"]["entente"]["tenants"]["xai"]["jct_vs_static"]


def test_without_a_policy_all_of_them_are_replayed(tmp_path: Path) -> None:
    found = report(simulated(tmp_path, "-o", "json"))
    assert {"entente", "static", "fifo", "easy", "fair", "kueue", "kai"} <= set(found["policies"])


def test_several_policies_may_follow_one_option(tmp_path: Path) -> None:
    found = report(
        simulated(tmp_path, "--policy", "fair", "static", "-o", "json", "--policy", "easy", "--policy", "fair")
    )
    assert list(found["policies"]) == ["fair", "easy", "static"]


def test_the_table_has_a_row_for_each_policy_and_each_tenant(tmp_path: Path) -> None:
    result = simulated(tmp_path, "--policy", "fair")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("3 jobs on 16 GPUs in pool h100, load ")
    assert "1 left out, larger than any pool they may use; 1 asked for a part of a GPU" in lines[0]
    firsts = [line.split()[0] for line in lines if line.strip()]
    assert firsts.count("fair") == 2
    assert {"anthropic", "xai"} <= set(firsts)


def test_on_a_terminal_of_80_columns_the_tables_go_on_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = simulated(tmp_path, "--policy", "fair").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("policy ") for line in lines) == 3


def test_the_folder_gets_report_events_and_plots(tmp_path: Path) -> None:
    out = tmp_path / "made" / "here"
    found = report(simulated(tmp_path, "--policy", "entente", "--out", str(out), "-o", "json"))
    names = {"report.json", "events-entente.jsonl", "course-h100.svg", "delays.svg"}
    assert {file.name for file in out.iterdir()} == names
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == found
    first = json.loads((out / "events-entente.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first == {"t": 0.0, "event": "Submit", "job": "anthropic/a", "tenant": "anthropic", "gpus": 16}


def test_the_same_input_gives_the_same_files_byte_for_byte(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert simulated(tmp_path, "--policy", "entente", "--out", str(tmp_path / folder)).exit_code == 0
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "entente.cli.simulate_plots", None)
    monkeypatch.delitem(sys.modules, "entente.cli.simulate_plots")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = simulated(tmp_path, "--policy", "fair", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert "no plots, since matplotlib is not installed: pip install 'entente[plots]'" in result.stderr
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"report.json", "events-fair.jsonl"}


def test_every_plan_can_be_checked(tmp_path: Path) -> None:
    assert simulated(tmp_path, "--policy", "entente", "--check-invariants").exit_code == 0


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        pytest.param(
            POOL + TENANTS + HEAD + "spec:\n  windw: {}\n",
            "s.yaml:26: Scenario scenario: spec.windw: Extra inputs are not permitted",
            id="unknown field",
        ),
        pytest.param(
            POOL + TENANTS + HEAD + "spec:\n  load: -1\n",
            "s.yaml:26: Scenario scenario: spec.load: Input should be greater than 0 (given: -1)",
            id="negative load",
        ),
        pytest.param(
            POOL + TENANTS + HEAD + "spec:\n  load: 2\n  targetLoad: 0.9\n",
            "s.yaml:27: Scenario scenario: spec.targetLoad: targetLoad: load is set, too",
            id="two loads",
        ),
        pytest.param(
            POOL + HEAD + "spec:\n  quotas: Equal\n",
            "spec.quotas: Input should be 'ProportionalToGPUHours' (given: 'Equal')",
            id="unknown quotas",
        ),
        pytest.param(POOL + TENANTS + HEAD + HEAD, "Scenario scenario is given twice", id="two scenarios"),
        pytest.param(
            POOL + TENANTS + HEAD + "metadata: {name: a}\n" + HEAD + "metadata: {name: b}\n",
            "s.yaml: 2 documents of kind Scenario; there may be one at most",
            id="two named scenarios",
        ),
        pytest.param(POOL, "s.yaml: Tenant: none is given", id="no tenants"),
        pytest.param(TENANTS.removeprefix("---"), "s.yaml: GPUPool: none is given", id="no pool"),
        pytest.param(POOL + TENANTS.replace("xai", "acme"), "t.csv:3: tenant: 'xai' is no Tenant", id="unknown tenant"),
        pytest.param("kind: [", "s.yaml:2: not YAML or JSON", id="no YAML"),
    ],
)
def test_a_scenario_that_cannot_be_read_is_refused_with_its_place(tmp_path: Path, scenario: str, message: str) -> None:
    result = simulated(tmp_path, scenario=scenario)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        pytest.param(TRACE.replace("7200", "long"), "t.csv:2: duration_s: 'long' is no number from 0", id="no number"),
        pytest.param(TRACE.replace("submit_s", "when"), "t.csv:1: column missing: submit_s", id="no column"),
        pytest.param("", "t.csv:1: column missing: job_id", id="empty"),
        pytest.param(TRACE.splitlines()[0], "no job of the trace is in the window", id="no jobs"),
    ],
)
def test_a_trace_that_cannot_be_read_is_refused_with_its_place(tmp_path: Path, trace: str, message: str) -> None:
    result = simulated(tmp_path, trace=trace)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            ["--policy", "slurm"], "Invalid value for '--policy': 'slurm' is not one of 'entente'", id="policy"
        ),
        pytest.param(["--out", "{tmp}/t.csv"], "t.csv: --out: cannot be made: File exists", id="folder"),
        pytest.param(["-o", "xml"], "Invalid value for '-o' / '--output'", id="output"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, options: list[str], message: str) -> None:
    result = simulated(tmp_path, *(option.replace("{tmp}", str(tmp_path)) for option in options))
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("option", ["--trace", "--scenario"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, option: str) -> None:
    result = simulated(tmp_path, option, str(tmp_path / "none.csv"))
    assert result.exit_code == 2
    assert "none.csv: cannot be read: No such file or directory" in result.stderr


def test_the_small_example_is_replayed_in_seconds() -> None:
    command = [
        *(sys.executable, "-m", "entente.cli.main", "simulate", "-o", "json", "--policy", "entente"),
        *("--trace", str(EXAMPLES / "philly-2017-jobs-92000-92399.csv"), "--scenario", str(EXAMPLES / "small.yaml")),
        *("--policy", "static"),
    ]
    done = subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603 - our own command
    found = json.loads(done.stdout)
    mine, alone = (found["policies"][name]["all"] for name in ("entente", "static"))
    assert mine["done"] == alone["done"] == 400
    assert mine["mean_queue_h"] < alone["mean_queue_h"] / 2
    assert mine["reclaim_s"]["within_notice"] == 1.0
