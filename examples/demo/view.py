"""The live terminal view: one picture of the cluster, rendered."""

import os
import sys
from collections import Counter
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.picture import Host, Picture, Share
from demo.story import Story
from demo.trace import GUEST, OWNER
from entente.api.amounts import count

COLOURS = {OWNER: "cyan", GUEST: "magenta"}
OTHER = "yellow"
BAR = 32
"""Cells of a tenant's bar: in the demo one for each host. It stays beside the hosts on 80 columns."""
QUEUE_ROWS = 7
STEP_ROWS = 7
FIXED_ROWS = 15
"""Rows of all but the two lists: the sentence in its frame, and the hosts."""
HEAD_ROWS = 2
"""Rows of a list above its entries."""

_ENTITLED, _BORROWED, _IDLE = "█", "▒", "·"


def render(picture: Picture, story: Story, *, clock: str, rows: int = sys.maxsize) -> RenderableType:
    """The whole view.

    Args:
        picture: the cluster now.
        story: which act it is.
        clock: how far the replay is, for the title.
        rows: how many the terminal has for it. What waits is shown before the last decisions.
    """
    left = max(0, rows - FIXED_ROWS - HEAD_ROWS)
    waiting = min(QUEUE_ROWS, left)
    steps = min(STEP_ROWS, left - waiting - HEAD_ROWS)
    estate = Table.grid(padding=(0, 3))
    estate.add_row(_shares(picture), _hosts(picture.hosts))
    return Group(
        Panel(Text(story.banner(picture), style="bold"), title=Text(f"Entente · {clock}"), title_align="left"),
        estate,
        _queue(picture, waiting),
        *([_steps(picture, steps)] if steps > 0 else []),
    )


def line(picture: Picture, story: Story, *, clock: str) -> str:
    """The view in one line, for when there is no terminal."""
    shares = "  ".join(
        f"{share.tenant} {count(share.using, 'GPU')} "
        f"({share.entitled} entitled, {share.borrowed} borrowed, {share.lent} lent)"
        for share in picture.shares.values()
    )
    used = _percent(picture.using, picture.capacity)
    of = ", ".join(f"{share.waiting_jobs} of {share.tenant}" for share in picture.shares.values() if share.waiting_jobs)
    waiting = f"{len(picture.queue)} waiting{f' ({of})' if of else ''}, {count(picture.evictions, 'eviction')}"
    return f"[{clock}] {used} used  {shares}  {waiting} · {story.banner(picture)}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def _shares(picture: Picture) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("GPUs")
    for share in picture.shares.values():
        table.add_column(share.tenant, justify="right", header_style=f"bold {COLOURS.get(share.tenant, OTHER)}")
    for name, figures in (
        ("guaranteed", [share.guaranteed for share in picture.shares.values()]),
        ("entitled", [share.entitled for share in picture.shares.values()]),
        ("borrowed", [share.borrowed for share in picture.shares.values()]),
        ("lent", [share.lent for share in picture.shares.values()]),
        ("waiting", [share.waiting for share in picture.shares.values()]),
    ):
        table.add_row(name, *(str(figure) for figure in figures))
    bars = [_bar(share, picture.capacity) for share in picture.shares.values()]
    used = f"in use: {picture.using} of {picture.capacity} GPUs, {_percent(picture.using, picture.capacity)}"
    phases = ", ".join(f"{jobs} {phase.lower()}" for phase, jobs in picture.phases.items() if jobs)
    legend = Text(f"{_ENTITLED} entitled  {_BORROWED} borrowed  ┃ guarantee", style="dim")
    return Group(table, *bars, legend, Text(used, style="bold"), Text(phases, style="dim"))


def _bar(share: Share, capacity: int) -> Text:
    """A tenant's GPUs in proportion to the estate, with a mark at its guarantee."""
    scale = BAR / capacity if capacity else 0
    entitled = round(share.entitled * scale)
    borrowed = round((share.entitled + share.borrowed) * scale) - entitled
    cells = [_ENTITLED] * entitled + [_BORROWED] * borrowed
    cells += [_IDLE] * (BAR - len(cells))
    mark = round(share.guaranteed * scale)
    colour = COLOURS.get(share.tenant, OTHER)
    return Text.assemble(("".join(cells[:mark]), colour), ("┃", "bold white"), ("".join(cells[mark:]), colour))


def _hosts(hosts: tuple[Host, ...]) -> RenderableType:
    """Hosts by rack, one cell per GPU."""
    racks: dict[tuple[str, ...], list[Host]] = {}
    for host in hosts:
        racks.setdefault(host.place, []).append(host)
    blocks: dict[str, list[tuple[str, ...]]] = {}
    for place in racks:
        blocks.setdefault(place[0], []).append(place)
    # What all names share needs no room.
    shared = os.path.commonprefix([place[-1] for place in racks])  # noqa: RUF071 - characters are meant
    said = shared.rfind("-") + 1
    table = Table.grid(padding=(0, 1))
    for places in blocks.values():
        table.add_row(*(Text(place[-1][said:], style="dim") for place in places))
        table.add_row(*(Text("\n").join(_host(host) for host in racks[place]) for place in places))
    return table


def _host(host: Host) -> Text:
    text = Text()
    mark = "▚" if host.stopping else "■"
    for tenant, gpus in sorted(host.used.items()):
        text.append(mark * gpus, style=COLOURS.get(tenant, OTHER))
    return text.append(_IDLE * max(0, host.gpus - len(text)), style="dim")


def _queue(picture: Picture, shown: int) -> RenderableType:
    reasons = Counter(job.reason or "new" for job in picture.queue)
    title = f"queue: {count(len(picture.queue), 'job')}"
    if reasons:
        title += " · " + ", ".join(f"{jobs} {reason}" for reason, jobs in reasons.most_common())
    rows = _rows(title, {"job": 18, "GPUs": 4, "reason": 14, "message": None})
    for job in picture.queue[:shown]:
        rows.add_row(_job(job.tenant, job.name), str(job.gpus), Text(job.reason or "new"), Text(job.message))
    return _padded(rows, shown - len(picture.queue))


def _steps(picture: Picture, shown: int) -> RenderableType:
    rows = _rows("last decisions", {"time": 8, "job": 18, "what": 10, "note": None})
    for step in picture.steps[:shown]:
        what = step.reason if step.count == 1 else f"{step.reason} x{step.count}"
        rows.add_row(f"{step.at.astimezone():%H:%M:%S}", _job(step.tenant, step.name), Text(what), Text(step.note))
    return _padded(rows, shown - len(picture.steps))


def _rows(title: str, columns: Mapping[str, int | None]) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=None, expand=True, pad_edge=False)
    for name, width in columns.items():
        ratio = 1 if width is None else None
        table.add_column(name, width=width, ratio=ratio, no_wrap=True, overflow="ellipsis", header_style="dim")
    return table


def _padded(table: Table, rows: int) -> Table:
    """Keep the height, so that the view does not jump."""
    for _ in range(rows):
        table.add_row("")
    return table


def _job(tenant: str, name: str) -> Text:
    return Text(f"{tenant}/{name}", style=COLOURS.get(tenant, OTHER))
