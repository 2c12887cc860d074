"""What `entente plan` reads, and how it refuses what it cannot read: with file, line and field."""

import io
import json
import sys
from pathlib import Path

import pytest
import yaml

from entente.cli.documents import InputError, read
from tests.support import manifests

JOB = yaml.safe_dump(manifests.job())


def written(folder: Path, text: str | bytes, name: str = "in.yaml") -> str:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


def node(**more: object) -> str:
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n0"}, **more})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("a: [1,\nb: }", "in.yaml:2: not YAML or JSON", id="no YAML"),
        pytest.param("\tkind: x", "in.yaml:1: not YAML or JSON", id="a tab"),
        pytest.param("a: !!python/object:os.system x", "not YAML or JSON", id="a tag that would run code"),
        pytest.param(b"\xff\xfe\x00", "in.yaml: cannot be read: it is not UTF-8 text", id="not UTF-8"),
        pytest.param("just words", "in.yaml:1: not a Kubernetes object", id="a string"),
        pytest.param("[1, 2]", "in.yaml:1: not a Kubernetes object", id="a list"),
        pytest.param("a: 1\n---\nb: 2", "in.yaml:1: not a Kubernetes object", id="no kind"),
        pytest.param("kind: GPUPool\napiVersion: entente.dev/v2", "in.yaml:2: GPUPool", id="another version"),
        pytest.param(JOB.replace("workers: 1", "workers: '1'"), "spec.workers: ", id="a number in quotes"),
        pytest.param(JOB.replace("workers: 1", f"workers: {10**20}"), "(given: 1000000", id="a huge number"),
        pytest.param(JOB.replace("name: train\n", "name: 17\n"), "metadata.name: ", id="a name that is a number"),
        pytest.param(JOB.replace("workers:", "wrokers:"), "spec.", id="a misspelt field"),
        pytest.param("kind: TrainingJob\napiVersion: entente.dev/v1alpha1\nspec: {}", "metadata", id="no metadata"),
        pytest.param(JOB + "---\n" + JOB, "TrainingJob anthropic-research/train is given twice", id="twice"),
        pytest.param(
            yaml.safe_dump({**manifests.job(), "status": {"startTime": "2026-13-45"}}),
            "status.startTime: ",
            id="a day that is none",
        ),
        pytest.param(
            yaml.safe_dump(
                {**manifests.tenant(), "status": {"pools": [{"name": "h", "borrowedGpuSeconds": float("inf")}]}}
            ),
            "status.pools.0.borrowedGpuSeconds: ",
            id="an infinite number",
        ),
        pytest.param(node(status={"allocatable": {"nvidia.com/gpu": "8x"}}), "status.allocatable: ", id="no quantity"),
        pytest.param(node(metadata={"name": "n0", "labels": {"rack": 1}}), "metadata.labels.rack: ", id="a label"),
        pytest.param("kind: Pod\nmetadata: {namespace: x}\nspec: {}", "Pod x/None: metadata.name: ", id="no name"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_line_and_field(
    text: str | bytes, wanted: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refusal:
        read([written(tmp_path, text)])
    assert wanted in str(refusal.value)
    assert "in.yaml" in str(refusal.value)


def test_the_line_is_that_of_the_wrong_field(tmp_path: Path) -> None:
    text = yaml.safe_dump_all([manifests.pool(), manifests.job(workers=0)])
    line = text.splitlines().index("  workers: 0") + 1
    with pytest.raises(InputError, match=rf"in\.yaml:{line}: TrainingJob .*spec\.workers"):
        read([written(tmp_path, text)])


def test_the_line_is_found_in_json_with_tabs_and_in_lists(tmp_path: Path) -> None:
    bad = {"apiVersion": "v1", "kind": "List", "items": [manifests.pool(), manifests.job(workers=0)]}
    text = json.dumps(bad, indent="\t")
    line = next(i for i, row in enumerate(text.splitlines(), start=1) if '"workers"' in row)
    with pytest.raises(InputError, match=rf"in\.json:{line}: TrainingJob"):
        read([written(tmp_path, text, "in.json")])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("---\n# a comment\n---\n", id="comments"),
        pytest.param("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}", id="another kind"),
        pytest.param("apiVersion: example.com/v1\nkind: Tenant\nspec: 3", id="a kind of that name of others"),
        pytest.param('{"kind": "List", "items": []}', id="an empty list"),
        pytest.param('{"kind": "List", "items": null}', id="a list of null"),
    ],
)
def test_what_is_none_of_its_objects_is_left_out(text: str, tmp_path: Path) -> None:
    found = read([written(tmp_path, text)])
    assert not any((found.pools, found.tenants, found.jobs, found.nodes, found.pods))


def test_null_is_as_good_as_absent(tmp_path: Path) -> None:
    job = {**manifests.job(), "status": None}
    running = {**manifests.job("other"), "status": {"phase": "Running", "queue": None, "startTime": None}}
    found = read([written(tmp_path, yaml.safe_dump_all([job, running]))])
    assert [j.metadata.name for j in found.jobs] == ["train", "other"]


def test_times_need_no_quotes(tmp_path: Path) -> None:
    text = JOB + "status: {phase: Running, startTime: 2026-11-23T10:00:00Z}\n"
    (job,) = read([written(tmp_path, text)]).jobs
    assert job.status.start_time is not None
    assert job.status.start_time.isoformat() == "2026-11-23T10:00:00+00:00"


def test_quantities_are_read_as_the_api_server_prints_them(tmp_path: Path) -> None:
    (found,) = read(
        [written(tmp_path, node(status={"allocatable": {"rdma/shared": "1k", "nvidia.com/gpu": "8"}}))]
    ).nodes
    assert found.allocatable == {"rdma/shared": 1000, "nvidia.com/gpu": 8}


def test_a_byte_order_mark_and_carriage_returns_do_not_matter(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + JOB.replace("\n", "\r\n").encode()
    assert len(read([written(tmp_path, text)]).jobs) == 1


def test_items_of_a_typed_list_need_not_say_what_they_are(tmp_path: Path) -> None:
    item = {k: v for k, v in manifests.job().items() if k not in ("kind", "apiVersion")}
    text = json.dumps({"apiVersion": "entente.dev/v1alpha1", "kind": "TrainingJobList", "items": [item]})
    assert len(read([written(tmp_path, text)]).jobs) == 1


def test_a_job_without_a_namespace_is_in_the_default_one(tmp_path: Path) -> None:
    job = manifests.job()
    del job["metadata"]["namespace"]
    assert read([written(tmp_path, yaml.safe_dump(job))]).jobs[0].key == "default/train"


def test_folders_are_read_file_by_file_but_not_below(tmp_path: Path) -> None:
    written(tmp_path, JOB, "a.yaml")
    written(tmp_path, yaml.safe_dump(manifests.pool()), "b.yml")
    written(tmp_path, json.dumps(manifests.tenant()), "c.json")
    written(tmp_path, "not: [read", "d.txt")
    (tmp_path / "folder.yaml").mkdir()
    found = read([str(tmp_path)])
    assert (len(found.pools), len(found.tenants), len(found.jobs)) == (1, 1, 1)


def test_a_folder_without_any_file_of_the_right_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no file"):
        read([str(tmp_path)])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read: No such file"):
        read([str(tmp_path / "none.yaml")])


def test_standard_input_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8"))
    with pytest.raises(InputError, match="<stdin>: cannot be read: it is not UTF-8 text"):
        read(["-"])
