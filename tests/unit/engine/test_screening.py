"""Jobs that cannot be, each with its reason; the others in their tenant's order."""

from collections.abc import Mapping

import pytest

from entente.api.job import Phase
from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.engine.state import State
from tests.support.estates import HOST, NOW, RACK, Draft, estate

PLAIN = estate().pool(hosts=4, racks=2).pool("a100", gpus=4).tenant("anthropic", 8)
SPENT = PLAIN.tenant("anthropic", 8, spent=WhenSpent.BLOCK)
ONE_PENDING = PLAIN.pending("anthropic/a")


def refused(draft: Draft) -> Mapping[str, Reason]:
    return {key: refusal.reason for key, refusal in State(draft.snapshot()).refused.items()}


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        pytest.param(PLAIN.pending("anthropic/x", suspend=True), Reason.SUSPENDED, id="suspended"),
        pytest.param(PLAIN.pending("anthropic/x", phase=Phase.SUSPENDED), Reason.SUSPENDED, id="not yet resumed"),
        pytest.param(PLAIN.pending("other/x", tenant=None), Reason.NO_TENANT, id="a namespace of nobody"),
        pytest.param(PLAIN.pending("other/x"), Reason.NO_TENANT, id="a tenant that is gone"),
        pytest.param(PLAIN.pending("anthropic/x", pools=("h200",)), Reason.UNKNOWN_POOL, id="no such pool"),
        pytest.param(
            estate().pool().tenant("anthropic", {"h200": 8}).pending("anthropic/x"),
            Reason.UNKNOWN_POOL,
            id="terms for a pool that is not there",
        ),
        pytest.param(PLAIN.pending("anthropic/x", pools=("a100",)), Reason.POOL_NOT_GRANTED, id="no terms for it"),
        pytest.param(
            estate().pool().tenant("anthropic", {}).pending("anthropic/x"),
            Reason.POOL_NOT_GRANTED,
            id="no terms at all",
        ),
        pytest.param(PLAIN.pending("anthropic/x", priority="urgent"), Reason.UNKNOWN_PRIORITY, id="no such priority"),
        pytest.param(PLAIN.pending("anthropic/x", gpus_per_worker=9), Reason.NEVER_FITS, id="a worker above a host"),
        pytest.param(PLAIN.pending("anthropic/x", workers=33), Reason.NEVER_FITS, id="a gang above the pool"),
        pytest.param(
            PLAIN.pending("anthropic/x", workers=7, gpus_per_worker=5),
            Reason.NEVER_FITS,
            id="workers that fill no host",
        ),
        pytest.param(
            PLAIN.pending("anthropic/x", workers=17, level=RACK, required=True), Reason.NEVER_FITS, id="above a rack"
        ),
        pytest.param(
            PLAIN.pending("anthropic/x", level="block", required=True),
            Reason.NEVER_FITS,
            id="a level that is not there",
        ),
        pytest.param(
            estate().pool(hosts=0).tenant("anthropic", 8).pending("anthropic/x"), Reason.NEVER_FITS, id="no hosts"
        ),
        pytest.param(SPENT.pending("anthropic/x"), Reason.BUDGET_SPENT, id="the budget is spent"),
        pytest.param(PLAIN.pending("anthropic/x", backoff_until=NOW + 9), Reason.BACKOFF, id="it failed lately"),
    ],
)
def test_a_job_that_cannot_be_waits_for_its_reason(draft: Draft, reason: Reason) -> None:
    assert list(refused(draft).values()) == [reason]


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        pytest.param(
            SPENT.pending("anthropic/x", suspend=True, pools=("h200",), gpus_per_worker=9),
            Reason.SUSPENDED,
            id="all at once",
        ),
        pytest.param(
            SPENT.pending("anthropic/x", pools=("a100",), priority="urgent"), Reason.POOL_NOT_GRANTED, id="pool first"
        ),
        pytest.param(
            SPENT.pending("anthropic/x", priority="urgent", workers=33), Reason.UNKNOWN_PRIORITY, id="priority next"
        ),
        pytest.param(
            SPENT.pending("anthropic/x", workers=33, backoff_until=NOW + 9),
            Reason.NEVER_FITS,
            id="size before the budget",
        ),
        pytest.param(
            SPENT.pending("anthropic/x", backoff_until=NOW + 9), Reason.BUDGET_SPENT, id="budget before backoff"
        ),
    ],
)
def test_of_several_reasons_the_first_is_given(draft: Draft, reason: Reason) -> None:
    assert list(refused(draft).values()) == [reason]


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param(ONE_PENDING, id="plain"),
        pytest.param(PLAIN.pending("anthropic/a", backoff_until=NOW), id="the backoff has just ended"),
        pytest.param(PLAIN.pending("anthropic/a", level="block"), id="an unknown level that is only preferred"),
        pytest.param(PLAIN.pending("anthropic/a", workers=16, level=RACK, required=True), id="just a rack"),
        pytest.param(PLAIN.pending("anthropic/a", gpus_per_worker=8, level=HOST, required=True), id="just a host"),
        pytest.param(PLAIN.pending("anthropic/a", elastic=(32, 64), workers=40), id="only the least must fit"),
        pytest.param(ONE_PENDING.node("h100-0", usable=False), id="a host that will come back"),
        pytest.param(
            PLAIN.running("anthropic/a", {"h100-0": 1}).node("h100-0", usable=False, lost=True),
            id="a gang on a lost node",
        ),
    ],
)
def test_a_job_that_may_be_is_in_the_walk(draft: Draft) -> None:
    state = State(draft.snapshot())
    assert state.refused == {}
    assert [p.job.key for p in state.queues["anthropic"]] == ["anthropic/a"]


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
def test_an_ended_job_is_no_demand(phase: Phase) -> None:
    state = State(PLAIN.pending("anthropic/a", phase=phase).snapshot())
    assert (len(state.queues["anthropic"]), state.refused) == (0, {})


