"""Why work was lost."""

from enum import StrEnum


class WasteCause(StrEnum):
    """What took the work since the last checkpoint."""

    EVICTION = "Eviction"
    FAILURE = "Failure"
    NODE_LOST = "NodeLost"
