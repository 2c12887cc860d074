"""A tenant has GPUs reserved for some time: kept before, taken back in it, and borrowed from its end on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from localplane import LocalPlane
from tests.support.estate import API, Estate
from tests.support.operators import OperatorProcess, running
from tests.support.plane import Json, eventually

NOTICE_S = 60
SOON_S = 8.0
LENGTH_S = 20.0
"""Of the window: the jobs are there before it ends."""


@pytest.fixture(scope="module")
def operator(plane: LocalPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    with running(plane, tmp_path_factory.mktemp("operator")) as process:
        yield process


def test_reserved_gpus_are_there_in_the_window_and_borrowed_after_it(estate: Estate) -> None:
    estate.make_pool(3, noticeSeconds=NOTICE_S)
    owner, guest = estate.tenant("owner", 8), estate.tenant("guest", 0)
    lab = estate.tenant("lab", 0)
    borrowers = [estate.job(guest, f"borrower-{number}", 1, 8) for number in range(2)]
    for borrower in borrowers:
        estate.await_phase(borrower, "Running")

    start = time.time() + SOON_S
    end = start + LENGTH_S
    reservation = {"tenant": _tenant(lab), "gpus": 16, "start": _moment(start), "end": _moment(end)}
    estate.plane.api.patch(f"{API}/gpupools/{estate.pool}", {"spec": {"reservations": [reservation]}})
    late = estate.job(guest, "late", 1, 8)
    estate.await_reason(late, "NotLent")
    own = estate.job(owner, "own", 1, 8)
    estate.await_phase(own, "Running")
    claim = estate.job(lab, "claim", 2, 8)
    estate.await_phase(claim, "Pending")
    assert [estate.status(borrower)["phase"] for borrower in borrowers] == ["Running", "Running"]
    assert time.time() < start, "the window opened before all was in place"

    status = estate.await_phase(claim, "Running", within=SOON_S + NOTICE_S)
    assert start < time.time() < start + NOTICE_S
    assert status["allocation"]["class"] == "Entitled"
    assert estate.status(own)["phase"] == "Running"
    told = [estate.status(borrower) for borrower in borrowers]
    assert [[entry["cause"] for entry in each["evictions"]] for each in told] == [["Guarantee"], ["Guarantee"]]
    assert _tenant(lab) not in str(told)
    assert _guaranteed(estate, lab) == 16
    assert _guaranteed(estate, owner) == 8
    condition = _condition(estate, "ReservationShort")
    assert condition is not None
    assert condition["status"] == "False"

    def borrowed() -> Json | None:
        now = estate.status(claim)
        return now if now["allocation"]["class"] == "Borrowed" else None

    status = eventually(borrowed, within=end - time.time() + 10, what="the end of the window")
    assert time.time() >= end
    assert (status["phase"], status["restarts"]) == ("Running", 0)


def test_a_pool_says_which_reservation_is_not_covered(estate: Estate) -> None:
    now = time.time()
    windows = [
        {"tenant": "first", "gpus": 8, "start": _moment(now + 3600), "end": _moment(now + 7200)},
        {"tenant": "second", "gpus": 8, "start": _moment(now + 3700), "end": _moment(now + 7200)},
    ]
    estate.make_pool(2, noticeSeconds=NOTICE_S, reservations=windows)
    estate.tenant("owner", 8)
    condition = eventually(lambda: _condition(estate, "ReservationShort"), within=30, what="the condition")
    assert condition["status"] == "True"
    assert "spec.reservations[1]: 0 of 8 GPUs" in condition["message"]


def _tenant(namespace: str) -> str:
    return namespace.removesuffix("-research")


def _guaranteed(estate: Estate, namespace: str) -> int:
    """What its status says once the figures are written."""

    def told() -> int | None:
        status = estate.plane.api.get(f"{API}/tenants/{_tenant(namespace)}").get("status", {})
        rows = status.get("pools") or [{}]
        guaranteed: int | None = rows[0].get("guaranteed")
        return guaranteed or None

    return eventually(told, within=15, what=f"the guarantee of {namespace}")


def _condition(estate: Estate, kind: str) -> Json | None:
    status = estate.plane.api.get(f"{API}/gpupools/{estate.pool}").get("status", {})
    return next((each for each in status.get("conditions", ()) if each["type"] == kind), None)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()