def test_only_the_pools_in_which_it_fits_are_tried() -> None:
    draft = PLAIN.tenant("anthropic", {"a100": 4, "h100": 8})
    both = draft.pending("anthropic/a").pending("anthropic/b", gpus_per_worker=8)
    pools = {p.job.key: p.pools for p in State(both.snapshot()).queues["anthropic"]}
    assert pools == {"anthropic/a": ("a100", "h100"), "anthropic/b": ("h100",)}


def test_messages_say_what_is_asked_and_what_there_is() -> None:
    draft = PLAIN.pending("anthropic/a", gpus_per_worker=9).pending("anthropic/b", priority="urgent")
    messages = {key: refusal.message for key, refusal in State(draft.snapshot()).refused.items()}
    assert messages["anthropic/a"].startswith("A worker asks for 9 GPUs, but the largest host of pool h100 has 8. ")
    assert messages["anthropic/b"].startswith("Its tenant has no priority 'urgent'; it has: default, high, low. ")


ORDERED = (
    PLAIN.pending("anthropic/late", submitted=NOW - 10)
    .pending("anthropic/early", submitted=NOW - 20, expected_s=900.0)
    .pending("anthropic/short", submitted=NOW - 5, expected_s=60.0)
    .pending("anthropic/b", submitted=NOW - 20, max_s=300.0)
    .pending("anthropic/high", submitted=NOW, priority="high")
    .pending("anthropic/low", submitted=NOW - 99, priority="low")
)


@pytest.mark.parametrize(
    ("shortest", "expected"),
    [
        pytest.param(False, ["high", "b", "early", "late", "short", "low"], id="priority, first come, name"),
        pytest.param(
            True, ["high", "short", "b", "early", "late", "low"], id="priority, shortest, unknown length last"
        ),
    ],
)
def test_pending_jobs_are_in_the_tenants_order(*, shortest: bool, expected: list[str]) -> None:
    draft = ORDERED.tenant("anthropic", 8, shortest_first=shortest)
    entries = State(draft.snapshot()).queues["anthropic"]
    assert [p.job.key.partition("/")[2] for p in entries] == expected
