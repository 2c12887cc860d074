"""Why a pending job waits: one closed set of words, with what each means and what ends the wait."""

from enum import StrEnum
from typing import Self

_THEN = "It can start when "
"""Between the numbers of a message and what ends the wait."""


class Reason(StrEnum):
    """Reasons of `status.queue.reason`; of those that hold, the first in this order is given."""

    meaning: str
    """One sentence, for the reference, and for readers of a job without a message."""
    remedy: str
    """What ends the wait: what can follow "It can start when"."""

    def __new__(cls, word: str, meaning: str, remedy: str) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        member.remedy = remedy
        return member

    @property
    def is_demand(self) -> bool:
        """Whether a job that waits for this asks for GPUs all the same; before `Held` it does not."""
        order = tuple(type(self))
        return order.index(self) >= order.index(Reason.HELD)

    def message(self, numbers: str = "", exact: str = "") -> str:
        """What `status.queue.message` says: the numbers, and then what ends the wait.

        Args:
            numbers: whole sentences about the job; the meaning of the reason where there are none.
            exact: what ends the wait, where the case allows to say more than the reason does.
        """
        return f"{numbers or self.meaning} {_THEN}{exact or self.remedy}."

    def parts(self, message: str) -> tuple[str, str]:
        """The numbers of a message, and what ends the wait; the reason's own words where the message lacks them."""
        numbers, then, ends = message.rpartition(_THEN)  # the last: before it may stand what a user has written
        if not then:
            numbers, ends = message, ""
        return numbers.strip() or self.meaning, ends.removesuffix(".") or self.remedy

    SUSPENDED = (
        "Suspended",
        "`spec.suspend` is true.",
        "`spec.suspend` is set to false",
    )
    NO_TENANT = (
        "NoTenant",
        "The job's namespace belongs to no Tenant.",
        "a cluster admin adds its namespace to a Tenant, or it is made in a namespace of one",
    )
    UNKNOWN_POOL = (
        "UnknownPool",
        "None of the pools that the job names exists.",
        "`spec.pools` names a pool that exists",
    )
    POOL_NOT_GRANTED = (
        "PoolNotGranted",
        "The job's tenant may use none of the pools that the job names.",
        "`spec.pools` names a pool of its tenant, or a cluster admin adds the pool to the Tenant",
    )
    UNKNOWN_PRIORITY = (
        "UnknownPriority",
        "The job's tenant has no priority of that name.",
        "`spec.priority` names a priority of its tenant",
    )
    NEVER_FITS = (
        "NeverFits",
        "The job is larger than the pool, a host or the domain can ever hold, or requires a level that does not exist.",
        "it asks for fewer or smaller workers, another pool, or a wider domain",
    )
    BUDGET_SPENT = (
        "BudgetSpent",
        "The tenant has used up the GPU-hours of this period.",
        "the next period begins, or a cluster admin raises the budget",
    )
    BACKOFF = (
        "Backoff",
        "A worker failed a short time ago, and the job pauses before its next start.",
        "the pause is over; nobody has to do anything",
    )
    HELD = (
        "Held",
        "GPUs are being freed for the job, or a host is being handed over to its tenant.",
        "these GPUs are free; nobody has to do anything",
    )
    RESERVED = (
        "Reserved",
        "The job waits for GPUs that come free at a known time and are named for it.",
        "these GPUs come free; nobody has to do anything",
    )
    ABOVE_BORROW_LIMIT = (
        "AboveBorrowLimit",
        "With the job its tenant would use more than its guarantee and its borrow limit together.",
        "jobs of its tenant finish, or a cluster admin raises the tenant's `borrowLimit`",
    )
    NOT_LENT = (
        "NotLent",
        "GPUs are idle, but other tenants keep them back.",
        (
            "jobs of its tenant finish, others raise their `lendLimit`, or its `maxSeconds` is over before the next "
            "reserved window opens"
        ),
    )
    ABOVE_FAIR_SHARE = (
        "AboveFairShare",
        "Other tenants borrow GPUs, and the job may not take these from them now.",
        "jobs of others finish, or pass the pool's minimum runtime while their tenants use more than is due to them",
    )
    TOPOLOGY_UNAVAILABLE = (
        "TopologyUnavailable",
        "Enough GPUs are free, but not inside one domain of the level that the job requires.",
        "jobs in one such domain finish, or `spec.topology.mode` is set to Preferred",
    )
    FRAGMENTED = (
        "Fragmented",
        "Enough GPUs are free or guaranteed, but not on hosts with room for the job's workers.",
        "jobs on these hosts finish, or it asks for smaller workers",
    )
    NO_FREE_GPUS = (
        "NoFreeGPUs",
        "Too few GPUs are free, or the free ones are named for another job.",
        "other jobs finish, or its tenant gets a larger guarantee",
    )
