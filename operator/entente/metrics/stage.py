"""What was being done for a job when something unforeseen went wrong."""

from enum import StrEnum


class Stage(StrEnum):
    """Label of `entente_job_errors_total`."""

    OBSERVE = "Observe"
    DECIDE = "Decide"
    """A decision about it was being taken over."""
    ACT = "Act"
