"""What a reader of `entente why` sees at 80 columns, for each reason to wait: decided, written down, and told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from entente.api.reasons import Reason
from entente.api.tenant import WhenSpent
from entente.cli.account import account
from entente.cli.case import Case
from entente.cli.words import wrapped
from entente.engine.decisions import Wait
from entente.engine.model import Placement, Terms
from entente.engine.planner import decide
from entente.workload import decided
from tests.support.estates import NOW, RACK, Draft, estate
from tests.support.mirror import job_resource, pool_resource, tenant_resource

JOB = "lab/llm"
LINES = 8
"""An ordinary answer fits into so many lines."""

LAB = estate().pool(hosts=4, racks=2).tenant("lab", 8).tenant("others", 16)
TWO = estate().pool(hosts=2).tenant("lab", 8).tenant("others", 8)
FULL = (
    TWO.tenant("others", 16)
    .tenant("lab", 1)
    .running("others/a", {"h100-0": 1}, gpus_per_worker=8)
    .running("others/b", {"h100-1": 1}, gpus_per_worker=5)
)

TEXTS: dict[str, tuple[Draft, str]] = {
    "suspended": (
        LAB.pending(JOB, suspend=True),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is Suspended. `spec.suspend` is true.
What ends the wait: `spec.suspend` is set to false.
Until then it is not in the queue.
""",
    ),
    "no tenant": (
        LAB.pending(JOB, tenant=None),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is NoTenant. Its namespace belongs to no Tenant.
What ends the wait: a cluster admin adds its namespace to a Tenant, or it is
  made in a namespace of one.
Until then it is not in the queue.
""",
    ),
    "no such pool": (
        LAB.pending(JOB, pools=("b200", "b300")),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is UnknownPool. There is no pool named b200 or b300.
What ends the wait: `spec.pools` names a pool that exists.
Until then it is not in the queue.
""",
    ),
    "a pool of others": (
        LAB.pool("b200").pending(JOB, pools=("b200",)),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is PoolNotGranted. Its tenant may not use pool b200.
What ends the wait: `spec.pools` names a pool of its tenant, or a cluster admin
  adds the pool to the Tenant.
Until then it is not in the queue.
""",
    ),
    "no such priority": (
        LAB.pending(JOB, priority="urgent"),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is UnknownPriority. Its tenant has no priority 'urgent'; it has:
  default, high, low.
What ends the wait: `spec.priority` names a priority of its tenant.
Until then it is not in the queue.
""",
    ),
    "a worker larger than a host": (
        LAB.pending(JOB, gpus_per_worker=16),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is NeverFits. A worker asks for 16 GPUs, but the largest host of pool
  h100 has 8.
What ends the wait: it asks for fewer or smaller workers, another pool, or a
  wider domain.
Until then it is not in the queue.
""",
    ),
    "a level that the pool lacks": (
        LAB.pending(JOB, level="block", required=True),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is NeverFits. It requires the topology level block, but pool h100
  has: rack, host.
What ends the wait: it asks for fewer or smaller workers, another pool, or a
  wider domain.
Until then it is not in the queue.
""",
    ),
    "a gang larger than the pool": (
        LAB.pending(JOB, workers=5, gpus_per_worker=8),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is NeverFits. It asks for 5 workers of 8 GPUs, but pool h100 can hold
  4 of them at most.
What ends the wait: it asks for fewer or smaller workers, another pool, or a
  wider domain.
Until then it is not in the queue.
""",
    ),
    "a gang larger than a rack": (
        LAB.pending(JOB, workers=3, gpus_per_worker=8, level=RACK, required=True),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is NeverFits. It asks for 3 workers of 8 GPUs, but the largest rack
  of pool h100 can hold 2 of them at most.
What ends the wait: it asks for fewer or smaller workers, another pool, or a
  wider domain.
Until then it is not in the queue.
""",
    ),
    "no budget left": (
        LAB.tenant("lab", 8, spent=WhenSpent.BLOCK).pending(JOB),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is BudgetSpent. Its tenant has used up the budget of this period:
  none of its jobs starts before the next.
What ends the wait: the next period begins, or a cluster admin raises the
  budget.
Until then it is not in the queue.
""",
    ),
    "failed lately": (
        LAB.pending(JOB, backoff_until=NOW + 45),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h).
The reason is Backoff. A worker failed: the job pauses for 45 s more before its
  next start.
What ends the wait: the pause is over; nobody has to do anything.
Until then it is not in the queue.
It is expected to start at 2027-01-15 08:00:45Z, in 45s.
""",
    ),
    "GPUs are being freed for it": (
        LAB.stopping("others/x", {"h100-0": 1}, gpus_per_worker=8, until=NOW + 30).pending(
            JOB,
            gpus_per_worker=8,
            hold=Placement("h100", {"h100-0": 1}),
            hold_until=NOW + 30,
            pending_since=NOW - 20,
            entitled_since=NOW - 20,
        ),
        """
lab/llm is Pending since 2027-01-15 07:59:40Z (20s).
The reason is Held. The operator frees 8 GPUs on 1 host of pool h100 for it, and
  gives them to nobody else. It began at 2027-01-15 07:59:40Z and is done by
  2027-01-15 08:00:30Z at the latest.
What ends the wait: these GPUs are free; nobody has to do anything.
Its tenant's guarantee covers it since 2027-01-15 07:59:40Z. Pool h100 promises
  the GPUs within 5m, by 2027-01-15 08:04:40Z, plus the time that pods take to
  end.
""",
    ),
    "GPUs come free by themselves": (
        TWO.tenant("lab", 16)
        .running("others/a", {"h100-0": 1}, gpus_per_worker=8, max_s=3900.0)
        .pending(JOB, workers=2, gpus_per_worker=8, entitled_since=NOW - 20),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is Reserved. It asks for 16 GPUs of pool h100 (2 workers of 8). The
  pool has 8 free GPUs for it; more come free at a known time and are named for
  it.
What ends the wait: these GPUs come free; nobody has to do anything.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
It is expected to start at 2027-01-15 08:05:00Z, in 5m.
""",
    ),
    "at the borrow limit": (
        LAB.tenant("lab", Terms(8, borrow_limit=4))
        .running("lab/old", {"h100-0": 1}, gpus_per_worker=8)
        .pending(JOB, gpus_per_worker=8),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is AboveBorrowLimit. It asks for 8 GPUs of pool h100. Its tenant uses
  8 and may use 12: 4 too many.
What ends the wait: jobs of its tenant finish, or a cluster admin raises the
  tenant's `borrowLimit`.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
""",
    ),
    "at the borrow limit with whole hosts": (
        estate()
        .pool(hosts=4, exclusive=True)
        .tenant("lab", Terms(8, borrow_limit=8))
        .running("lab/old", {"h100-0": 1}, gpus_per_worker=8)
        .pending(JOB, workers=2, gpus_per_worker=5),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is AboveBorrowLimit. It asks for 10 GPUs of pool h100 (2 workers of
  5), which takes whole hosts with 16. Its tenant uses 8 and may use 16: 8 too
  many.
What ends the wait: jobs of its tenant finish, or a cluster admin raises the
  tenant's `borrowLimit`.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
""",
    ),
    "idle, but kept back": (
        TWO.tenant("others", Terms(16, lend_limit=4)).tenant("lab", 0).pending(JOB, gpus_per_worker=8),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is NotLent. It asks for 8 GPUs of pool h100. The pool has 16 idle
  GPUs and lets its tenant use 4 of them: 4 too few.
What ends the wait: jobs of its tenant finish, others raise their `lendLimit`,
  or its `maxSeconds` is over before the next reserved window opens.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
""",
    ),
    "others borrow": (
        TWO.tenant("others", 0)
        .tenant("lab", 4)
        .running("others/a", {"h100-0": 1, "h100-1": 1}, gpus_per_worker=7, ran_s=60.0)
        .pending(JOB, gpus_per_worker=8),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is AboveFairShare. It asks for 8 GPUs of pool h100. The pool has 2
  free GPUs for it: 6 too few. Its tenant uses 0 and is due 8, its guarantee of
  4 included. Others borrow, but it may not take from them now.
What ends the wait: jobs of others finish, or pass the pool's minimum runtime
  while their tenants use more than is due to them.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
""",
    ),
    "free, but in no one rack": (
        LAB.running("others/a", {"h100-0": 1}, gpus_per_worker=8)
        .running("others/b", {"h100-2": 1}, gpus_per_worker=8)
        .pending(JOB, workers=2, gpus_per_worker=8, level=RACK, required=True),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is TopologyUnavailable. It asks for 16 GPUs of pool h100 (2 workers
  of 8), all inside one rack. The pool has 16 free GPUs for it, but no such
  domain has enough of them.
What ends the wait: jobs in one such domain finish, or `spec.topology.mode` is
  set to Preferred.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
""",
    ),
    "free, but in pieces": (
        TWO.tenant("others", 16)
        .tenant("lab", 0)
        .running("others/a", {"h100-0": 5})
        .running("others/b", {"h100-1": 5})
        .pending(JOB, gpus_per_worker=4),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is Fragmented. It asks for 4 GPUs of pool h100. The pool has 6 free
  GPUs for it, but not on hosts with room for its workers.
What ends the wait: jobs on these hosts finish, or it asks for smaller workers.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
""",
    ),
    "guaranteed, but in pieces": (
        TWO.tenant("guests", 0)
        .running("others/a", {"h100-0": 4})
        .running("others/b", {"h100-1": 4})
        .running("guests/a", {"h100-0": 2})
        .pending(JOB, gpus_per_worker=8),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is Fragmented. It asks for 8 GPUs of pool h100. The pool has 6 free
  GPUs for it. Its tenant is guaranteed 8, but work that nobody may stop for it
  is on too many hosts.
What ends the wait: jobs on these hosts finish, or it asks for smaller workers.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
""",
    ),
    "all in use": (
        FULL.pending(JOB, gpus_per_worker=8),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is NoFreeGPUs. It asks for 8 GPUs of pool h100. The pool has 3 free
  GPUs for it: 5 too few. Its tenant uses 0 and is guaranteed 1.
What ends the wait: other jobs finish, or its tenant gets a larger guarantee.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
""",
    ),
    "all in use, and elastic": (
        FULL.pending(JOB, gpus_per_worker=2, workers=4, elastic=(2, 4)),
        """
lab/llm is Pending since 2027-01-15 07:00:00Z (1h), number 1 in the queue.
The reason is NoFreeGPUs. It asks for at least 4 GPUs of pool h100 (2 workers of
  2). The pool has 3 free GPUs for it: 1 too few. Its tenant uses 0 and is
  guaranteed 1.
What ends the wait: other jobs finish, or its tenant gets a larger guarantee.
No time is promised: the guarantee does not cover it, or no hosts fit it now.
""",
    ),
}


def lines_about(draft: Draft) -> list[str]:
    """What `why` prints of the job, which waits."""
    snapshot = draft.snapshot()
    plan = decide(snapshot)
    wait = next(d for d in plan.decisions if isinstance(d, Wait) and d.job == JOB)
    job = job_resource(snapshot.jobs[JOB])
    step = decided.wait(job, wait, plan.standings.get(JOB), NOW)
    told = job.model_copy(update={"status": step.status})
    pools = {name: pool_resource(pool) for name, pool in snapshot.pools.items()}
    case = Case(told, pools, tenant_resource(snapshot.tenants["lab"]), datetime.fromtimestamp(NOW, UTC))
    return "\n".join(wrapped(sentence, others="  ") for sentence in account(case)).splitlines()


@pytest.mark.parametrize(("draft", "text"), TEXTS.values(), ids=TEXTS.keys())
def test_a_reader_sees_reason_numbers_and_remedy_once(draft: Draft, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    seen = lines_about(draft)
    assert seen == text.strip().splitlines()
    assert len(seen) <= LINES


def test_there_is_a_text_for_each_reason() -> None:
    assert {
        reason for reason in Reason if any(f"The reason is {reason}." in text for _, text in TEXTS.values())
    } == set(Reason)
