"""What people are told about their waiting jobs: the only place where it is put into words.

A `Message` is made here alone, from the job itself, its own tenant, a pool's name and levels, and whole numbers. This
module knows no estate, cycle or snapshot, and an import contract keeps it so: no name and no job of another tenant can
get into a message. That no number tells of one is shown by a property test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

from entente.api.reasons import Reason
from entente.engine.model import Job, Pool, Tenant

Message = NewType("Message", str)
"""Words for the people of one tenant."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a message may say."""

    job: Job
    """Whose message it is: with its own words."""
    of: Pool
    free: int
    """GPUs idle on hosts that the job may use."""
    lendable: int
    """Of these, what others do not keep back."""
    charged: int
    guaranteed: int
    due: int
    adds: int
    """GPUs by which its least workers raise its tenant's charge: whole hosts where these are charged."""
    most: int | None

    @property
    def pool(self) -> str:
        """The pool's name."""
        return self.of.name

    @property
    def workers(self) -> int:
        """Workers that must start together."""
        return self.job.min_workers

    @property
    def gpus_per_worker(self) -> int:
        """Of its workers."""
        return self.job.gpus_per_worker

    @property
    def level(self) -> str | None:
        """The topology level that it requires."""
        return self.job.level if self.job.required else None

    @property
    def asked(self) -> int:
        """GPUs of the workers that must start together."""
        return self.workers * self.gpus_per_worker

    @property
    def gang(self) -> str:
        """The request in words."""
        if self.workers == 1:
            return f"asks for {self.asked} GPUs of pool {self.pool}"
        return f"asks for {self.asked} GPUs of pool {self.pool} ({self.workers} workers of {self.gpus_per_worker})"


def waits(reason: Reason, figures: Figures) -> Message:
    """The message of a job that waits for GPUs. Raises KeyError for a reason that has another one."""
    return _BY_REASON[reason](figures)


def held(job: Job, pool: str, workers: int) -> Message:
    """The message of a job that GPUs are being freed for."""
    return Message(
        f"{workers * job.gpus_per_worker} GPUs of pool {pool} are being freed for it ({workers} workers of "
        f"{job.gpus_per_worker}); it starts as soon as they are."
    )


def suspended() -> Message:
    """Of a job that its user took back."""
    return Message("The job is suspended: set spec.suspend to false to queue it.")


def no_tenant(tenant: Tenant | None) -> Message:
    """Of a job whose tenant is not there, or is going."""
    if tenant is None:
        return Message("The job's namespace belongs to no Tenant.")
    return Message("The job's Tenant is being deleted: nothing more starts in its namespaces.")


def unknown_pool(job: Job, tenant: Tenant) -> Message:
    """Of a job whose pools do not exist."""
    return Message(f"There is no pool named {', '.join(job.pools or tuple(tenant.terms))}.")


def not_granted(asked: Sequence[str]) -> Message:
    """Of a job whose tenant has no terms for the pools that it may have."""
    return Message(f"The tenant has no terms for {', '.join(asked) or 'any pool'}.")


def unknown_priority(job: Job, tenant: Tenant) -> Message:
    """Of a job with a priority that its tenant does not have."""
    allowed = ", ".join(sorted(tenant.priorities)) or "none"
    return Message(f"The tenant has no priority {job.priority!r}; it has: {allowed}.")


def worker_too_large(job: Job, pool: str, largest: int) -> Message:
    """Of a job whose worker no host can hold."""
    return Message(f"A worker asks for {job.gpus_per_worker} GPUs; the largest host of pool {pool} has {largest}.")


def no_level(job: Job, pool: str, levels: Sequence[str]) -> Message:
    """Of a job that requires a level that the pool does not have."""
    return Message(f"Pool {pool} has no topology level {job.level}; it has: {', '.join(levels) or 'none'}.")


def gang_too_large(job: Job, pool: str, room: int) -> Message:
    """Of a job that the pool, or its roomiest domain, can never hold."""
    where = f"the largest {job.level} of pool {pool}" if job.required and job.level else f"pool {pool}"
    gang = f"The gang asks for {job.min_workers} workers of {job.gpus_per_worker} GPUs"
    return Message(f"{gang}; {where} can hold {room} at most.")


def spent(*, everything: bool) -> Message:
    """Of a job whose tenant's budget is used up, for everything or only above the guarantee."""
    what = "no job starts" if everything else "only jobs within the guarantee start"
    return Message(f"The tenant's budget of this period is spent: {what} before the next.")


def backoff(left_s: int) -> Message:
    """Of a gang that failed a short time ago."""
    return Message(f"A worker failed: the gang starts again in {left_s} s at the earliest.")


def reserved(f: Figures) -> Message:
    """Of a job that has a reservation."""
    return Message(
        f"The job {f.gang}; {f.free} are free, and the rest comes free by itself at a known time: they are reserved."
    )


def _borrow_limit(f: Figures) -> Message:
    hosts = f", {f.adds} with the hosts that it needs" if f.adds != f.asked else ""
    over = f.charged + f.adds - (f.most or 0)
    return Message(
        f"The job {f.gang}{hosts}; its tenant uses {f.charged} and may use {f.most}: {over} too many. "
        "Own jobs that end, or a higher borrowLimit, change that."
    )


def _not_lent(f: Figures) -> Message:
    return Message(
        f"The job {f.gang}; {f.free} are idle, but only {f.lendable} of them are lent: {f.asked - f.lendable} short. "
        "A higher lendLimit of others, own jobs that end, or a maxSeconds by which the job is over before a reserved "
        "window opens, change that."
    )


def _fair_share(f: Figures) -> Message:
    return Message(
        f"The job {f.gang}; {f.lendable} are free: {f.asked - f.lendable} short. Its tenant uses {f.charged}, "
        f"{f.guaranteed} are guaranteed and {f.due} due to it: it may not take from others now. Their jobs that end, "
        "run past the minimum runtime or go above what is due to them change that."
    )


def _topology(f: Figures) -> Message:
    return Message(
        f"The job {f.gang} inside one {f.level}; {f.lendable} are free, but in no {f.level} enough of them. "
        "Jobs that end there, or topology.mode Preferred, change that."
    )


def _fragmented(f: Figures) -> Message:
    return Message(
        f"The job {f.gang}; {f.lendable} are free, but not on hosts that can hold its workers of {f.gpus_per_worker}. "
        "Jobs that end on one of these hosts, or smaller workers, change that."
    )


def _no_free(f: Figures) -> Message:
    return Message(
        f"The job {f.gang}; {f.lendable} are free: {max(0, f.asked - f.lendable)} short. Its tenant uses {f.charged}, "
        f"{f.guaranteed} are guaranteed. Jobs that end change that."
    )


_BY_REASON = {
    Reason.ABOVE_BORROW_LIMIT: _borrow_limit,
    Reason.NOT_LENT: _not_lent,
    Reason.ABOVE_FAIR_SHARE: _fair_share,
    Reason.TOPOLOGY_UNAVAILABLE: _topology,
    Reason.FRAGMENTED: _fragmented,
    Reason.NO_FREE_GPUS: _no_free,
}
