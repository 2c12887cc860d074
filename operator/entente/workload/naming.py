"""Names of what is made for a job: deterministic, so that a restarted operator meets what it made before."""

import hashlib
import re

from entente.api.job import TrainingJob

MAX_LABEL = 63
"""Longest DNS label, and longest value of a Kubernetes label."""

_DIGEST = 6


def pod_name(job: str, start: int, rank: int) -> str:
    """Name and host name of one worker of one start of a job."""
    return fit(job, f"-{start}-{rank}")


def service_name(job: TrainingJob) -> str:
    """The headless Service of a job; a job of the same name made later has another one.

    A Service must begin with a letter, a job need not.
    """
    base = job.metadata.name if job.metadata.name[0].isalpha() else f"j{job.metadata.name}"
    return fit(base, f"-{job.metadata.uid.replace('-', '')[:8]}")


def label_value(name: str) -> str:
    """A resource's name as a label's value: cut with a digest when it is too long for one."""
    if len(name) <= MAX_LABEL:
        return name
    return f"{name[: MAX_LABEL - _DIGEST - 1]}-{_digest(name)}"


def fit(base: str, suffix: str) -> str:
    """A DNS label of a resource's name and a suffix; what had to be cut or replaced is told apart by a digest."""
    plain = re.sub(r"[^a-z0-9-]", "-", base).strip("-")
    room = MAX_LABEL - len(suffix)
    if plain == base and len(plain) <= room:
        return plain + suffix
    return f"{plain[: room - _DIGEST - 1].rstrip('-')}-{_digest(base)}{suffix}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
