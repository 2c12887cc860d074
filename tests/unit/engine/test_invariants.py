"""Every invariant is seen to be broken by a plan that breaks it, and by no plan of the planner's."""

import pytest

from entente.api.job import AllocationClass, EvictionCause
from entente.api.reasons import Reason
from entente.engine.decisions import Decision, Evict, Grow, Hold, Plan, Shrink, Standing, Start, Wait
from entente.engine.invariants import Invariant, check_invariants
from entente.engine.model import Placement, Snapshot, Terms, Window
from entente.engine.planner import decide
from entente.engine.telling import Message
from tests.support.estates import NOW, POOL, RACK, Draft, estate, evicted

ENTITLED, BORROWED = AllocationClass.ENTITLED, AllocationClass.BORROWED

SHARED = estate().pool(hosts=2, racks=2).tenant("a", 8).tenant("b", 8)
SOON = estate().pool(windows=(Window("b", 8, NOW + 60, NOW + 90),)).tenant("a", 0).tenant("b", 0)
EXCLUSIVE = estate().pool(hosts=2, exclusive=True, handover_s=60.0).tenant("a", 8).tenant("b", 8)
ALONE = (
    estate()
    .pool(exclusive=True)
    .tenant("a", 0)
    .tenant("b", 0)
    .tenant("c", 0)
    .running("c/y", {"h100-0": 8}, ran_s=7200.0)
)


def start(job: str, class_: AllocationClass = ENTITLED, **nodes: int) -> Start:
    return Start(job, POOL, {f"h100-{n[1:]}": w for n, w in nodes.items()}, class_)


def hold(job: str, class_: AllocationClass = ENTITLED, **nodes: int) -> Hold:
    return Hold(job, POOL, {f"h100-{n[1:]}": w for n, w in nodes.items()}, class_, NOW + 30)


def evict(
    job: str, claimant: str, cause: EvictionCause = EvictionCause.GUARANTEE, *, gpus: int = 8, grace_s: float = 30.0
) -> Evict:
    return Evict(job, claimant, gpus, 0.0, cause, grace_s)


def wait(job: str, reason: Reason = Reason.NO_FREE_GPUS, eta: float | None = None) -> Wait:
    return Wait(job, reason, Message(""), eta)


def broken(draft: Draft, *decisions: Decision, **classes: AllocationClass) -> set[Invariant]:
    """What a plan of these decisions breaks; `a_x=BORROWED` says by what right the job a/x stands."""
    snapshot = draft.snapshot()
    standings = {
        key: Standing(class_, snapshot.jobs[key].workers if class_ is ENTITLED else 0)
        for name, class_ in classes.items()
        if (key := name.replace("_", "/"))
    }
    return {v.invariant for v in check_invariants(snapshot, Plan(decisions, standings, {}))}


ONE = SHARED.pending("a/x", workers=4)
TWO = SHARED.running("b/y", {"h100-0": 8}).running("b/z", {"h100-1": 8}).pending("a/x", workers=8)
FULL = SHARED.running("b/y", {"h100-0": 8}, submitted=NOW - 9000)
YOUNG = SHARED.running("b/y", {"h100-0": 8}).running("b/z", {"h100-1": 8}, ran_s=60.0).pending("a/x", workers=8)
HELD = Placement(POOL, {"h100-0": 8})

