import pytest

from entente.simulator.figures import hours, jain, mean, percentile, ratio


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(v) for v in range(1, 101)]
    assert [percentile(values, p) for p in (0, 50, 99, 100)] == [1.0, 50.0, 99.0, 100.0]
    assert percentile([7.0], 99) == 7.0
    assert percentile([3.0, 1.0], 50) == 1.0


def test_nothing_has_no_figures() -> None:
    assert (mean([]), percentile([], 50), jain([]), ratio(1, 0), hours(None)) == (None,) * 5


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        pytest.param([0.5, 0.5, 0.5], 1.0, id="all alike"),
        pytest.param([1.0, 0.0, 0.0, 0.0], 0.25, id="one has all"),
        pytest.param([1.0, 0.5], 0.9, id="between"),
    ],
)
def test_jains_index(shares: list[float], expected: float) -> None:
    assert jain(shares) == pytest.approx(expected)
