"""What people are told about their waiting jobs: the only place where it is put into words.

A `Message` is made here alone, from the job itself, its own tenant, a pool's name and levels, and whole numbers. This
module knows no estate, cycle or snapshot, and an import contract keeps it so: no name and no job of another tenant can
get into a message. That no number tells of one is shown by a property test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

from entente.api.amounts import count
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
    def asked(self) -> int:
        """GPUs of the workers that must start together."""
        return self.job.min_workers * self.job.gpus_per_worker

    @property
    def asks(self) -> str:
        """The request, in a sentence without its full stop."""
        least = "at least " if self.job.elastic else ""
        return f"It asks for {least}{_gang(self.job, self.of.name, self.job.min_workers)}"

    @property
    def has(self) -> str:
        """What the pool has for it, in a sentence without its full stop."""
        return f"The pool has {count(self.lendable, 'free GPU')} for it"


def waits(reason: Reason, figures: Figures) -> Message:
    """The message of a job that waits for GPUs. Raises KeyError for a reason that has another one."""
    return _message(reason, _NUMBERS[reason](figures))


def held(job: Job, pool: str, workers: int) -> Message:
    """The message of a job that GPUs are being freed for."""
    return _message(Reason.HELD, f"The operator frees {_gang(job, pool, workers)} for it.")


def suspended() -> Message:
    """The message of a job that its user took back."""
    return _message(Reason.SUSPENDED)


def no_tenant(tenant: Tenant | None) -> Message:
    """The message of a job whose tenant is not there, or is being deleted."""
    if tenant is None:
        return _message(Reason.NO_TENANT, "Its namespace belongs to no Tenant.")
    numbers = "Its Tenant is being deleted: nothing more starts in the namespaces of this tenant."
    return _message(Reason.NO_TENANT, numbers, "its namespace belongs to another Tenant")


def unknown_pool(job: Job, tenant: Tenant) -> Message:
    """The message of a job whose pools do not exist."""
    return _message(Reason.UNKNOWN_POOL, f"There is no pool named {_any(job.pools or tuple(tenant.terms))}.")


def not_granted(asked: Sequence[str]) -> Message:
    """The message of a job whose tenant may use none of the pools that exist of those it asks for."""
    numbers = f"Its tenant may not use pool {_any(asked)}." if asked else "Its tenant may use no pool."
    return _message(Reason.POOL_NOT_GRANTED, numbers)


def unknown_priority(job: Job, tenant: Tenant) -> Message:
    """The message of a job with a priority that its tenant does not have."""
    allowed = ", ".join(sorted(tenant.priorities)) or "none"
    return _message(Reason.UNKNOWN_PRIORITY, f"Its tenant has no priority {job.priority!r}; it has: {allowed}.")


def worker_too_large(job: Job, pool: str, largest: int) -> Message:
    """The message of a job whose worker no host can hold."""
    worker = f"A worker asks for {count(job.gpus_per_worker, 'GPU')}"
    return _message(Reason.NEVER_FITS, f"{worker}, but the largest host of pool {pool} has {largest}.")


def no_level(job: Job, pool: str, levels: Sequence[str]) -> Message:
    """The message of a job that requires a level that the pool does not have."""
    numbers = f"It requires the topology level {job.level}, but pool {pool} has: {', '.join(levels) or 'none'}."
    return _message(Reason.NEVER_FITS, numbers)


def gang_too_large(job: Job, pool: str, room: int) -> Message:
    """The message of a job that the pool, or its roomiest domain, can never hold."""
    where = f"the largest {job.level} of pool {pool}" if job.required and job.level else f"pool {pool}"
    gang = f"It asks for {count(job.min_workers, 'worker')} of {count(job.gpus_per_worker, 'GPU')}"
    return _message(Reason.NEVER_FITS, f"{gang}, but {where} can hold {room} of them at most.")


def spent(*, everything: bool) -> Message:
    """The message of a job whose tenant's budget is used up, for everything or only above the guarantee."""
    what = "none of its jobs starts" if everything else "only jobs within its guarantee start"
    return _message(Reason.BUDGET_SPENT, f"Its tenant has used up the budget of this period: {what} before the next.")


def backoff(left_s: int) -> Message:
    """The message of a gang that failed a short time ago."""
    return _message(Reason.BACKOFF, f"A worker failed: the job pauses for {left_s} s more before its next start.")


def reserved(f: Figures) -> Message:
    """The message of a job that has a reservation."""
    free = f"The pool has {count(f.free, 'free GPU')} for it"
    return _message(Reason.RESERVED, f"{f.asks}. {free}; more come free at a known time and are named for it.")


def _message(reason: Reason, numbers: str = "", exact: str = "") -> Message:
    return Message(reason.message(numbers, exact))


def _gang(job: Job, pool: str, workers: int) -> str:
    gpus = f"{count(workers * job.gpus_per_worker, 'GPU')} of pool {pool}"
    return f"{gpus} ({workers} workers of {job.gpus_per_worker})" if workers > 1 else gpus


def _any(names: Sequence[str]) -> str:
    return " or ".join(names)


def _borrow_limit(f: Figures) -> str:
    hosts = f", which takes whole hosts with {f.adds}" if f.adds != f.asked else ""
    over = f.charged + f.adds - (f.most or 0)
    return f"{f.asks}{hosts}. Its tenant uses {f.charged} and may use {f.most}: {over} too many."


def _not_lent(f: Figures) -> str:
    idle = f"The pool has {count(f.free, 'idle GPU')} and lets its tenant use {f.lendable} of them"
    return f"{f.asks}. {idle}: {f.asked - f.lendable} too few."


def _fair_share(f: Figures) -> str:
    due = f"Its tenant uses {f.charged} and is due {f.due}, its guarantee of {f.guaranteed} included."
    return f"{f.asks}. {f.has}: {f.asked - f.lendable} too few. {due} Others borrow, but it may not take from them now."


def _topology(f: Figures) -> str:
    return f"{f.asks}, all inside one {f.job.level}. {f.has}, but no such domain has enough of them."


def _fragmented(f: Figures) -> str:
    if f.lendable >= f.asked:
        return f"{f.asks}. {f.has}, but not on hosts with room for its workers."
    why = f"Its tenant is guaranteed {f.guaranteed}, but work that nobody may stop for it is on too many hosts."
    return f"{f.asks}. {f.has}. {why}"


def _no_free(f: Figures) -> str:
    short = f.asked - f.lendable
    lack = f": {short} too few" if short > 0 else ", but not on hosts with room for its workers"
    return f"{f.asks}. {f.has}{lack}. Its tenant uses {f.charged} and is guaranteed {f.guaranteed}."


_NUMBERS = {
    Reason.ABOVE_BORROW_LIMIT: _borrow_limit,
    Reason.NOT_LENT: _not_lent,
    Reason.ABOVE_FAIR_SHARE: _fair_share,
    Reason.TOPOLOGY_UNAVAILABLE: _topology,
    Reason.FRAGMENTED: _fragmented,
    Reason.NO_FREE_GPUS: _no_free,
}
