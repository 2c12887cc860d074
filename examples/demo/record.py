"""What a run leaves behind for the docs: its figures, and who had how many GPUs in each second."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from demo.estate import GPUS_PER_HOST, HOSTS, NOTICE_S
from demo.gains import Gain, Setting, reclaimed
from demo.picture import Picture, Share
from demo.story import Story
from demo.summary import Row, Summary
from demo.trace import GUEST, OWNER, SPEED

Sample = tuple[int, int, int, int, int]
"""Second, then GPUs: the owner's entitled and borrowed, the guest's entitled and borrowed."""


@dataclass(slots=True)
class Samples:
    rows: list[Sample] = field(default_factory=list)

    def see(self, picture: Picture, elapsed_s: float) -> None:
        """Take a picture, if it is the first of its second."""
        second = int(elapsed_s)
        if self.rows and self.rows[-1][0] >= second:
            return
        owner, guest = (picture.shares.get(name, Share(name)) for name in (OWNER, GUEST))
        self.rows.append((second, owner.entitled, owner.borrowed, guest.entitled, guest.borrowed))


def gains_of(summary: Summary) -> list[Gain]:
    """Both tenants, the owner first."""
    waited = {tenant: reclaimed(summary.claims, tenant) for tenant in (OWNER, GUEST)}
    return [
        Gain(
            tenant,
            summary.shared[tenant].jobs,
            summary.shared[tenant].waited_h,
            summary.split[tenant].waited_h,
            len(seconds),
            sum(seconds),
        )
        for tenant, seconds in waited.items()
    ]


def gains_in(record: Mapping[str, Any]) -> list[Gain]:
    """The same, from a record."""
    return [
        Gain(
            tenant,
            record["shared"][tenant]["jobs"],
            record["shared"][tenant]["waited_h"],
            record["alone"][tenant]["waited_h"],
            record["reclaims"]["of"][tenant]["jobs"],
            record["reclaims"]["of"][tenant]["seconds"],
        )
        for tenant in (OWNER, GUEST)
    ]


def document(
    summary: Summary, story: Story, samples: Samples, settings: Sequence[Setting], *, seconds: float
) -> dict[str, Any]:
    """Everything of one run, as plain data."""
    wasted, done = summary.shared[""].wasted_gpu_h, summary.shared[""].gpu_h
    return {
        "estate": {"hosts": HOSTS, "gpusPerHost": GPUS_PER_HOST, "owner": OWNER, "guest": GUEST},
        "seconds": round(seconds),
        "speed": round(SPEED),
        "noticeSeconds": NOTICE_S,
        "startSeconds": round(summary.start_s, 1),
        "shared": {name or "all": _row(row, summary) for name, row in summary.shared.items()},
        "alone": {name or "all": _row(row, summary) for name, row in summary.split.items()},
        "reclaims": _reclaims(summary),
        "evictions": summary.evictions,
        "wastedPercent": round(100 * wasted / (wasted + done), 2) if wasted + done else 0.0,
        "mostBorrowed": story.most_borrowed,
        "settings": [
            {"what": setting.what, **{name: round(hours, 2) for name, hours in setting.waited_h.items()}}
            for setting in settings
        ],
        "samples": samples.rows,
    }


def write(path: Path, record: dict[str, Any]) -> None:
    """Write it as JSON, a line for each sample."""
    rest = {key: value for key, value in record.items() if key != "samples"}
    rows = ",\n  ".join(json.dumps(row) for row in record["samples"])
    text = json.dumps(rest, indent=1, ensure_ascii=False).removesuffix("\n}")
    path.write_text(f'{text},\n "samples": [\n  {rows}\n ]\n}}\n', encoding="utf-8")


def _row(row: Row, summary: Summary) -> dict[str, float]:
    return {
        "jobs": row.jobs,
        "waited_h": round(row.waited_h, 2),
        "gpu_h": round(row.gpu_h),
        "busyPercent": round(100 * row.gpu_h / summary.capacity_gpu_h) if summary.capacity_gpu_h else 0,
        "finished": row.finished,
    }


def _reclaims(summary: Summary) -> dict[str, Any]:
    seconds = summary.reclaims
    return {
        "jobs": len(seconds),
        "median_s": median(seconds) if seconds else 0.0,
        "max_s": max(seconds, default=0.0),
        "of": {gain.tenant: {"jobs": gain.reclaims, "seconds": gain.reclaim_s} for gain in gains_of(summary)},
    }
