"""Why a pending job waits: one closed set of words."""

from enum import StrEnum


class Reason(StrEnum):
    """Reasons of `status.queue.reason`; of those that hold, the first in this order is given."""

    SUSPENDED = "Suspended"
    NO_TENANT = "NoTenant"
    UNKNOWN_POOL = "UnknownPool"
    POOL_NOT_GRANTED = "PoolNotGranted"
    UNKNOWN_PRIORITY = "UnknownPriority"
    NEVER_FITS = "NeverFits"
    """Larger than the pool, a host or the domain can ever hold."""
    BUDGET_SPENT = "BudgetSpent"
    BACKOFF = "Backoff"
    HELD = "Held"
    """GPUs are being freed for it by an eviction or shrink."""
    RESERVED = "Reserved"
    """It waits for GPUs that come free by themselves at known times."""
    ABOVE_BORROW_LIMIT = "AboveBorrowLimit"
    NOT_LENT = "NotLent"
    """GPUs are idle, but others keep them back."""
    ABOVE_FAIR_SHARE = "AboveFairShare"
    """Others borrow, and it may not take from them."""
    TOPOLOGY_UNAVAILABLE = "TopologyUnavailable"
    FRAGMENTED = "Fragmented"
    NO_FREE_GPUS = "NoFreeGPUs"
