"""How findings become conditions."""

from datetime import UTC, datetime

import pytest

from entente.api.base import Condition
from entente.tenancy.findings import DELETING, NAMESPACE_TAKEN, READY, RELEASING, UNKNOWN_POOL, Finding, conditions

EARLIER, NOW = datetime.fromtimestamp(1000, tz=UTC), datetime.fromtimestamp(2000, tz=UTC)

TAKEN = Finding(NAMESPACE_TAKEN, NAMESPACE_TAKEN, "namespace a is not available")
UNKNOWN = Finding(UNKNOWN_POOL, UNKNOWN_POOL, "there is no GPUPool x")


def _conditions(present: list[Condition], *findings: Finding) -> dict[str, Condition]:
    made = conditions(present, findings, ready="all well", generation=3, now=NOW.timestamp())
    assert [each.type for each in made] == sorted(each.type for each in made)
    return {each.type: each for each in made}


def _condition(type_: str, status: str = "True") -> Condition:
    return Condition(type=type_, status=status, reason="R", message="m", last_transition_time=EARLIER)


def test_nothing_found_is_ready() -> None:
    ready = _conditions([])[READY]
    assert (ready.status, ready.message, ready.observed_generation) == ("True", "all well", 3)
    assert ready.last_transition_time == NOW


def test_what_is_wrong_is_told_by_its_own_condition_and_by_ready() -> None:
    told = _conditions([], TAKEN, UNKNOWN)
    assert told.keys() == {READY, NAMESPACE_TAKEN, UNKNOWN_POOL}
    assert told[READY].status == "False"
    assert told[READY].message == "namespace a is not available; there is no GPUPool x"


@pytest.mark.parametrize("type_", [RELEASING, DELETING])
def test_what_only_takes_time_leaves_the_tenant_ready(type_: str) -> None:
    told = _conditions([], Finding(type_, "JobsRemain", "2 jobs"))
    assert (told[type_].message, told[READY].status) == ("2 jobs", "True")


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    told = _conditions([_condition(NAMESPACE_TAKEN), _condition(READY)], TAKEN)
    assert told[NAMESPACE_TAKEN].last_transition_time == EARLIER
    assert told[READY].last_transition_time == NOW


def test_what_is_over_goes_and_what_others_decided_stays() -> None:
    told = _conditions([_condition(NAMESPACE_TAKEN), _condition("GuaranteeRoundedDown")])
    assert told.keys() == {READY, "GuaranteeRoundedDown"}
