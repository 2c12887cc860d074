import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.simulator.quotas import QuotaError, proportional


def test_guarantees_follow_the_work_by_largest_remainder() -> None:
    assert proportional(10, {"a": 2.0, "b": 1.0}, {"a": 0, "b": 0}) == {"a": 7, "b": 3}


def test_nobody_is_below_its_largest_gang_and_the_others_divide_the_rest() -> None:
    assert proportional(100, {"a": 98.0, "b": 1.0, "c": 1.0}, {"a": 8, "b": 16, "c": 1}) == {"a": 83, "b": 16, "c": 1}


def test_where_hosts_are_not_shared_guarantees_are_whole_hosts() -> None:
    assert proportional(64, {"a": 5.0, "b": 3.0}, {"a": 1, "b": 9}, unit=8) == {"a": 40, "b": 24}


def test_gangs_that_do_not_fit_together_are_refused_with_the_numbers() -> None:
    with pytest.raises(QuotaError, match="the largest gangs of all tenants need 24 GPUs, and the pools have 16"):
        proportional(16, {"a": 1.0, "b": 1.0}, {"a": 16, "b": 8})


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 20)), min_size=1, max_size=8))
def test_all_is_given_out_and_floors_hold(tenants: list[tuple[int, int]]) -> None:
    work = {f"t{i}": float(w) for i, (w, _) in enumerate(tenants)}
    least = {f"t{i}": floor for i, (_, floor) in enumerate(tenants)}
    capacity = sum(least.values()) + 37
    found = proportional(capacity, work, least)
    assert sum(found.values()) == capacity
    assert all(found[name] >= least[name] for name in work)
