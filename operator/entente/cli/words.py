"""Times, durations, amounts and paragraphs as people read them."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime

import click

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def duration(seconds: float) -> str:
    """`45s`, `12m`, `3h5m`, `2d4h`: two units at most."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < _DAY:
        hours, minutes = divmod(whole // _MINUTE, 60)
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    days, hours = divmod(whole // _HOUR, 24)
    return f"{days}d{hours}h" if hours else f"{days}d"


def since(moment: datetime | None, now: datetime) -> str:
    """How long ago, or a dash."""
    return "-" if moment is None else duration((now - moment).total_seconds())


def until(moment: datetime | None, now: datetime) -> str:
    """How far ahead, `now` once it has come, or a dash."""
    if moment is None:
        return "-"
    ahead = (moment - now).total_seconds()
    return f"in {duration(ahead)}" if ahead >= 1 else "now"


def clock(moment: datetime) -> str:
    """A moment in UTC: `2026-11-23 12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def gpu_hours(gpu_seconds: float) -> str:
    """GPU-hours, exact enough for small amounts: `0.08`, `3.5`, `1200`."""
    hours = gpu_seconds / _HOUR
    return f"{hours:.2f}" if hours < 1 else f"{hours:.1f}".removesuffix(".0")


def listed(items: Iterable[str], word: str = "and") -> str:
    """`a, b and c`."""
    given = list(items)
    return f" {word} ".join([", ".join(given[:-1]), given[-1]] if len(given) > 1 else given)


def width() -> int:
    """Columns to write in: those of the terminal, or `$COLUMNS`; 80 where neither is known."""
    return max(60, shutil.get_terminal_size().columns)


def known_width() -> int | None:
    """The same where somebody looks at a terminal or has set `$COLUMNS`; none where a program reads on."""
    return width() if sys.stdout.isatty() or os.environ.get("COLUMNS") else None


def say(text: str, indent: str = "") -> None:
    """Print a paragraph, wrapped at the terminal's width."""
    click.echo(wrapped(text, indent, indent))


def wrapped(text: str, first: str = "", others: str = "") -> str:
    """A paragraph at the terminal's width; `first` and `others` are put before its lines."""
    return textwrap.fill(text, width(), initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
