"""A claim lasts from when its job was entitled to when it was placed."""

from datetime import UTC, datetime

from demo.claims import Claim, Claims
from tests.support.demo import job

T5, T9, T12 = (f"2026-03-01T10:00:{second:02}Z" for second in (5, 9, 12))
HOLD = {"pool": "h100", "nodes": {"n0": 1}, "since": T5, "until": T12}
NOW = datetime(2026, 3, 1, 10, 0, 20, tzinfo=UTC).timestamp()


def entitled(since: str, *, held: bool = False) -> dict[str, object]:
    return {"queue": {"entitledSince": since}} | ({"hold": HOLD} if held else {})


def placed(at: str) -> dict[str, object]:
    return {"phase": "Starting", "nodes": {"n0": 1}, "allocation": {"placed": at}}


def seen(*states: dict[str, object], gone: bool = False) -> Claims:
    claims = Claims()
    for state in states:
        claims.see(job("a", **state), gone=gone)  # type: ignore[arg-type] # fields of a job
    return claims


KEY = "anthropic-research/a"


def test_a_claim_is_met_when_its_job_is_placed() -> None:
    claims = seen(entitled(T5), placed(T9))
    assert claims.met() == (Claim(KEY, 4.0, reclaimed=False),)
    assert not claims.waiting(NOW)


def test_a_job_that_ever_had_a_hold_was_reclaimed_for() -> None:
    claims = seen(entitled(T5), entitled(T5, held=True), entitled(T5), placed(T9))
    assert claims.met() == (Claim(KEY, 4.0, reclaimed=True),)


def test_a_claim_that_is_not_met_yet_goes_on() -> None:
    assert seen(entitled(T5, held=True)).waiting(NOW) == {KEY: Claim(KEY, 15.0, reclaimed=True)}


def test_a_notice_that_starts_anew_counts_from_then() -> None:
    assert seen(entitled(T5, held=True), entitled(T9), placed(T12)).met() == (Claim(KEY, 3.0, reclaimed=False),)


def test_a_job_that_is_entitled_no_more_claims_nothing() -> None:
    claims = seen(entitled(T5), {}, placed(T9))
    assert not claims.met()
    assert not claims.waiting(NOW)


def test_a_borrowed_job_and_one_that_is_gone_claim_nothing() -> None:
    assert not seen({}, placed(T9)).met()
    claims = seen(entitled(T5))
    claims.see(job("a", **entitled(T5)), gone=True)  # type: ignore[arg-type] # fields of a job
    assert not claims.waiting(NOW)


def test_each_start_of_a_job_is_a_claim_of_its_own() -> None:
    claims = seen(entitled(T5), placed(T9), {"phase": "Stopping"}, entitled(T9), placed(T12))
    assert [claim.seconds for claim in claims.met()] == [4.0, 3.0]


def test_a_start_lasts_from_being_placed_to_running_and_counts_once() -> None:
    running: dict[str, object] = {"phase": "Running", "nodes": {"n0": 1}, "allocation": {"placed": T5}, "startTime": T9}
    again: dict[str, object] = {
        "phase": "Running",
        "nodes": {"n0": 1},
        "allocation": {"placed": T12},
        "startTime": T12,
        "restarts": 1,
    }
    assert seen(running, running, again).start_seconds() == 2.0


def test_without_a_start_none_took_any_time() -> None:
    assert seen(entitled(T5), placed(T9)).start_seconds() == 0.0
