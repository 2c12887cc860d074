"""What came of the replay: figures from the jobs' status, beside a static split of the same jobs, and a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from demo import static_split
from demo.claims import Claim
from demo.estate import NOTICE_S
from demo.gains import Setting
from demo.story import Story
from demo.trace import GUEST, HOUR_S, OWNER, SPEED, TraceJob
from entente.api.amounts import count
from entente.api.job import Phase, TrainingJob

FILLED = 0.8
"""Part of the owner's idle half that the guest is to borrow at least."""


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of some jobs, in hours of the trace."""

    jobs: int
    waited_h: float
    """Mean time from submission to the end or the horizon that a job did not run."""
    gpu_h: float
    """Training done: running time times GPUs, without what was lost."""
    wasted_gpu_h: float
    finished: int


@dataclass(frozen=True, slots=True)
class Summary:
    shared: Mapping[str, Row]
    """By tenant, and all of them as ""."""
    split: Mapping[str, Row]
    capacity_gpu_h: float
    evictions: int
    claims: Sequence[Claim]
    start_s: float
    """Real seconds that a start took on average."""
    failures: Sequence[str]
    """What should have happened and did not; none in a good run."""

    @property
    def reclaims(self) -> list[float]:
        """Seconds that jobs waited whose GPUs had to be freed for them."""
        return [claim.seconds for claim in self.claims if claim.reclaimed]


def summarise(
    trace: Sequence[TraceJob],
    jobs: Mapping[str, TrainingJob],
    *,
    hosts: int,
    gpus_per_host: int,
    began: float,
    horizon_s: float,
    claims: Sequence[Claim],
    start_s: float,
    story: Story,
) -> Summary:
    """Compare what the cluster did by the horizon with the static split.

    Args:
        trace: the jobs that were submitted.
        jobs: the TrainingJobs at the horizon, by job id of the trace.
        hosts: of the estate; each tenant is guaranteed one half.
        gpus_per_host: GPUs of each host.
        began: when the first job was submitted, in seconds since the epoch.
        horizon_s: length of the replay in real seconds.
        claims: of entitled jobs, over and going on.
        start_s: real seconds from being placed to running, which the static split is given, too.
        story: the acts that were reached.
    """
    now = began + horizon_s
    half = hosts // 2
    outcomes = static_split.replay(
        trace,
        {OWNER: half, GUEST: half},
        gpus_per_host=gpus_per_host,
        horizon_s=horizon_s * SPEED,
        start_s=start_s * SPEED,
    )
    groups = {"": trace} | {name: [job for job in trace if job.tenant == name] for name in (OWNER, GUEST)}
    return Summary(
        shared={
            name: _shared([jobs[job.job_id] for job in of if job.job_id in jobs], now) for name, of in groups.items()
        },
        split={name: _split(of, outcomes) for name, of in groups.items()},
        capacity_gpu_h=hosts * gpus_per_host * horizon_s * SPEED / HOUR_S,
        evictions=sum(len(job.status.evictions) for job in jobs.values()),
        claims=claims,
        start_s=start_s,
        failures=[*_lost(trace, jobs), *_untold(story, half * gpus_per_host), *_late(claims)],
    )


def run_seconds(job: TrainingJob, now: float) -> float:
    """Real seconds that a job has run for, its present start included."""
    status = job.status
    ran = status.run_seconds
    if status.phase in {Phase.RUNNING, Phase.STOPPING} and status.start_time:
        ran += max(0.0, now - status.start_time.timestamp())
    return ran


def waited_seconds(job: TrainingJob, now: float) -> float:
    """Real seconds of its life that a job did not run."""
    created = job.metadata.creation_timestamp.timestamp() if job.metadata.creation_timestamp else now
    end = job.status.completion_time.timestamp() if job.status.completion_time else now
    return max(0.0, end - created - run_seconds(job, now))


def _shared(jobs: Sequence[TrainingJob], now: float) -> Row:
    hour = HOUR_S / SPEED
    wasted = sum(job.status.wasted_gpu_seconds for job in jobs) / hour
    used = sum(run_seconds(job, now) * job.spec.workers * job.spec.gpus_per_worker for job in jobs) / hour
    return Row(
        jobs=len(jobs),
        waited_h=fmean(waited_seconds(job, now) for job in jobs) / hour if jobs else 0.0,
        gpu_h=used - wasted,
        wasted_gpu_h=wasted,
        finished=sum(job.status.phase is Phase.SUCCEEDED for job in jobs),
    )


def _split(jobs: Sequence[TraceJob], outcomes: Mapping[str, static_split.Outcome]) -> Row:
    known = [(job, outcomes[job.job_id]) for job in jobs if job.job_id in outcomes]
    return Row(
        jobs=len(known),
        waited_h=fmean(outcome.waited_s for _, outcome in known) / HOUR_S if known else 0.0,
        gpu_h=sum(outcome.ran_s * job.gpus for job, outcome in known) / HOUR_S,
        wasted_gpu_h=0.0,
        finished=sum(outcome.finished for _, outcome in known),
    )


def _lost(trace: Sequence[TraceJob], jobs: Mapping[str, TrainingJob]) -> list[str]:
    missing = [job.job_id for job in trace if job.job_id not in jobs]
    failed = sorted(name for name, job in jobs.items() if job.status.phase is Phase.FAILED)
    return [f"job {name} is gone from the cluster" for name in missing] + [f"job {name} has failed" for name in failed]


def _untold(story: Story, half: int) -> list[str]:
    """Whether the guest filled the idle half and the owner took its guarantee back."""
    failures = []
    if story.most_borrowed < FILLED * half:
        failures.append(f"{GUEST} borrowed {story.most_borrowed} GPUs at most, at least {FILLED * half:.0f} expected")
    if story.owner_peak < half:
        failures.append(f"{OWNER} had {story.owner_peak} GPUs at most, its guarantee is {half}")
    return failures


def _late(claims: Sequence[Claim]) -> list[str]:
    late = [claim for claim in claims if claim.seconds > NOTICE_S]
    return [
        f"entitled job {claim.job} waited {claim.seconds:.0f} s for its GPUs, the notice is {NOTICE_S} s"
        for claim in late
    ]


def render(summary: Summary, story: Story) -> RenderableType:
    return Group(Text(), _comparison(summary), Text(), _facts(summary, story), Text(), _verdict(summary))


def _comparison(summary: Summary) -> Table:
    table = Table(
        title=f"the same {summary.split[''].jobs} jobs, in hours of the trace",
        title_justify="left",
        title_style="bold",
        box=None,
    )
    for title in ("", "shared (this cluster)", "alone (computed)"):
        table.add_column(title, justify="right" if title else "left")
    shared, split = summary.shared[""], summary.split[""]
    table.add_row("mean waiting", _hours(shared.waited_h), _hours(split.waited_h))
    for tenant in (OWNER, GUEST):
        table.add_row(
            f"  {tenant} ({summary.shared[tenant].jobs} jobs)",
            _hours(summary.shared[tenant].waited_h),
            _hours(summary.split[tenant].waited_h),
        )
    table.add_row("GPU-hours of training done", f"{shared.gpu_h:.0f}", f"{split.gpu_h:.0f}")
    for tenant in (OWNER, GUEST):
        table.add_row(f"  {tenant}", f"{summary.shared[tenant].gpu_h:.0f}", f"{summary.split[tenant].gpu_h:.0f}")
    table.add_row("GPUs busy with it", _part(shared.gpu_h, summary), _part(split.gpu_h, summary))
    table.add_row("jobs finished", str(shared.finished), str(split.finished))
    return table


def settings(found: Sequence[Setting]) -> Table:
    """What other settings do, as a table."""
    table = Table(title="mean waiting", title_justify="left", title_style="bold", box=None)
    for title in ("", OWNER, GUEST):
        table.add_column(title, justify="right" if title else "left")
    for setting in found:
        table.add_row(setting.what.replace("`", ""), *(_hours(setting.waited_h[name]) for name in (OWNER, GUEST)))
    return table


def _facts(summary: Summary, story: Story) -> Table:
    table = Table.grid(padding=(0, 2))
    reclaims = summary.reclaims
    took = f"p50 {median(reclaims):.0f} s, max {max(reclaims):.0f} s" if reclaims else "none was needed"
    longest = max((claim.seconds for claim in summary.claims), default=0.0)
    wasted, done = summary.shared[""].wasted_gpu_h, summary.shared[""].gpu_h
    share = 100 * wasted / (wasted + done) if wasted + done else 0.0
    table.add_row("time to reclaim", f"{took} ({count(len(reclaims), 'job')}; the notice is {NOTICE_S} s)")
    table.add_row("entitled jobs", f"{len(summary.claims)} waited for GPUs, the longest {longest:.0f} s")
    table.add_row("wasted", f"{wasted:.1f} GPU-hours, {share:.2f} % of what was used, by {summary.evictions} evictions")
    table.add_row("borrowed", f"up to {story.most_borrowed} GPUs by {GUEST}; {OWNER} lent up to {story.most_lent}")
    scale = f"1 s here is {SPEED:.0f} s of the trace, {SPEED / HOUR_S:.2f} h"
    table.add_row("scale", f"{scale}; starts took {summary.start_s:.1f} s here, and alone, too")
    return table


def _verdict(summary: Summary) -> Text:
    if summary.failures:
        return Text("\n").join(Text(f"NOT AS PROMISED: {failure}", style="bold red") for failure in summary.failures)
    kept = (
        f"{GUEST} filled the idle half",
        f"{OWNER} had its guarantee back within the notice",
        "no job was lost",
    )
    return Text("\n").join(Text(f"✓ {promise}", style="bold green") for promise in kept)


def _hours(value: float) -> str:
    return f"{value:.2f} h"


def _part(gpu_h: float, summary: Summary) -> str:
    return f"{100 * gpu_h / summary.capacity_gpu_h:.0f} %" if summary.capacity_gpu_h else "-"
