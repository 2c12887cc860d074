"""Whole units of Kubernetes quantities."""

import pytest

from entente.api.core import NodeRecord, whole_units


@pytest.mark.parametrize(
    ("quantity", "units"),
    [
        ("8", 8),
        (8, 8),
        ("0", 0),
        ("1k", 1000),
        ("4Ki", 4096),
        ("1500m", 1),
        ("2e3", 2000),
        ("1.5", 1),
        ("3G", 3 * 10**9),
    ],
)
def test_quantities_are_read_as_the_api_server_prints_them(quantity: object, units: int) -> None:
    assert whole_units(quantity) == units


@pytest.mark.parametrize("quantity", ["", "k", "8x", "-", "1e999", "eight", None, True, [8]])
def test_what_is_no_quantity_is_refused(quantity: object) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        whole_units(quantity)


def test_a_node_that_offers_a_thousand_of_something_can_be_read() -> None:
    offered = {"cpu": "96", "nvidia.com/gpu": "8", "rdma/shared": "1k"}
    node = NodeRecord.from_object({"metadata": {"name": "n0"}, "status": {"allocatable": offered}})
    assert node.allocatable == {"nvidia.com/gpu": 8, "rdma/shared": 1000}
