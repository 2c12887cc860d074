"""Why a job waits: the first reason that holds, figures that add up, and nothing of any other tenant."""

import re

import pytest

from entente.api.job import AllocationClass
from entente.api.reasons import Reason
from entente.engine.decisions import Plan, Wait
from entente.engine.model import Placement, Terms
from entente.engine.planner import decide
from tests.support.estates import HOUR_S, NOW, RACK, Draft, JobFields, estate

MINE = "mine"
OTHERS = ("zebra", "quagga")
SIZES = (1009, 2003, 3001)
"""GPUs of others' jobs: primes that no sum or difference of the other figures gives."""

BIG = 10_007
"""GPUs of a host."""


def waits(plan: Plan) -> dict[str, Wait]:
    return {d.job: d for d in plan.decisions if isinstance(d, Wait)}


def others(draft: Draft, *, size: int = SIZES[0], ran_s: float = HOUR_S, expected_s: float | None = None) -> Draft:
    """Another tenant's job on the first host."""
    return draft.running("zebra/zebra-secret", {"h100-0": 1}, gpus_per_worker=size, ran_s=ran_s, expected_s=expected_s)


ONE_HOST = estate().pool(gpus=BIG).tenant(MINE, 0).tenant("zebra", 0).tenant("quagga", 0)
ASKS = 9_500
"""Too much beside any of the others' jobs."""

CASES = [
    pytest.param(
        others(ONE_HOST.tenant(MINE, Terms(0, borrow_limit=100))).pending("mine/x", gpus_per_worker=ASKS),
        Reason.ABOVE_BORROW_LIMIT,
        id="above the borrow limit",
    ),
    pytest.param(
        ONE_HOST.tenant("zebra", Terms(SIZES[1], lend_limit=0)).pending("mine/x", gpus_per_worker=ASKS),
        Reason.NOT_LENT,
        id="idle, but kept back",
    ),
    pytest.param(
        others(ONE_HOST, size=SIZES[2], ran_s=60.0).pending("mine/x", gpus_per_worker=ASKS),
        Reason.ABOVE_FAIR_SHARE,
        id="others borrow",
    ),
    pytest.param(
        others(ONE_HOST.tenant("zebra", SIZES[0])).pending("mine/x", gpus_per_worker=ASKS),
        Reason.NO_FREE_GPUS,
        id="others use what is theirs",
    ),
    pytest.param(
        others(ONE_HOST.tenant("zebra", SIZES[0]), expected_s=4000.0).pending("mine/x", gpus_per_worker=ASKS),
        Reason.RESERVED,
        id="another's job ends at a known time",
    ),
    pytest.param(
        ONE_HOST.stopping("zebra/zebra-secret", {"h100-0": 1}, gpus_per_worker=SIZES[0], until=NOW + 25.0).pending(
            "mine/x", gpus_per_worker=ASKS
        ),
        Reason.RESERVED,
        id="another's job is stopping",
    ),
    pytest.param(
        others(estate().pool(hosts=2, gpus=BIG).tenant(MINE, 0).tenant("zebra", 2 * SIZES[1]), size=SIZES[1])
        .running("zebra/quagga-secret", {"h100-1": 1}, gpus_per_worker=SIZES[1])
        .pending("mine/x", gpus_per_worker=ASKS),
        Reason.FRAGMENTED,
        id="free in pieces",
    ),
    pytest.param(
        others(estate().pool(hosts=4, gpus=BIG, racks=2).tenant(MINE, 0).tenant("zebra", BIG), size=SIZES[2])
        .running("zebra/quagga-secret", {"h100-2": 1}, gpus_per_worker=SIZES[1])
        .pending("mine/x", workers=2, gpus_per_worker=ASKS, level=RACK, required=True),
        Reason.TOPOLOGY_UNAVAILABLE,
        id="free, but in no rack enough",
    ),
]


@pytest.mark.parametrize(("draft", "reason"), CASES)
def test_the_first_reason_that_holds_is_given(draft: Draft, reason: Reason) -> None:
    wait = waits(decide(draft.snapshot()))["mine/x"]
    assert wait.reason is reason
    assert (wait.eta is not None) is (reason is Reason.RESERVED)


@pytest.mark.parametrize(("draft", "reason"), CASES)
def test_a_message_says_what_is_asked_and_nothing_of_others(draft: Draft, reason: Reason) -> None:
    snapshot = draft.snapshot()
    message = waits(decide(snapshot))["mine/x"].message
    asked = snapshot.jobs["mine/x"].workers * snapshot.jobs["mine/x"].gpus_per_worker
    numbers = {int(n) for n in re.findall(r"\d+", message)}
    assert asked in numbers, reason
    assert not numbers & set(SIZES)
    assert not any(name in message for name in (*OTHERS, "secret"))


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        pytest.param(
            estate()
            .pool()
            .tenant(MINE, Terms(0, borrow_limit=5))
            .running("mine/old", {"h100-0": 3})
            .pending("mine/x", gpus_per_worker=4),
            "asks for 4 GPUs of pool h100. Its tenant uses 3 and may use 5: 2 too many.",
            id="above the borrow limit",
        ),
        pytest.param(
            estate()
            .pool()
            .tenant(MINE, 0)
            .tenant("zebra", Terms(5, lend_limit=0))
            .pending("mine/x", gpus_per_worker=7),
            "asks for 7 GPUs of pool h100. The pool has 8 idle GPUs and lets its tenant use 3 of them: 4 too few.",
            id="idle, but kept back",
        ),
        pytest.param(
            others(estate().pool().tenant(MINE, 2).tenant("zebra", 0), size=5, ran_s=60.0).pending(
                "mine/x", gpus_per_worker=7
            ),
            "The pool has 3 free GPUs for it: 4 too few. Its tenant uses 0 and is due 6, its guarantee of 2 included.",
            id="others borrow",
        ),
        pytest.param(
            others(estate().pool().tenant(MINE, 1).tenant("zebra", 5), size=5).pending("mine/x", gpus_per_worker=7),
            "The pool has 3 free GPUs for it: 4 too few. Its tenant uses 0 and is guaranteed 1.",
            id="others use what is theirs",
        ),
    ],
)
def test_the_figures_of_a_message_add_up(draft: Draft, said: str) -> None:
    assert said in waits(decide(draft.snapshot()))["mine/x"].message


