"""Who must leave reserved GPUs alone."""

from dataclasses import replace

import pytest

from entente.engine.reservations import Reservation, Taker, binds, started
from tests.support.estates import NOW, a_pool

SOON, FAR = NOW + 600.0, NOW + 7201.0
"""A turn farther away than 2 x maxAtRiskSeconds (7200 s) is far."""


def reservation(**fields: object) -> Reservation:
    """A borrowed job of anthropic that is within its due has four of eight GPUs in ten minutes."""
    plain = Reservation(
        job="anthropic/big",
        tenant="anthropic",
        pool=a_pool(),
        priority=100,
        workers={"n": 1},
        gpus={"n": 4},
        room={"n": 8},
        turn=SOON,
        entitled=False,
        own=False,
        binds_others=True,
    )
    return replace(plain, **fields)  # type: ignore[arg-type] # fields of the dataclass, as each case says them


def taker(**fields: object) -> Taker:
    """A borrowed job of another tenant that runs for nobody knows how long."""
    plain = Taker("xai", entitled=False, priority=100, ends=None)
    return replace(plain, **fields)  # type: ignore[arg-type] # fields of the dataclass, as each case says them


OWN_TENANT = {"tenant": "anthropic"}


@pytest.mark.parametrize(
    ("kept", "wanting", "expected"),
    [
        pytest.param(reservation(), taker(), True, id="a borrower of unknown length"),
        pytest.param(reservation(), taker(ends=SOON), False, id="over just in time"),
        pytest.param(reservation(), taker(ends=SOON + 1), True, id="over too late"),
        pytest.param(reservation(turn=None), taker(ends=SOON), True, id="nobody knows what in time is"),
        pytest.param(reservation(), taker(entitled=True), False, id="another tenant's guarantee"),
        pytest.param(
            reservation(own=True, entitled=True), taker(entitled=True), True, id="GPUs that come free are its own"
        ),
        pytest.param(reservation(own=True), taker(ends=SOON), False, id="even these, by who is over in time"),
        pytest.param(reservation(binds_others=False), taker(), False, id="beyond its due it binds no other tenant"),
        pytest.param(reservation(binds_others=False), taker(**OWN_TENANT), True, id="but its own tenant's"),
        pytest.param(reservation(), taker(on_call=True), True, id="on call for a turn that is near"),
        pytest.param(reservation(turn=FAR), taker(on_call=True), False, id="on call for a turn that is far"),
        pytest.param(reservation(turn=None), taker(on_call=True), False, id="on call for a turn that nobody knows"),
        pytest.param(reservation(turn=FAR), taker(), True, id="far, and not on call"),
        pytest.param(reservation(priority=200), taker(**OWN_TENANT), False, id="one that it could evict anyway"),
        pytest.param(
            reservation(priority=200), taker(**OWN_TENANT, entitled=True), False, id="entitled, within its due"
        ),
        pytest.param(
            reservation(priority=200, within_due=False),
            taker(**OWN_TENANT, entitled=True),
            True,
            id="an entitled one that it could not evict",
        ),
        pytest.param(reservation(), taker(**OWN_TENANT), True, id="equal priority in the same tenant"),
    ],
)
def test_who_is_bound(kept: Reservation, wanting: Taker, *, expected: bool) -> None:
    assert binds(kept, wanting, NOW) is expected


def test_room_at_the_turn_shrinks_by_what_is_still_there_then() -> None:
    kept = reservation()
    assert kept.slack("n") == 4
    started(kept, "n", 1, SOON)
    started(kept, "other", 4, None)
    assert kept.slack("n") == 4, "over in time, or elsewhere"
    started(kept, "n", 3, SOON + 1)
    assert kept.slack("n") == 1
    started(kept, "n", 3, None)
    assert kept.slack("n") == 0, "never negative"


@pytest.mark.parametrize(
    ("turn", "far"),
    [
        pytest.param(None, True, id="unknown"),
        pytest.param(FAR, True, id="beyond twice what may be at risk"),
        pytest.param(FAR - 1, False, id="just within"),
    ],
)
def test_far_turns(turn: float | None, *, far: bool) -> None:
    assert reservation(turn=turn).far(NOW) is far
