"""Names are deterministic, fit, and tell apart what had to be cut."""

import re

import pytest

from entente.workload.naming import MAX_LABEL, fit, label_value, pod_name, service_name
from tests.support.workloads import job

DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")

NAMES = {
    "a short name": "llm-70b",
    "a name as long as a label": "x" * 63,
    "the longest name": "x" * 253,
    "a name with dots": "llm.70b.v2",
    "a name that ends where it is cut in a hyphen": "a" * 50 + "-" * 10 + "b" * 20,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_pods_name_is_a_host_name(name: str) -> None:
    made = pod_name(name, 12, 99_999)
    assert len(made) <= MAX_LABEL
    assert DNS_LABEL.match(made)
    assert made.endswith("-12-99999")


def test_a_plain_name_is_kept_whole() -> None:
    assert pod_name("llm-70b", 0, 3) == "llm-70b-0-3"


def test_names_that_had_to_be_changed_stay_different() -> None:
    assert fit("llm.70b", "-0") != fit("llm-70b", "-0")
    assert fit("x" * 70 + "a", "-0") != fit("x" * 70 + "b", "-0")


def test_a_service_begins_with_a_letter_and_differs_from_that_of_the_next_job_of_the_same_name() -> None:
    first = service_name(job(name="70b", meta={"uid": "aaaaaaaa-0000-0000-0000-000000000000"}))
    second = service_name(job(name="70b", meta={"uid": "bbbbbbbb-0000-0000-0000-000000000000"}))
    assert first == "j70b-aaaaaaaa"
    assert first != second


def test_a_labels_value_is_cut_with_a_digest() -> None:
    assert label_value("short") == "short"
    long = [label_value("x" * 100 + end) for end in ("a", "b")]
    assert all(len(value) <= MAX_LABEL for value in long)
    assert long[0] != long[1]
