"""The schema of the chart's values: the defaults keep it, mistakes are refused where they are made."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

CHART = Path(__file__).parents[3] / "helm" / "entente"
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())

NOT_IN_VALUES = {"global", "resources.claims"}
"""Allowed, but without a default."""


def paths(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted path of every leaf that the schema names; a probe's fields are left to the probe."""
    for name, part in schema.get("properties", {}).items():
        if part.get("properties") and prefix != "probes.":
            yield from paths(part, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def lookup(path: str) -> Any:  # noqa: ANN401 # a value of any type
    value: Any = VALUES
    for name in path.split("."):
        value = value[name]
    return value


def with_value(path: str, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(VALUES)
    *parents, last = path.split(".")
    part = changed
    for name in parents:
        part = part[name]
    part[last] = value
    return changed


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_the_defaults_keep_the_schema() -> None:
    Draft7Validator(SCHEMA).validate(VALUES)


@pytest.mark.parametrize("path", [path for path in paths(SCHEMA) if path not in NOT_IN_VALUES])
def test_every_value_of_the_schema_has_a_default(path: str) -> None:
    lookup(path)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param("replicaCount", 2, "'replicaCount' was unexpected", id="a misspelt value"),
        pytest.param("replicas", 0, "0 is less than the minimum of 1", id="no replica"),
        pytest.param("replicas", "2", "'2' is not of type 'integer'", id="replicas in quotes"),
        pytest.param("image.digest", "sha256:123", "'sha256:123' does not match", id="a digest cut short"),
        pytest.param("image.tag", "a b", "'a b' does not match", id="a tag with a space"),
        pytest.param("image.pullPolicy", "Sometimes", "'Sometimes' is not one of", id="an unknown pull policy"),
        pytest.param("imagePullSecrets", ["regcred"], "'regcred' is not of type 'object'", id="a secret by bare name"),
        pytest.param("extraLabels.n", 1, "1 is not of type 'string'", id="a label that is a number"),
        pytest.param("crds.enabled", True, "'enabled' was unexpected", id="an unknown switch of the CRDs"),
        pytest.param("health.port", 80, "80 is less than the minimum of 1024", id="a port that needs root"),
        pytest.param("debug.address", "::", "'address' was unexpected", id="a debug port that others can reach"),
        pytest.param("debug.port", 0, "0 is less than the minimum of 1024", id="a debug port that nobody knows"),
        pytest.param("leaderElection.durationSeconds", 1, "1 is less than the minimum", id="a lease too short to keep"),
        pytest.param("operator.logLevel", "loud", "'loud' is not one of", id="an unknown log level"),
        pytest.param("topologySpread.whenUnsatisfiable", "Maybe", "'Maybe' is not one of", id="an unknown spread"),
        pytest.param("podDisruptionBudget.maxUnavailable", 0, "is not valid under any", id="a budget that blocks"),
        pytest.param("probes.liveness.path", "/", "'path' was unexpected", id="a probe elsewhere"),
        pytest.param("metrics.serviceMonitor.interval", "30", "'30' does not match", id="an interval without unit"),
        pytest.param("prometheusRule.noticeSeconds", 100, "100 is not one of [30, 60,", id="a notice between bounds"),
        pytest.param("prometheusRule.noticeSecondsByPool.h100", "60", "'60' is not one of", id="a notice in quotes"),
        pytest.param(
            "prometheusRule.unusableShare", 10, "10 is greater than the maximum of 1", id="a share in percent"
        ),
        pytest.param("networkPolicy.apiServerPorts", [], "should be non-empty", id="no way to the API server"),
        pytest.param("networkPolicy.apiServerPorts", [0], "0 is less than the minimum", id="port zero"),
    ],
)
def test_a_mistake_is_refused_at_its_place(path: str, value: object, message: str) -> None:
    errors = list(Draft7Validator(SCHEMA).iter_errors(with_value(path, value)))

    (error,) = errors
    assert message in error.message
    assert path.startswith(".".join(str(part) for part in error.absolute_path if isinstance(part, str)))
