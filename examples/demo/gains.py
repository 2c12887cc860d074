"""Who gained and who lost by sharing, why, and what other settings of the pool would have done about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from demo import trace, virtual
from demo.claims import Claim
from demo.estate import GRACE_S, MIN_RUNTIME_S, NAMESPACES, NOTICE_S
from demo.trace import GUEST, HOUR_S, OWNER, SPEED, TraceJob
from demo.virtual import Rules

SAME_H = 0.005
"""A smaller difference is none: figures are shown to 0.01 h."""

SETTINGS: Final[Mapping[str, Mapping[str, float]]] = {
    "as in this demo": {},
    "nobody lends: each alone on its half": {"owner_lends": 0, "guest_lends": 0},
    f"jobs have saved when they are told to stop (here it takes {GRACE_S} s)": {"save_s": 0.0},
    "`lendLimit: 96` of the owner: 32 of its GPUs are never lent": {"owner_lends": 96},
    "`lendLimit: 64` of the owner: half of its GPUs are never lent": {"owner_lends": 64},
    f"`noticeSeconds: 30` instead of {NOTICE_S}": {"notice_s": 30.0},
    f"`minRuntimeSeconds: 0` instead of {MIN_RUNTIME_S}": {"min_runtime_s": 0.0},
}
"""What is changed, in words, and the rules that it changes."""


@dataclass(frozen=True, slots=True)
class Gain:
    """One tenant's waiting, shared and alone, in hours of the trace for each job."""

    tenant: str
    jobs: int
    shared_h: float
    alone_h: float
    reclaims: int = 0
    """Its jobs for which GPUs had to be freed."""
    reclaim_s: float = 0.0
    """Seconds that these waited for them, together."""

    @property
    def lost_h(self) -> float:
        """More waiting than alone; less than 0 is a gain."""
        return self.shared_h - self.alone_h

    @property
    def reclaimed_h(self) -> float:
        """Waiting for others to save and go, for each of its jobs."""
        return self.reclaim_s * SPEED / HOUR_S / self.jobs if self.jobs else 0.0

    @property
    def rest_h(self) -> float:
        """The loss that reclaims do not explain."""
        return self.lost_h - self.reclaimed_h


@dataclass(frozen=True, slots=True)
class Setting:
    """What other rules do with the same jobs, on the simulator: mean hours that a job waits."""

    what: str
    waited_h: Mapping[str, float]


def reclaimed(claims: Sequence[Claim], tenant: str) -> tuple[float, ...]:
    """Seconds that a tenant's jobs waited for which GPUs had to be freed."""
    return tuple(
        claim.seconds for claim in claims if claim.reclaimed and claim.job.startswith(f"{NAMESPACES[tenant]}/")
    )


def told(gain: Gain, *, most_borrowed: int) -> list[str]:
    """Whether a tenant gained or lost, by how much, and why: a sentence each.

    Args:
        gain: of the tenant.
        most_borrowed: GPUs that the guest had above its guarantee at most.
    """
    if abs(gain.lost_h) < SAME_H:
        how = "waited as long as alone"
    else:
        how = f"{'lost' if gain.lost_h > 0 else 'gained'} {abs(gain.lost_h):.2f} h of waiting for each job"
    lines = [f"{gain.tenant} {how}: {gain.shared_h:.2f} h shared, {gain.alone_h:.2f} h alone."]
    if gain.tenant == GUEST:
        lines.append(f"It borrowed up to {most_borrowed} GPUs that would have been idle.")
    if gain.reclaims:
        jobs = "1 of its jobs" if gain.reclaims == 1 else f"{gain.reclaims} of its {gain.jobs} jobs"
        lines.append(
            f"{jobs} waited until others had saved and gone, {gain.reclaim_s / gain.reclaims:.1f} s on average. At "
            f"{SPEED:.0f} times the speed of life that is {gain.reclaimed_h:.2f} h for each of its {gain.jobs} jobs."
        )
        if gain.rest_h >= SAME_H:
            lines.append(
                f"The other {gain.rest_h:.2f} h are {gain.rest_h * HOUR_S / SPEED:.1f} s for each job, in which the "
                "cluster notices, decides and starts. Alone is computed, and takes no time for that."
            )
    return lines


def settings(jobs: Sequence[TraceJob], *, horizon_s: float, start_s: float) -> list[Setting]:
    """Replay the same jobs on the simulator under each of `SETTINGS`.

    Args:
        jobs: that were submitted.
        horizon_s: up to when waiting counts, in seconds of the trace.
        start_s: real seconds that a start takes.
    """
    found = []
    for what, changed in SETTINGS.items():
        rules = Rules(**({"start_s": start_s} | dict(changed)))  # type: ignore[arg-type] # each is of its field's type
        courses = virtual.replay(jobs, rules)
        waited = {
            tenant: fmean(
                courses[job.job_id].waited(horizon_s, start_s * trace.SPEED) for job in jobs if job.tenant == tenant
            )
            / HOUR_S
            for tenant in (OWNER, GUEST)
        }
        found.append(Setting(what, waited))
    return found
