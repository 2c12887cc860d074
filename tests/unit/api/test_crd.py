"""The CustomResourceDefinitions say what the models say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gencrds
from entente.api.crd import crds, schema_of
from entente.api.job import TrainingJobSpec
from entente.api.pool import GPUPoolSpec
from entente.api.tenant import TenantSpec

DEFINITIONS = dict(crds())


def _root(plural: str) -> dict[str, Any]:
    schema: dict[str, Any] = DEFINITIONS[plural]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each schema inside a schema, with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from _nodes(child, f"{path}.{name}")
    for holder in ("items", "additionalProperties"):
        if holder in schema:
            yield from _nodes(schema[holder], f"{path}[]")


def test_the_files_are_those_that_the_models_give() -> None:
    assert gencrds.stale(gencrds.FOLDER) == []


def test_a_changed_a_missing_and_a_needless_file_are_stale(tmp_path: Path) -> None:
    for name, text in gencrds.files().items():
        (tmp_path / name).write_text(text)
    (tmp_path / "tenants.yaml").unlink()
    (tmp_path / "gpupools.yaml").write_text("kind: Other\n")
    (tmp_path / "queues.yaml").write_text("kind: Queue\n")
    assert gencrds.stale(tmp_path) == ["gpupools.yaml", "queues.yaml", "tenants.yaml"]


@pytest.mark.parametrize(
    ("plural", "short_names", "scope"),
    [
        ("gpupools", ["gpool", "gpools"], "Cluster"),
        ("tenants", ["ten"], "Cluster"),
        ("trainingjobs", ["tj"], "Namespaced"),
    ],
)
def test_a_kind_has_its_names_scope_category_and_status(plural: str, short_names: list[str], scope: str) -> None:
    spec = DEFINITIONS[plural]["spec"]
    assert spec["scope"] == scope
    assert spec["names"]["shortNames"] == short_names
    assert spec["names"]["categories"] == ["entente"]
    assert [version["subresources"] for version in spec["versions"]] == [{"status": {}}]


@pytest.mark.parametrize("plural", DEFINITIONS)
def test_schemas_are_structural(plural: str) -> None:
    for path, node in _nodes(_root(plural)):
        typed = "type" in node or node.get("x-kubernetes-int-or-string")
        assert typed, path
        assert not {"$ref", "anyOf", "oneOf", "const", "title", "patternProperties"} & node.keys(), path
        assert node.get("additionalProperties") is not True, path


@pytest.mark.parametrize("plural", DEFINITIONS)
def test_whatever_a_user_may_write_is_described(plural: str) -> None:
    bare = {"spec.template", "metadata", "apiVersion", "kind"}
    undescribed = [
        path[1:]
        for path, node in _nodes(_root(plural)["properties"]["spec"], ".spec")
        if "description" not in node and not path.endswith("[]") and not path.startswith(".spec.template.")
    ]
    assert set(undescribed) <= bare | KNOWN_BY_THEIR_NAMES


KNOWN_BY_THEIR_NAMES = {
    "spec.handover.image",
    "spec.handover.command",
    "spec.simulated.nodes",
    "spec.simulated.gpusPerNode",
    "spec.priorities[].name",
    "spec.members[].kind",
    "spec.budget.periodDays",
    "spec.topology.mode",
}


@pytest.mark.parametrize(
    ("model", "path", "default"),
    [
        (GPUPoolSpec, "resource", "nvidia.com/gpu"),
        (GPUPoolSpec, "noticeSeconds", 300),
        (GPUPoolSpec, "maxAtRiskSeconds", 3600),
        (GPUPoolSpec, "nodeSharing", "Exclusive"),
        (GPUPoolSpec, "usage", {"halfLifeSeconds": 604800}),
        (TenantSpec, "isolation", {"network": "Strict", "podSecurity": "restricted"}),
        (TenantSpec, "order", "FirstCome"),
        (TrainingJobSpec, "purpose", "Training"),
        (TrainingJobSpec, "retry", {"limit": 3, "backoffSeconds": 30}),
        (TrainingJobSpec, "suspend", False),
    ],
)
def test_defaults_are_written_as_they_are_on_the_wire(model: type[Any], path: str, default: object) -> None:
    assert schema_of(model)["properties"][path]["default"] == default


def test_keyed_lists_are_maps_and_ordered_ones_are_not() -> None:
    tenant, job = schema_of(TenantSpec)["properties"], schema_of(TrainingJobSpec)["properties"]
    assert tenant["pools"]["x-kubernetes-list-map-keys"] == ["name"]
    assert tenant["namespaces"]["x-kubernetes-list-type"] == "set"
    assert "x-kubernetes-list-type" not in job["pools"], "its order says which pool is best"


def test_a_status_takes_nulls_and_words_of_a_newer_operator() -> None:
    status = _root("trainingjobs")["properties"]["status"]["properties"]
    assert "enum" not in status["phase"]
    assert "Running" in status["phase"]["description"]
    assert status["queue"]["properties"]["eta"]["nullable"]
