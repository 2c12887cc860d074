import pytest

import floor


@pytest.mark.parametrize(
    ("at", "measured", "earlier", "complaint"),
    [
        pytest.param(95, 95.0, [], None, id="measured is the floor"),
        pytest.param(95, 96.0, [90, 95], None, id="a point above it"),
        pytest.param(
            95, 96.6, [95], "set fail_under in pyproject.toml to 96, not 95", id="more than a point and a half above it"
        ),
        pytest.param(95, 94.9, [95], "coverage is 94.9 %, and must be 95 % or more", id="below it"),
        pytest.param(90, 90.5, [90, 95], "fail_under must not fall: it is 90, and was 95", id="a floor that fell"),
    ],
)
def test_a_floor_is_where_it_belongs(at: float, measured: float, earlier: list[float], complaint: str | None) -> None:
    found = floor.complaints(at, measured, earlier)

    if complaint is None:
        assert found == []
    else:
        (said,) = found
        assert complaint in said


def test_git_knows_the_floors_that_were() -> None:
    assert all(0 < earlier <= 100 for earlier in floor.earlier_floors())