def test_the_message_of_a_hold_says_nothing_of_whose_gpus_are_freed() -> None:
    hold = Placement("h100", {"h100-0": 1})
    claimant: JobFields = {"gpus_per_worker": BIG, "hold": hold, "hold_until": NOW + 20.0}
    draft = ONE_HOST.tenant(MINE, BIG).stopping("zebra/zebra-secret", {"h100-0": 1}, gpus_per_worker=SIZES[1])
    wait = waits(decide(draft.pending("mine/x", **claimant).snapshot()))["mine/x"]
    assert (wait.reason, wait.eta) == (Reason.HELD, NOW + 20.0)
    assert {int(n) for n in re.findall(r"\d+", wait.message)} == {BIG, 100}
    assert not any(name in wait.message for name in (*OTHERS, "secret"))


TWO_HOSTS = estate().pool(hosts=2).tenant(MINE, 8).tenant("zebra", 8).tenant("quagga", 0)
BY_RIGHT = TWO_HOSTS.running("zebra/a", {"h100-0": 4}).running("zebra/b", {"h100-1": 4})
BORROWED_HOLD = Placement("h100", {"h100-1": 8})


@pytest.mark.parametrize(
    ("draft", "reason", "runs"),
    [
        pytest.param(
            BY_RIGHT.pending("mine/x", gpus_per_worker=8),
            Reason.FRAGMENTED,
            False,
            id="others' entitled work is on all hosts",
        ),
        pytest.param(
            BY_RIGHT.running("zebra/b", {"h100-1": 4}, expected_s=HOUR_S + 600).pending("mine/x", gpus_per_worker=8),
            Reason.RESERVED,
            False,
            id="the same, and one of them ends after the notice",
        ),
        pytest.param(
            TWO_HOSTS.running("zebra/a", {"h100-0": 8})
            .stopping("quagga/old", {"h100-1": 8})
            .pending("quagga/new", workers=8, hold=BORROWED_HOLD, hold_until=NOW + 30)
            .pending("mine/x", gpus_per_worker=8),
            Reason.NO_FREE_GPUS,
            True,
            id="a borrower's hold has first to become a job that can be evicted",
        ),
    ],
)
def test_the_notice_runs_unless_hosts_are_taken_by_right(draft: Draft, reason: Reason, *, runs: bool) -> None:
    plan = decide(draft.snapshot())
    assert waits(plan)["mine/x"].reason is reason
    assert plan.standings["mine/x"].class_ is AllocationClass.ENTITLED
    assert plan.standings["mine/x"].notice_runs is runs


def halves_in_use(hosts: int) -> Draft:
    """Hosts with half of the GPUs of each in use by what a tenant is guaranteed."""
    draft = estate().pool(hosts=hosts + 1).tenant("w", 4 * hosts)
    for host in range(hosts):
        draft = draft.running(f"w/half-{host}", {f"h100-{host}": 4})
    return draft


def test_the_notice_runs_for_no_job_behind_one_that_shut_the_guarantee() -> None:
    draft = (
        halves_in_use(8).tenant("a", 40).tenant("u", 0).running("u/young", {"h100-8": 1}, gpus_per_worker=8, ran_s=60.0)
    )
    for name, workers in {"first": 2, "second": 2, "third": 1}.items():
        draft = draft.pending(f"a/{name}", workers=workers, gpus_per_worker=8)
    plan = decide(draft.snapshot())
    assert waits(plan).keys() == {"a/first", "a/second", "a/third"}
    assert not any(plan.standings[f"a/{name}"].notice_runs for name in ("first", "second", "third"))


def test_the_notice_runs_for_no_job_whose_only_hosts_are_named_for_one_of_its_tenant_before_it() -> None:
    draft = halves_in_use(2).node("h100-3").node("h100-4").tenant("a", 32).tenant("u", 0)
    draft = draft.running("u/lent", {"h100-2": 2, "h100-3": 2, "h100-4": 2}, gpus_per_worker=4, ran_s=9000.0)
    draft = draft.pending("a/first", workers=5, gpus_per_worker=5, submitted=NOW - 9000.0)
    draft = draft.pending("a/second", gpus_per_worker=7, submitted=NOW - 8000.0)
    plan = decide(draft.snapshot())
    assert {d.job for d in plan.decisions} == {"a/first", "a/second"}
    assert plan.standings["a/second"].class_ is AllocationClass.ENTITLED
    assert not any(plan.standings[f"a/{name}"].notice_runs for name in ("first", "second"))


def test_what_a_tenant_has_within_its_guarantee_keeps_others_out_by_whatever_right() -> None:
    draft = halves_in_use(4).tenant("v", 16).tenant("a", 8)
    draft = draft.running("v/low", {"h100-4": 1}, gpus_per_worker=8, priority="low")
    draft = draft.pending("v/high", workers=2, gpus_per_worker=8, priority="high")
    draft = draft.pending("a/claim", gpus_per_worker=8)
    plan = decide(draft.snapshot())
    assert plan.standings["v/low"].class_ is AllocationClass.BORROWED
    assert waits(plan)["a/claim"].reason is Reason.FRAGMENTED
    assert not plan.standings["a/claim"].notice_runs