CASES = [
    pytest.param(ONE, [start("a/x", n0=4)], {}, None, id="a start on idle GPUs"),
    pytest.param(
        FULL.pending("a/x", workers=4),
        [start("a/x", n0=4)],
        {},
        Invariant.CAPACITY_NEVER_EXCEEDED,
        id="a start on GPUs in use",
    ),
    pytest.param(
        SHARED.stopping("b/y", {"h100-0": 8}).pending("a/x", workers=4),
        [start("a/x", n0=4)],
        {},
        Invariant.CAPACITY_NEVER_EXCEEDED,
        id="a start on GPUs that are not gone yet",
    ),
    pytest.param(
        ONE.node("h100-0", usable=False),
        [start("a/x", n0=4)],
        {},
        Invariant.CAPACITY_NEVER_EXCEEDED,
        id="a start on a cordon",
    ),
    pytest.param(
        ONE.node("h100-0", foreign=5),
        [start("a/x", n0=4)],
        {},
        Invariant.CAPACITY_NEVER_EXCEEDED,
        id="a start on others' pods",
    ),
    pytest.param(
        FULL.pending("a/x", workers=4),
        [hold("a/x", n0=4)],
        {},
        Invariant.CAPACITY_NEVER_EXCEEDED,
        id="a hold that nobody frees",
    ),
    pytest.param(
        SHARED.stopping("b/y", {"h100-0": 8})
        .pending("b/z", workers=8, hold=HELD, hold_until=NOW + 30)
        .pending("a/x", workers=4),
        [hold("a/x", n0=4), wait("b/z", Reason.HELD)],
        {},
        Invariant.CAPACITY_NEVER_EXCEEDED,
        id="a hold on GPUs that are held for another",
    ),
    pytest.param(ONE, [start("a/x", n0=3)], {}, Invariant.GANG_ATOMIC, id="a gang without one of its workers"),
    pytest.param(ONE, [start("a/x", n0=4), wait("a/x")], {}, Invariant.GANG_ATOMIC, id="two decisions about a job"),
    pytest.param(
        SHARED.pending("a/x", workers=4, level=RACK, required=True),
        [start("a/x", n0=2, n1=2)],
        {},
        Invariant.GANG_ATOMIC,
        id="a gang in two racks that must be in one",
    ),
    pytest.param(
        SHARED.running("a/x", {"h100-0": 4}, elastic=(2, 6)),
        [Grow("a/x", POOL, {"h100-0": 7}, 30.0)],
        {},
        Invariant.GANG_ATOMIC,
        id="a growth beyond the most",
    ),
    pytest.param(
        SHARED.running("b/y", {"h100-0": 8}, elastic=(4, 8)).pending("a/x", workers=8),
        [hold("a/x", n1=8), Shrink("b/y", "a/x", POOL, {"h100-0": 3}, 5, 0.0, EvictionCause.SHRINK, 30.0)],
        {"b_y": BORROWED},
        Invariant.GANG_ATOMIC,
        id="a shrink below the least",
    ),
    pytest.param(
        EXCLUSIVE.running("b/y", {"h100-0": 1}).pending("a/x"),
        [start("a/x", n0=1)],
        {},
        Invariant.NODES_EXCLUSIVE,
        id="beside another tenant",
    ),
    pytest.param(
        EXCLUSIVE.stopping("b/y", {"h100-0": 1}).pending("a/x"),
        [start("a/x", n0=1)],
        {},
        Invariant.NODES_EXCLUSIVE,
        id="beside another tenant's terminating pods",
    ),
    pytest.param(
        EXCLUSIVE.node("h100-0", last_tenant="b").pending("a/x"),
        [start("a/x", n0=1)],
        {},
        Invariant.NODES_EXCLUSIVE,
        id="on a host that was not handed over",
    ),
    pytest.param(
        EXCLUSIVE.node("h100-0", last_tenant="b", handover_failed=True).pending("a/x"),
        [hold("a/x", n0=1)],
        {},
        Invariant.NODES_EXCLUSIVE,
        id="a hold on a host whose handover failed",
    ),
    pytest.param(
        ONE.tenant("a", Terms(2, borrow_limit=1)),
        [start("a/x", BORROWED, n0=4)],
        {},
        Invariant.BORROW_LIMIT_KEPT,
        id="too much",
    ),
    pytest.param(
        SOON.pending("a/x", workers=4),
        [start("a/x", BORROWED, n0=4)],
        {},
        Invariant.LEND_LIMIT_KEPT,
        id="what is reserved for a window that opens soon",
    ),
    pytest.param(
        SOON.pending("a/x", workers=4, max_s=60.0),
        [start("a/x", BORROWED, n0=4)],
        {},
        None,
        id="over before it opens",
    ),
    pytest.param(SOON.pending("b/x", workers=4), [start("b/x", BORROWED, n0=4)], {}, None, id="for its own window"),
    pytest.param(
        SOON.pending("a/x", workers=8), [wait("a/x", Reason.NOT_LENT)], {"a_x": BORROWED}, None, id="kept for a window"
    ),
    pytest.param(
        SOON.at(NOW - 300).pending("a/x", workers=8, submitted=NOW - 300),
        [wait("a/x", Reason.NOT_LENT)],
        {"a_x": BORROWED},
        Invariant.WORK_CONSERVING,
        id="kept for a window that is far away",
    ),
    pytest.param(
        ONE.tenant("a", 0).tenant("b", Terms(16, lend_limit=3)),
        [start("a/x", BORROWED, n0=4)],
        {},
        Invariant.LEND_LIMIT_KEPT,
        id="not lent",
    ),
    pytest.param(
        FULL.pending("a/x", workers=8),
        [hold("a/x", n0=8), evict("b/y", "a/x")],
        {"b_y": ENTITLED},
        Invariant.ENTITLED_NEVER_EVICTED_FOR_OTHERS,
        id="an entitled victim of another tenant",
    ),
    pytest.param(
        SHARED.running("b/y", {"h100-0": 8}).pending("a/x", workers=8),
        [hold("a/x", n0=8), evict("b/y", "a/x")],
        {"b_y": BORROWED},
        Invariant.ENTITLED_NEVER_EVICTED_FOR_OTHERS,
        id="a tenant brought below its guarantee",
    ),
    pytest.param(
        YOUNG,
        [hold("a/x", BORROWED, n1=8), evict("b/z", "a/x", EvictionCause.FAIR_SHARE)],
        {"b_y": ENTITLED, "b_z": BORROWED},
        Invariant.NO_THRASH,
        id="a young job stops for a borrower",
    ),
    pytest.param(
        TWO.running("b/z", {"h100-1": 8}, evictions=evicted(1.0, 2.0, 3.0)),
        [hold("a/x", BORROWED, n1=8), evict("b/z", "a/x", EvictionCause.FAIR_SHARE)],
        {"b_y": ENTITLED, "b_z": BORROWED},
        Invariant.NO_THRASH,
        id="a job that was evicted three times stops for a borrower",
    ),
    pytest.param(
        TWO,
        [wait("a/x"), evict("b/z", "a/x")],
        {"b_y": ENTITLED, "b_z": BORROWED},
        Invariant.NO_THRASH,
        id="for nothing",
    ),
    pytest.param(
        ONE, [wait("a/x")], {"a_x": BORROWED}, Invariant.WORK_CONSERVING, id="GPUs are idle while a job waits"
    ),
    pytest.param(
        ALONE.pending("a/x").pending("b/w", workers=7),
        [hold("a/x", BORROWED, n0=1), evict("c/y", "a/x", EvictionCause.FAIR_SHARE), wait("b/w")],
        {"c_y": BORROWED, "b_w": BORROWED},
        Invariant.WORK_CONSERVING,
        id="a host is taken of which its new tenant uses one GPU",
    ),
    pytest.param(
        ALONE.pending("a/x").pending("a/w", workers=7),
        [hold("a/x", BORROWED, n0=1), evict("c/y", "a/x", EvictionCause.FAIR_SHARE), wait("a/w")],
        {"c_y": BORROWED, "a_w": BORROWED},
        None,
        id="a host is taken of which its new tenant can use all",
    ),
    pytest.param(
        TWO,
        [wait("a/x")],
        {"a_x": ENTITLED, "b_z": BORROWED},
        Invariant.GUARANTEE_HONOURED,
        id="a guarantee is not claimed",
    ),
    pytest.param(
        EXCLUSIVE.running("b/y", {"h100-0": 8, "h100-1": 8}).pending("a/x", workers=8, entitled_since=NOW - 200),
        [hold("a/x", n0=8), evict("b/y", "a/x", gpus=16, grace_s=60.0)],
        {"a_x": ENTITLED, "b_y": BORROWED},
        Invariant.GUARANTEE_HONOURED,
        id="a grace beyond what is left of the notice",
    ),
    pytest.param(
        TWO.pending("a/x", workers=4),
        [hold("a/x", n0=4), evict("b/y", "a/x"), evict("b/z", "a/x")],
        {"a_x": ENTITLED, "b_y": BORROWED, "b_z": BORROWED},
        Invariant.VICTIM_SET_MINIMAL,
        id="two victims where one is enough",
    ),
    pytest.param(
        SHARED.running("b/y", {"h100-0": 8}).pending("a/x", workers=8),
        [hold("a/x", n0=8), evict("b/y", "a/x", EvictionCause.GUARANTEE)],
        {"a_x": ENTITLED, "b_y": BORROWED},
        Invariant.VICTIM_SET_MINIMAL,
        id="a victim where a whole host is idle",
    ),
]


