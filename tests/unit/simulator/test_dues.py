import pytest

from entente.simulator.dues import Wish, dues

MANY = 10**9


@pytest.mark.parametrize(
    ("capacity", "wishes", "expected"),
    [
        pytest.param(10, [Wish(3, 5, MANY, 1), Wish(4, 5, MANY, 1)], [3, 4], id="all have what they ask for"),
        pytest.param(10, [Wish(20, 4, MANY, 1), Wish(20, 4, MANY, 1)], [5, 5], id="the surplus is divided"),
        pytest.param(10, [Wish(20, 4, MANY, 3), Wish(20, 4, MANY, 1)], [5.5, 4.5], id="by weight"),
        pytest.param(12, [Wish(5, 4, MANY, 1), Wish(20, 4, MANY, 1)], [5, 7], id="who asks for less leaves the rest"),
        pytest.param(12, [Wish(20, 4, 4, 1), Wish(20, 4, MANY, 1)], [4, 8], id="nobody above its limit"),
        pytest.param(6, [Wish(20, 8, MANY, 1), Wish(20, 4, MANY, 1)], [4, 2], id="guarantees that do not fit shrink"),
        pytest.param(10, [Wish(20, 0, MANY, 1), Wish(5, 10, MANY, 1)], [5, 5], id="an idle guarantee is lent"),
    ],
)
def test_what_is_due(capacity: int, wishes: list[Wish], expected: list[float]) -> None:
    assert dues(capacity, wishes) == pytest.approx(expected)
