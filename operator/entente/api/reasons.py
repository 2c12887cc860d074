"""Why a pending job waits: one closed set of words, with what each means and what changes it."""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Reasons of `status.queue.reason`; of those that hold, the first in this order is given."""

    meaning: str
    """One sentence, for the reference and for `entente why`."""
    remedy: str
    """What ends the wait, in one sentence."""

    def __new__(cls, word: str, meaning: str, remedy: str) -> Self:
        """A word that knows its meaning."""
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

    SUSPENDED = ("Suspended", "`spec.suspend` is set.", "Set `spec.suspend` to false.")
    NO_TENANT = (
        "NoTenant",
        "Its namespace belongs to no Tenant.",
        "An admin of the cluster names the namespace in a Tenant, or the job is made in one that belongs to one.",
    )
    UNKNOWN_POOL = (
        "UnknownPool",
        "None of the pools that it names exists.",
        "Name a pool that exists in `spec.pools`.",
    )
    POOL_NOT_GRANTED = (
        "PoolNotGranted",
        "Its tenant has no terms for any of its pools.",
        "Name one of the tenant's pools in `spec.pools`, or have an admin of the cluster grant one.",
    )
    UNKNOWN_PRIORITY = (
        "UnknownPriority",
        "Its tenant has no priority of that name.",
        "Name one of the tenant's priorities in `spec.priority`.",
    )
    NEVER_FITS = (
        "NeverFits",
        "It is larger than the pool, a host or the domain can ever hold, or asks for a level that does not exist.",
        "Ask for fewer or smaller workers, another pool, or a wider domain.",
    )
    BUDGET_SPENT = (
        "BudgetSpent",
        "Its tenant's GPU-hours of this period are used up.",
        "The next period begins, or the budget is raised.",
    )
    BACKOFF = (
        "Backoff",
        "A worker failed a short time ago: the gang starts again at the ETA.",
        "Nothing needs to be done: it is tried again by itself, until `spec.retry.limit` is reached.",
    )
    HELD = (
        "Held",
        "GPUs are being freed for it by an eviction or shrink, or a host is being handed over; it starts on them.",
        "Nothing needs to be done: those who make room save and stop within the pool's notice.",
    )
    RESERVED = (
        "Reserved",
        "It waits for GPUs that come free by themselves at known times, those of others' stopping jobs included.",
        "Nothing needs to be done: the GPUs are its own when they come free, at the ETA or earlier.",
    )
    ABOVE_BORROW_LIMIT = (
        "AboveBorrowLimit",
        "With it its tenant would be charged more than its guarantee and borrow limit.",
        "Own jobs end, or the tenant's `borrowLimit` is raised.",
    )
    NOT_LENT = (
        "NotLent",
        "GPUs are idle, but others keep them back.",
        "Others raise their `lendLimit`, or own jobs end.",
    )
    ABOVE_FAIR_SHARE = (
        "AboveFairShare",
        "Others borrow, and it may not take from them.",
        "Their jobs end, run past the minimum runtime, or go above what is due to them.",
    )
    TOPOLOGY_UNAVAILABLE = (
        "TopologyUnavailable",
        "Enough GPUs are free, but not inside one domain of the level that it requires.",
        "Jobs in such a domain end, or `spec.topology.mode` is Preferred.",
    )
    FRAGMENTED = (
        "Fragmented",
        "Enough GPUs are free or its own by right, but not on hosts that can hold its workers.",
        "Jobs on one of these hosts end, or the job asks for smaller workers.",
    )
    NO_FREE_GPUS = (
        "NoFreeGPUs",
        "Too few GPUs are free, or they are reserved for another job.",
        "Jobs end, or the tenant gets a larger guarantee.",
    )
