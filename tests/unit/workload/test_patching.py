"""The smallest merge patch."""

import pytest

from entente.workload.patching import merge_patch

CASES = {
    "nothing has changed": ({"a": 1, "b": {"c": [1]}}, {"a": 1, "b": {"c": [1]}}, {}),
    "a value has changed": ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 3}),
    "a field is gone": ({"a": 1, "b": 2}, {"a": 1}, {"b": None}),
    "a field is new": ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    "something deep has changed": ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
    "a list changes as a whole": ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
    "an object becomes a value": ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
    "a false value is written": ({}, {"a": 0, "b": False}, {"a": 0, "b": False}),
}


@pytest.mark.parametrize(("before", "after", "patch"), CASES.values(), ids=CASES)
def test_the_patch_holds_what_has_changed(
    before: dict[str, object], after: dict[str, object], patch: dict[str, object]
) -> None:
    assert merge_patch(before, after) == patch