@pytest.mark.parametrize(("draft", "decisions", "classes", "expected"), CASES)
def test_what_is_wrong_is_seen(
    draft: Draft, decisions: list[Decision], classes: dict[str, AllocationClass], expected: Invariant | None
) -> None:
    found = broken(draft, *decisions, **classes)
    assert expected in found if expected else found == set()


@pytest.mark.parametrize("draft", [pytest.param(c.values[0], id=str(c.id)) for c in CASES])
def test_the_planner_breaks_nothing_in_the_same_estates(draft: Draft) -> None:
    snapshot = draft.snapshot()
    assert check_invariants(snapshot, decide(snapshot), decide) == []


def test_a_plan_that_another_order_changes_is_not_deterministic() -> None:
    snapshot = SHARED.pending("a/x").pending("b/y").snapshot()

    def first_come(given: Snapshot) -> Plan:
        """Starts whatever job the dictionary names first."""
        return Plan((start(next(iter(given.jobs)), n0=1),), {}, {})

    found = check_invariants(snapshot, first_come(snapshot), first_come)
    assert [v.invariant for v in found] == [Invariant.DETERMINISTIC]


def test_a_violation_says_what_and_how_much() -> None:
    draft = FULL.pending("a/x", workers=4)
    found = check_invariants(draft.snapshot(), Plan((start("a/x", n0=4),), {}, {}))
    assert [(v.invariant.value, v.about, v.message) for v in found] == [
        ("CapacityNeverExceeded", "h100-0", "4 more GPUs would make 12 in use of 8")
    ]
