"""What `make demo` and `make estate` start: the program itself, after what it needs is built and installed.

Meanwhile the demo tells the same story on the simulator, and how far the rest is.
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from demo import estate, trace, view, virtual
from demo.picture import Picture
from demo.preparation import Preparation, needs, told
from demo.story import Act, Story
from demo.trace import GUEST, HOUR_S, OWNER, SECONDS
from demo.virtual import START_S
from demo.virtual_picture import Looks
from localplane import interruption
from localplane.errors import PlaneError

FAILED = 1
PACE = 4.0
"""Seconds of the demo that are told in one."""
TICK_S = 0.25
PLAIN_EVERY_S = 5.0
BUILD_EVERY_S = 15.0

THE_ESTATE = f"""\
The estate: {estate.HOSTS} hosts of {estate.GPUS_PER_HOST} H100, {estate.GPUS} GPUs.
{OWNER} owns the machines, {GUEST} is its guest. Each is guaranteed {estate.GPUS // 2} GPUs.
What one does not use the other may borrow. It comes back within {estate.NOTICE_S} s.
"""
ON_THE_SIMULATOR = """
First on the simulator: the same estate, the same jobs, the production engine.
"""


def main(argv: Sequence[str] | None = None) -> int:  # noqa: RET503 - what follows `execv` is another program
    """Prepare, then become the program."""
    parser = argparse.ArgumentParser(prog="python -m demo.prelude", description=__doc__)
    parser.add_argument("--story", action="store_true", help="tell the story while something is missing")
    parser.add_argument("program", help="the module that is run then")
    parser.add_argument("arguments", nargs="*", help="its arguments")
    options = parser.parse_args(argv)
    console = Console()
    interruption.listen()
    try:
        _prepare(console, story=options.story)
    except KeyboardInterrupt:
        console.print("interrupted: everything is stopped", style="yellow")
        return interruption.INTERRUPTED
    except PlaneError as error:
        text = f"it cannot go on: {error}"
        console.print(text, style="bold red", markup=False, highlight=False, soft_wrap=True)
        return FAILED
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", options.program, *options.arguments])  # noqa: S606 - asked for


def _prepare(console: Console, *, story: bool) -> None:
    needed = needs(()) if os.environ.get("KIND") else needs()
    if needed.nothing and not (story and os.environ.get("STORY")):
        return
    if story:
        console.print(THE_ESTATE, highlight=False)
    for line in told(needed):
        console.print(line, style="dim", highlight=False, soft_wrap=True)
    with Preparation(needed) as preparation:
        if story:
            console.print(ON_THE_SIMULATOR, highlight=False)
            _tell(console, preparation)
        _await(console, preparation)


class Simulation:
    """The replay in a thread; its pictures come as it goes."""

    def __init__(self) -> None:
        self.looks = Looks()
        self.courses: dict[str, virtual.Course] = {}
        self._thread = threading.Thread(target=self._run, name="simulation", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.courses = virtual.replay(trace.read(), virtual.Rules(start_s=START_S), watch=self.looks.see)

    def has(self, at: float) -> bool:
        """Whether the replay has come to a time of the trace."""
        return not self._thread.is_alive() or bool(self.looks.pictures and self.looks.pictures[-1][0] > at)

    def join(self) -> None:
        self._thread.join()


def _tell(console: Console, preparation: Preparation) -> None:
    simulation, story = Simulation(), Story()
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    if live:
        with live:
            for picture, clock, _ in _scenes(simulation, story, preparation):
                lines = preparation.lines()
                shown = view.render(picture, story, clock=clock, rows=console.height - len(lines))
                live.update(Group(shown, Text("\n".join(lines), style="dim")), refresh=True)
    else:
        say = Plain(console)
        for picture, clock, at in _scenes(simulation, story, preparation):
            say(picture, story, clock, at)
    simulation.join()
    console.print(outcome(simulation.courses), highlight=False)


class Plain:
    """Tells the story where there is no terminal: a line at each act and now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._act: Act | None = None
        self._last = 0.0

    def __call__(self, picture: Picture, story: Story, clock: str, at: float) -> None:
        """Print the line, if its time has come; `at` is in seconds of the demo."""
        if story.act is self._act and at - self._last < PLAIN_EVERY_S * PACE:
            return
        self._act, self._last = story.act, at
        self._console.print(view.line(picture, story, clock=clock), soft_wrap=True, highlight=False, markup=False)


def _scenes(simulation: Simulation, story: Story, preparation: Preparation) -> Iterator[tuple[Picture, str, float]]:
    """Each picture when its time has come, with the clock and the seconds of the demo."""
    began = time.monotonic()
    paused = 0.0
    while (at := (time.monotonic() - began - paused) * PACE) < SECONDS:
        preparation.done()  # a failure is told at once
        now = at * trace.SPEED
        if not simulation.has(now):
            time.sleep(TICK_S)
            paused += TICK_S
            continue
        picture = simulation.looks.at(now)
        if picture is not None:
            story.follow(picture, at)
            yield picture, f"on the simulator, hour {now / HOUR_S:.1f} of the trace", at
        time.sleep(TICK_S)


def outcome(courses: Mapping[str, virtual.Course]) -> str:
    """What each tenant waited on the simulator, and what it would have waited alone, for people."""
    jobs, horizon_s, start_s = trace.read(), SECONDS * trace.SPEED, START_S * trace.SPEED
    alone = virtual.replay(jobs, virtual.Rules(start_s=START_S), policy="static")
    lines = ["", f"So far, {horizon_s / HOUR_S:.0f} h of the trace on the simulator. A job waited on average:"]
    for tenant in (OWNER, GUEST):
        mine = [job.job_id for job in jobs if job.tenant == tenant]
        shared_h, alone_h = (
            fmean(of[name].waited(horizon_s, start_s) for name in mine if name in of) / HOUR_S
            for of in (courses, alone)
        )
        lines.append(f"  {tenant:<10} {shared_h:5.2f} h here, {alone_h:5.2f} h alone on its own half")
    return "\n".join([*lines, ""])


def _await(console: Console, preparation: Preparation) -> None:
    """Show how far the preparation is until it is done."""
    if preparation.done():
        return
    console.print("A real control plane follows as soon as all is there:", highlight=False)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            while not preparation.done():
                live.update(Text("\n".join(preparation.lines())), refresh=True)
                time.sleep(TICK_S)
            live.update(Text("\n".join(preparation.lines())), refresh=True)
        return
    told_at = 0.0
    while not preparation.done():
        if time.monotonic() - told_at >= BUILD_EVERY_S:
            told_at = time.monotonic()
            for line in preparation.lines():
                console.print(line, soft_wrap=True, highlight=False)
        time.sleep(TICK_S)


if __name__ == "__main__":
    sys.exit(main())
