"""What is reserved for whom until its turn, seen in whole decisions."""

import pytest

from entente.api.reasons import Reason
from entente.engine.decisions import Evict, Hold, Start, Wait
from entente.engine.planner import decide
from tests.support.estates import NOW, estate

TWO = estate().pool(hosts=2).tenant("a", 8).tenant("b", 8).tenant("c", 0)


def test_what_comes_free_for_an_entitled_job_in_time_is_its_own_against_entitled_jobs_too() -> None:
    draft = (
        TWO.running("c/ends", {"h100-0": 4}, ran_s=3540.0, max_s=3600.0)
        .running("b/has", {"h100-1": 4})
        .running("c/stays", {"h100-1": 4})
        .pending("a/whole", gpus_per_worker=8)
        .pending("b/half", gpus_per_worker=4, submitted=NOW)
    )
    decisions = {d.job: d for d in decide(draft.snapshot()).decisions}
    waits = decisions["a/whole"]
    assert isinstance(waits, Wait)
    assert (waits.reason, waits.eta) == (Reason.RESERVED, NOW + 60.0)
    assert isinstance(decisions["b/half"], Hold)
    assert isinstance(decisions["c/stays"], Evict), "and not four idle GPUs of the host that a/whole waits for"


@pytest.mark.parametrize(
    ("waited_s", "on_call"),
    [pytest.param(599.0, False, id="too young to name hosts"), pytest.param(600.0, True, id="old enough")],
)
def test_hosts_are_named_for_a_job_without_a_turn_once_it_waited_its_time(*, waited_s: float, on_call: bool) -> None:
    draft = (
        estate()
        .pool(hosts=2)
        .tenant("a", 0)
        .tenant("b", 0)
        .running("b/old", {"h100-0": 4, "h100-1": 4})
        .pending("a/whole", gpus_per_worker=8, submitted=NOW - waited_s)
        .pending("b/new", workers=8, submitted=NOW)
    )
    started = next(d for d in decide(draft.snapshot()).decisions if d.job == "b/new")
    assert isinstance(started, Start)
    assert started.on_call is on_call
