"""`make replay` on the slice of a real trace that is in the repository: all policies, the same code."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench.replay.__main__ import main
from bench.replay.experiments import POLICIES
from bench.replay.page import BEGIN, END

NOTICE_S = 300.0


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@pytest.fixture(scope="module")
def kept(work: Path) -> dict[str, dict[str, Any]]:
    """What the command keeps of each policy."""
    assert main(["--only", "small", "--jobs", "2", "--work", str(work / "work"), "--out", str(work / "out")]) == 0
    rows: dict[str, dict[str, Any]] = json.loads((work / "out" / "results.json").read_text())["small"]["rows"]
    return rows


def test_the_last_line_is_one_object_with_the_promised_figures(
    work: Path, kept: dict[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--only", "small", "--work", str(work / "work"), "--out", str(work / "again")]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out.splitlines()[-1])
    assert not err  # nothing was replayed anew
    assert list(found) == ["small"]
    assert list(found["small"]) == list(POLICIES) == list(kept)
    for policy, row in found["small"].items():
        assert list(row) == [
            "mean_jct_h",
            "mean_queue_h",
            "p99_queue_h",
            "wasted_gpu_h",
            "evictions",
            "deficit",
            "worst_tenant_vs_static",
            "jobs_10pct_later_than_static",
            "reclaim_s",
        ], policy
        assert list(row["reclaim_s"]) == ["p50", "p99", "max"], policy
        assert all(value is not None for name, value in row.items() if name != "reclaim_s"), policy
        assert row == {name: kept[policy][name] for name in row if name != "reclaim_s"} | {
            "reclaim_s": kept[policy]["reclaim_s"]
        }


def test_every_policy_does_all_the_work_of_all_jobs(kept: dict[str, dict[str, Any]]) -> None:
    for policy, row in kept.items():
        assert row["done"] == row["jobs"] == 400, policy
        assert row["useful_gpu_h"] == pytest.approx(kept["static"]["useful_gpu_h"]), policy
        assert sum(size["jobs"] for size in row["by_gpus"].values()) == 400, policy
        assert sum(tenant["jobs"] for tenant in row["tenants"].values()) == 400, policy


def test_completion_is_the_delay_and_the_running_time(kept: dict[str, dict[str, Any]]) -> None:
    running = {policy: row["mean_jct_h"] - row["mean_queue_h"] for policy, row in kept.items()}
    assert all(math.isclose(hours, running["static"], abs_tol=1e-5) for hours in running.values()), running


def test_the_static_partition_is_its_own_measure(kept: dict[str, dict[str, Any]]) -> None:
    static = kept["static"]
    assert (static["worst_tenant_vs_static"], static["jobs_10pct_later_than_static"]) == (1.0, 0.0)


def test_deficits_are_parts_and_only_who_evicts_reclaims(kept: dict[str, dict[str, Any]]) -> None:
    for policy, row in kept.items():
        assert 0 <= row["deficit"] <= 1, policy
        assert 0 <= row["jobs_10pct_later_than_static"] <= 1, policy
        assert row["evictions"] >= row["reclaims"] >= 0, policy
        assert sum(row["evictions_by_cause"].values()) == row["evictions"], policy
        for cause, count in row["evictions_at_the_start"].items():
            assert count <= row["evictions_by_cause"][cause], policy
        assert (row["reclaim_s"]["max"] is None) is (row["reclaims"] == 0), policy
    assert {policy for policy, row in kept.items() if row["evictions"]} <= {"kueue", "kai", "entente"}


def test_entente_gives_back_within_the_notice_and_shares_better_than_alone(kept: dict[str, dict[str, Any]]) -> None:
    own = kept["entente"]
    assert own["reclaims"] > 0
    assert own["reclaim_s"]["max"] <= NOTICE_S
    assert own["mean_queue_h"] < kept["static"]["mean_queue_h"]
    assert own["deficit"] < kept["static"]["deficit"]


def test_the_page_has_the_tables_and_a_plot_and_keeps_what_people_wrote(
    work: Path, kept: dict[str, dict[str, Any]]
) -> None:
    out = work / "out"
    page = out / "results.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[0] for line in lines if line.startswith("| entente |")]
    assert f"{kept['entente']['mean_queue_h']:.3f}" in page.read_text(encoding="utf-8")
    assert (out / "results-small.svg").read_text(encoding="utf-8").startswith("<?xml")
    page.write_text(f"# Ours\n\n{BEGIN}\nold\n{END}\n\nWhy.\n", encoding="utf-8")
    assert main(["--only", "small", "--policies", "fair", "--work", str(work / "work"), "--out", str(out)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Ours\n")
    assert text.endswith("Why.\n")
    assert "old" not in text
    assert "| entente |" in text  # the rows of the others stay


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            ["--only", "philly"], "philly-2017.csv.gz: missing. It is made from Microsoft's Philly", id="philly"
        ),
        pytest.param(["--only", "openb"], "Alibaba's cluster-trace-gpu-v2023", id="openb"),
    ],
)
def test_a_trace_that_is_not_there_is_named_with_where_it_comes_from(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--traces", str(tmp_path), "--work", str(tmp_path), "--out", str(tmp_path)]
    assert main([*arguments, *places]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "make replay TRACES=<folder>" in err


@pytest.mark.parametrize("given", ["--only=phily", "--policies=slurm", "--only=,"])
def test_unknown_names_are_refused_with_those_there_are(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([given])
    assert ended.value.code == 2
    assert "there are " in capsys.readouterr().err


def test_a_slice_never_goes_into_the_page_of_the_repository(work: Path, kept: dict[str, dict[str, Any]]) -> None:
    given = ["--only", "small", "--policies", "fair", "--days", "70", "72", "--work", str(work / "work")]
    assert main(given) == 0
    text = (work / "work" / "days-70-72" / "results.json").read_text(encoding="utf-8")
    assert json.loads(text)["small"]["rows"]["fair"] == kept["fair"]
    assert [line.split(":")[0] for line in text.splitlines()] == ["{", ' "small"', '  "fair"', " }}", "}"]


def test_the_page_is_made_anew_from_the_figures_that_are_kept(work: Path, kept: dict[str, dict[str, Any]]) -> None:
    out = work / "figures-only"
    out.mkdir()
    (out / "results.json").write_text(json.dumps({"small": {**_about(work), "rows": kept}}), encoding="utf-8")
    assert main(["--page-only", "--work", str(work / "none"), "--out", str(out)]) == 0
    assert "| entente |" in (out / "results.md").read_text(encoding="utf-8")
    assert "make replay ONLY=philly\n" in (out / "results.md").read_text(encoding="utf-8")  # what is not there yet
    assert not (work / "none").exists()  # nothing was replayed


def _about(work: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((work / "out" / "results.json").read_text(encoding="utf-8"))["small"]
    return about
