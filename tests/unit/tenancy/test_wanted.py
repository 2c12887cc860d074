"""Comparing what is there with what is wanted."""

from typing import Any

import pytest

from entente.kube.kinds import ROLE
from entente.tenancy.wanted import wanted
from tests.support.manifests import changed

WANTED = wanted(ROLE, "anthropic", "r", "a", rules=[{"verbs": ["get"]}])
PRESENT = {"kind": "Role", "rules": [{"verbs": ["get"]}], "metadata": {**WANTED.body["metadata"], "uid": "1"}}


@pytest.mark.parametrize(
    ("present", "met"),
    [
        pytest.param(PRESENT, True, id="what the server adds does not matter"),
        pytest.param(changed(PRESENT, metadata__labels__more="x"), True, id="a further label does not matter"),
        pytest.param(changed(PRESENT, metadata__labels={}), False, id="a label is missing"),
        pytest.param(changed(PRESENT, rules=[{"verbs": ["get", "list"]}]), False, id="something was added"),
        pytest.param(changed(PRESENT, rules=None), False, id="something is missing"),
    ],
)
def test_drift_is_seen(present: dict[str, Any], *, met: bool) -> None:
    assert WANTED.is_met_by(present) is met
