"""The view shows what a picture has, in every size of terminal."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from demo.picture import Picture
from demo.story import Story
from demo.trace import OWNER
from demo.view import QUEUE_ROWS, STEP_ROWS, line, render
from tests.support.demo import event, job, picture


def printed(view: RenderableType, width: int = 140) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    with console.capture() as capture:
        console.print(view)
    return capture.get()


def a_busy_picture(waiting: int = 2) -> Picture:
    queue = {"reason": "NoFreeGPUs", "message": "asks for 8 GPUs, 0 are free"}
    return picture(
        job("a", phase="Running", workers=2, nodes={"n0": 1, "n1": 1}),
        job("b", OWNER, phase="Running", gpus=4, nodes={"n2": 1}),
        job("stops", phase="Stopping", nodes={"n3": 1}),
        *(job(f"q{n}", queue={**queue, "position": n + 1}) for n in range(waiting)),
        events=tuple(event(f"a{n}", "Started", "on 2 nodes", eventTime=f"2026-03-01T10:00:{n:02}Z") for n in range(20)),
        guest={"entitled": 16, "borrowed": 8},
        owner={"entitled": 4, "lent": 8},
    )


def test_it_shows_figures_hosts_queue_and_decisions() -> None:
    text = printed(render(a_busy_picture(), Story(), clock="hour 3.0"))
    for part in (
        "Entente · hour 3.0",
        "in use: 28 of 32 GPUs, 88 %",
        "████████████████┃▒▒▒▒▒▒▒▒········",
        "■■■■····",
        "▚▚▚▚▚▚▚▚",
        "queue: 2 jobs · 2 NoFreeGPUs",
        "asks for 8 GPUs, 0 are free",
        "Started",
        "2 pending, 2 running, 1 stopping",
    ):
        assert part in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = printed(render(a_busy_picture(waiting=30), Story(), clock="x"), width)
    assert max(len(row.rstrip()) for row in text.splitlines()) <= width


def test_its_height_does_not_depend_on_how_much_waits() -> None:
    heights = {
        len(printed(render(a_busy_picture(waiting), Story(), clock="x")).splitlines()) for waiting in (0, 1, 7, 100)
    }
    assert len(heights) == 1
    assert heights.pop() <= 24 + QUEUE_ROWS + STEP_ROWS


@pytest.mark.parametrize("rows", [18, 24, 30, 40])
def test_it_fits_into_the_rows_of_the_terminal(rows: int) -> None:
    text = printed(render(a_busy_picture(waiting=30), Story(), clock="x", rows=rows), 80)
    assert len(text.splitlines()) <= rows
    assert "asks for 8 GPUs, 0 are free" in text
    assert ("last decisions" in text) is (rows > 24)


def test_nothing_but_messages_is_cut_on_80_columns() -> None:
    text = printed(render(a_busy_picture(), Story(), clock="x"), 80)
    for part in ("guaranteed", "anthropic", "┃▒▒▒▒▒▒▒▒········", "anthropic/q0", "NoFreeGPUs"):
        assert part in text
    assert "…" not in text


def test_racks_are_named_without_what_all_names_share() -> None:
    hosts = tuple(
        replace(host, place=(f"b{n // 2}", f"h100-b{n // 2}-r{n}")) for n, host in enumerate(a_busy_picture().hosts)
    )
    text = printed(render(replace(a_busy_picture(), hosts=hosts), Story(), clock="x"), 80)
    assert "b0-r0" in text
    assert "h100-b0" not in text


def test_an_empty_cluster_can_be_shown() -> None:
    assert "in use: 0 of 32 GPUs, 0 %" in printed(render(picture(), Story(), clock="x"))


def test_messages_of_the_cluster_are_no_markup() -> None:
    shown = picture(job("a", queue={"reason": "NoFreeGPUs", "message": "[bold]8[/bold] asked"}))
    assert "[bold]8[/bold] asked" in printed(render(shown, Story(), clock="x"))


def test_without_a_terminal_one_line_says_the_same() -> None:
    assert line(a_busy_picture(), Story(), clock="hour 3.0") == (
        "[hour 3.0] 88 % used  xai 4 GPUs (4 entitled, 0 borrowed, 8 lent)  "
        "anthropic 24 GPUs (16 entitled, 8 borrowed, 0 lent)  2 waiting (2 of anthropic), 0 evictions · "
        "anthropic submits its work; xai's half of the estate is idle: 28 of 32 GPUs in use"
    )
