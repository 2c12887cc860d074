"""`entente plan` as a user calls it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from entente.cli.main import main
from tests.support import manifests, objects
from tests.support.manifests import Manifest, changed

NOW = "2026-11-23T12:00:00Z"
ESTATE = (
    manifests.pool(simulated={"nodes": 2, "gpusPerNode": 8}, nodeSharing="Shared"),
    manifests.tenant("anthropic", pools=[{"name": "h100", "guaranteed": 8}]),
    manifests.tenant("xai", pools=[{"name": "h100", "guaranteed": 8}]),
)
ALLOCATION = {"pool": "h100", "workers": 1, "gpus": 8, "class": "Borrowed"}


def running(name: str, namespace: str, host: str) -> Manifest:
    """A job of eight GPUs that began ten minutes ago."""
    status = {
        "phase": "Running",
        "allocation": {**ALLOCATION, "nodes": {host: 1}},
        "startTime": "2026-11-23T11:50:00Z",
    }
    return {**manifests.job(name, namespace), "status": status}


RECLAIM = (
    *ESTATE,
    running("a", "xai-research", "h100-0000"),
    running("b", "xai-research", "h100-0001"),
    changed(manifests.job("claim"), metadata__creationTimestamp="2026-11-23T11:59:00Z"),
    manifests.job("later"),
    manifests.job("lost", "nobody"),
)


def plan(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["plan", "--now", NOW, *args], input=stdin)


def written(folder: Path, name: str, given: Sequence[Manifest] = RECLAIM) -> str:
    """A file of these objects, in YAML or JSON by its name."""
    file = folder / name
    text = json.dumps(given[0]) if name.endswith(".json") else yaml.safe_dump_all(given)
    file.write_text(text, encoding="utf-8")
    return str(file)


def as_json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def test_the_json_has_the_fields_of_every_decision_in_order(tmp_path: Path) -> None:
    made = as_json(plan("-f", written(tmp_path, "estate.yaml"), "-o", "json"))
    hold, evict, *waits = made["decisions"]
    place = {"pool": "h100", "workers": 1, "class": "Entitled", "nodes": {"h100-0001": 1}}
    assert hold == {"job": "anthropic-research/claim", "action": "Hold", **place}
    assert evict == {
        "job": "xai-research/b",
        "action": "Evict",
        "for": "anthropic-research/claim",
        "gpus": 8,
        "atRiskGpuSeconds": 7200,
    }
    assert [(w["job"], w["action"], w["reason"], w["eta"]) for w in waits] == [
        ("anthropic-research/later", "Wait", "NoFreeGPUs", None),
        ("nobody/lost", "Wait", "NoTenant", None),
    ]
    assert "8 too few" in waits[0]["message"]
    assert made["pools"]["h100"] == {
        "capacity": 16,
        "free": 0,
        "tenants": {
            "anthropic": {"guaranteed": 8, "entitled": 8, "borrowed": 0, "lent": 8, "fairSurplus": 0},
            "xai": {"guaranteed": 8, "entitled": 8, "borrowed": 8, "lent": 0, "fairSurplus": 0},
        },
    }


def test_times_of_the_json_are_rfc_3339_in_utc(tmp_path: Path) -> None:
    ending = changed(RECLAIM[4], spec__maxSeconds=700)
    made = as_json(plan("-f", written(tmp_path, "e.yaml", (*RECLAIM[:4], ending, RECLAIM[5])), "-o", "json"))
    (wait,) = made["decisions"]
    assert (wait["reason"], wait["eta"]) == ("Reserved", "2026-11-23T12:01:40Z")


def test_a_start_says_where_and_on_call_only_where_it_is(tmp_path: Path) -> None:
    made = as_json(plan("-f", written(tmp_path, "e.yaml", (*ESTATE, manifests.job())), "-o", "json"))
    assert made["decisions"] == [
        {
            "job": "anthropic-research/train",
            "action": "Start",
            "pool": "h100",
            "workers": 1,
            "class": "Entitled",
            "nodes": {"h100-0000": 1},
        }
    ]


def test_a_shrink_and_a_growth_say_the_workers_left_and_their_nodes(tmp_path: Path) -> None:
    elastic = {"spec__workers": 4, "spec__gpusPerWorker": 2, "spec__elastic": {"minWorkers": 1, "maxWorkers": 4}}
    wide = changed(
        running("wide", "xai-research", "h100-0000"),
        **elastic,
        status__allocation__workers=4,
        status__allocation__nodes={"h100-0000": 4},
    )
    narrow = changed(
        running("narrow", "anthropic-research", "h100-0001"), **elastic, status__allocation__nodes={"h100-0001": 1}
    )
    small = changed(manifests.job("small", "xai-research"), spec__gpusPerWorker=4)
    made = as_json(plan("-f", written(tmp_path, "e.yaml", (*ESTATE, wide, narrow)), "-o", "json"))
    assert made["decisions"] == [
        {"job": "anthropic-research/narrow", "action": "Grow", "workers": 4, "nodes": {"h100-0001": 4}}
    ]
    full = changed(narrow, status__allocation__workers=4, status__allocation__nodes={"h100-0001": 4})
    made = as_json(plan("-f", written(tmp_path, "f.yaml", (*ESTATE, wide, full, small)), "-o", "json"))
    shrink = next(d for d in made["decisions"] if d["action"] == "Shrink")
    assert shrink == {
        "job": "xai-research/wide",
        "action": "Shrink",
        "for": "xai-research/small",
        "workers": 2,
        "gpus": 4,
        "atRiskGpuSeconds": 7200,
        "nodes": {"h100-0000": 2},
    }


def test_the_table_shows_every_decision_and_the_books(tmp_path: Path) -> None:
    result = plan("-f", written(tmp_path, "estate.yaml"))
    assert result.exit_code == 0
    rows = [line.split() for line in result.output.splitlines()]
    assert rows[0] == ["ACTION", "JOB", "POOL", "WORKERS", "CLASS", "DETAIL"]
    assert [row[:2] for row in rows[1:5]] == [
        ["Hold", "anthropic-research/claim"],
        ["Evict", "xai-research/b"],
        ["Wait", "anthropic-research/later"],
        ["Wait", "nobody/lost"],
    ]
    assert ["anthropic", "8", "8", "0", "8", "0"] in rows
    assert ["h100", "0", "of", "16", "free"] in rows
    assert all(line == line.rstrip() for line in result.output.splitlines())


def test_on_a_terminal_of_80_columns_details_stand_below_their_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = plan("-f", written(tmp_path, "estate.yaml")).output.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["ACTION", "JOB", "POOL", "WORKERS", "CLASS"]
    assert lines[1].split() == ["Hold", "anthropic-research/claim", "h100", "1", "Entitled"]
    assert lines[2] == "    h100-0001x1"


def listed(given: Sequence[Manifest]) -> Manifest:
    return {"apiVersion": "v1", "kind": "List", "items": list(given)}


@pytest.fixture
def expected(tmp_path: Path) -> str:
    """What is printed for the objects in one file."""
    return plan("-f", written(tmp_path, "expected.yml"), "-o", "json").output


def test_a_list_is_as_good_as_documents(tmp_path: Path, expected: str) -> None:
    assert plan("-f", written(tmp_path, "l.yaml", [listed(RECLAIM)]), "-o", "json").output == expected
    assert plan("-f", written(tmp_path, "l.json", [listed(RECLAIM)]), "-o", "json").output == expected


def test_standard_input_is_read(expected: str) -> None:
    assert plan("-f", "-", "-o", "json", stdin=yaml.safe_dump_all(RECLAIM)).output == expected


def test_folders_and_several_files_are_read_in_any_order(tmp_path: Path, expected: str) -> None:
    folder = tmp_path / "estate"
    folder.mkdir()
    written(folder, "z.yaml", RECLAIM[:4])
    written(folder, "a.yml", RECLAIM[4:6])
    (folder / "README.md").write_text("not: read: at all", encoding="utf-8")
    rest = written(tmp_path, "rest.yaml", RECLAIM[6:])
    assert plan("-f", str(folder), "-f", rest, "-o", "json").output == expected
    assert plan("-f", rest, "-f", str(folder), "-o", "json").output == expected


def test_real_nodes_and_pods_take_the_place_of_simulated_ones(tmp_path: Path) -> None:
    given = (*ESTATE, objects.node("real"), objects.pod("p", "kube-system", "real", 3), manifests.job(gpusPerWorker=5))
    made = as_json(plan("-f", written(tmp_path, "e.yaml", given), "-o", "json"))
    assert made["pools"]["h100"]["capacity"] == 5
    assert made["decisions"][0]["nodes"] == {"real": 1}


BAD = [
    pytest.param("kind: [", "e.yaml:2: ", "not YAML or JSON", id="no YAML"),
    pytest.param("- a\n- b\n", "e.yaml:1: ", "no field `kind`", id="no object"),
    pytest.param(
        yaml.safe_dump(changed(manifests.job(), spec__workers=0), sort_keys=False),
        "e.yaml:7: ",
        "TrainingJob anthropic-research/train: spec.workers: ",
        id="a value that is not allowed",
    ),
    pytest.param(
        yaml.safe_dump_all(
            [ESTATE[0], changed(manifests.tenant(), spec__pools__0__guaranteed="many")], sort_keys=False
        ),
        "e.yaml:",
        "Tenant anthropic: spec.pools.0.guaranteed: ",
        id="a value of the wrong type in the second document",
    ),
    pytest.param(
        yaml.safe_dump_all([manifests.job(), manifests.job()]),
        "e.yaml:",
        "is given twice",
        id="the same object twice",
    ),
]


def test_reservations_are_printed_with_what_is_covered(tmp_path: Path) -> None:
    windows = [{"tenant": "xai", "gpus": 16, "start": "2026-11-23T12:00:00Z", "end": "2026-11-23T14:00:00+01:00"}]
    pool = manifests.pool(simulated={"nodes": 2, "gpusPerNode": 8}, reservations=windows)
    file = written(tmp_path, "estate.yaml", [pool, *ESTATE[1:]])
    found = as_json(plan("-f", file, "-o", "json"))["pools"]["h100"]
    assert found["reservations"] == [{**windows[0], "end": "2026-11-23T13:00:00Z", "covered": 0}]
    assert found["tenants"]["xai"]["guaranteed"] == 8
    assert " ".join(plan("-f", file).output.splitlines()[-1].split()) == (
        "h100 xai 16 0 2026-11-23T12:00:00Z 2026-11-23T13:00:00Z"
    )


@pytest.mark.parametrize(("text", "place", "said"), BAD)
def test_input_that_cannot_be_read_is_refused_with_exit_code_2(
    text: str, place: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "e.yaml"
    file.write_text(text, encoding="utf-8")
    result = plan("-f", str(file))
    assert result.exit_code == 2
    assert f"entente plan: {tmp_path}/{place}" in result.stderr
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(("-f", "missing.yaml"), "missing.yaml: cannot be read: No such file", id="no such file"),
        pytest.param(("-f", "-", "--as", "jane"), "they do not go with -f", id="a cluster beside files"),
        pytest.param(("-f", "-", "--with", "-"), "can be read once", id="standard input twice"),
        pytest.param(("-f", "-", "--set", "jobs.a/b.workers"), "has no `=`", id="a change without a value"),
        pytest.param(("-f", "-", "-o", "xml"), "'xml'", id="no such output"),
        pytest.param(("-f", "-", "--now", "noon"), "'noon' is not an RFC 3339 time", id="no time"),
    ],
)
def test_a_wrong_call_is_refused_with_exit_code_2(args: tuple[str, ...], said: str) -> None:
    result = plan(*args, stdin="")
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_job_that_cannot_be_is_no_error(tmp_path: Path) -> None:
    given = (*ESTATE, manifests.job(pools=["h200"]), manifests.job("huge", workers=99))
    made = as_json(plan("-f", written(tmp_path, "e.yaml", given), "-o", "json"))
    assert [d["reason"] for d in made["decisions"]] == ["NeverFits", "UnknownPool"]


def test_nothing_at_all_is_a_plan_without_decisions() -> None:
    assert as_json(plan("-f", "-", "-o", "json", stdin="")) == {"decisions": [], "pools": {}}
