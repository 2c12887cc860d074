"""Runs the demo: plane, operator, estate, replay, summary; ends everything it has started."""

import argparse
import contextlib
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from demo import gains, ground, record, summary, trace, view
from demo.cluster import ApiError, Cluster
from demo.kind_cluster import KindError
from demo.operator_process import OperatorProcess
from demo.picture import Picture
from demo.replay import Replay
from demo.setup import install_resources, open_estate
from demo.story import Story
from demo.trainers import Trainers
from localplane import PlaneError, interruption

PLAIN_EVERY_S = 5.0
REFRESH_S = 0.5
HOLD_S = 1.0
IMAGE = os.environ.get("DEMO_IMAGE", "busybox:1.37")

FAILED = 1


@dataclass(frozen=True, slots=True)
class Options:
    seconds: float
    hold: bool
    kind: bool
    image: str
    directory: Path | None
    record: Path | None


class _Screen:
    """Shows pictures: live on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._last = -math.inf

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        with self._live or contextlib.nullcontext():
            yield

    def show(self, picture: Picture, story: Story, elapsed_s: float, *, clock: str) -> None:
        every = REFRESH_S if self._live else PLAIN_EVERY_S
        if elapsed_s - self._last < every:
            return
        self._last = elapsed_s
        if self._live:
            self._live.update(view.render(picture, story, clock=clock, rows=self._console.height), refresh=True)
        else:
            self._console.print(view.line(picture, story, clock=clock), soft_wrap=True, highlight=False, markup=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; the exit code is 0 when everything went as promised."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Two labs share one GPU estate.")
    parser.add_argument(
        "--seconds", type=float, default=trace.SECONDS, help="length of the replay (default: %(default)s)"
    )
    parser.add_argument(
        "--hold",
        action="store_true",
        default=bool(os.environ.get("HOLD")),
        help="keep everything running afterwards, until Ctrl-C (also: HOLD=1)",
    )
    parser.add_argument(
        "--kind",
        action="store_true",
        default=bool(os.environ.get("KIND")),
        help="use a kind cluster of its own instead of the local control plane (also: KIND=1)",
    )
    parser.add_argument(
        "--image", default=IMAGE, help="of the workers with --kind; needs a shell (default: %(default)s)"
    )
    parser.add_argument("--directory", type=Path, help="keep logs and data of the control plane here")
    parser.add_argument("--record", type=Path, help="write the figures and the course of the run here, as JSON")
    given = parser.parse_args(argv)
    console = Console()
    interruption.listen()
    try:
        return _run(Options(**vars(given)), console)
    except KeyboardInterrupt:
        console.print("interrupted: everything is stopped", style="yellow")
        return interruption.INTERRUPTED
    except (ApiError, KindError, PlaneError, TimeoutError) as error:
        text = "\n".join([f"the demo cannot go on: {error}", *getattr(error, "__notes__", ())])
        console.print(text, style="bold red", markup=False, highlight=False, soft_wrap=True)
        return FAILED


def _run(options: Options, console: Console) -> int:
    console.print("starting a kind cluster ..." if options.kind else "starting a control plane on loopback ...")
    with ground.kind(options.directory, options.image) if options.kind else ground.local(options.directory) as place:
        console.print(f"to look around in another terminal:  {place.export}", soft_wrap=True, highlight=False)
        cluster = Cluster(place.kubeconfig)
        install_resources(cluster)
        with OperatorProcess(place.kubeconfig, place.directory) as operator:
            open_estate(cluster, place.gpus, operator.keep)
            jobs = [job for job in trace.read() if job.gpus >= place.least_gpus]
            console.print(f"{place.hosts} hosts, operator and tenants are there: {len(jobs)} jobs of the trace follow")
            pods = place.pods(cluster)
            replay = Replay(cluster, jobs, pods.template)
            with contextlib.closing(_Background(replay, Trainers(cluster, pods.end))):
                code = _replay(replay, jobs, place, options, console, operator)
                if options.hold:
                    _hold(operator, console, place.export)
                return code


class _Background:
    def __init__(self, replay: Replay, trainers: Trainers) -> None:
        self._replay = replay
        replay.start(trainers)

    def close(self) -> None:
        self._replay.stop()


def _replay(
    replay: Replay,
    jobs: Sequence[trace.TraceJob],
    place: ground.Ground,
    options: Options,
    console: Console,
    operator: OperatorProcess,
) -> int:
    screen, samples = _Screen(console), record.Samples()

    def tick(picture: Picture, elapsed_s: float) -> None:
        operator.keep()
        hours = elapsed_s * trace.SPEED / trace.HOUR_S
        clock = f"hour {hours:.1f} of the trace, {elapsed_s:.0f} s of {options.seconds:.0f} s"
        screen.show(picture, replay.story, elapsed_s, clock=clock)
        samples.see(picture, elapsed_s)

    with screen.shown():
        replay.run(options.seconds, tick)
    now = time.time()
    submitted = [job for job in jobs if job.submit_s / trace.SPEED < options.seconds]
    result = summary.summarise(
        submitted,
        replay.outcome(),
        hosts=place.hosts,
        gpus_per_host=place.gpus_per_host,
        began=replay.began,
        horizon_s=now - replay.began,
        claims=[*replay.claims.met(), *replay.claims.waiting(now).values()],
        start_s=replay.claims.start_seconds(),
        story=replay.story,
    )
    console.print(summary.render(result, replay.story))
    found = _explain(console, result, replay.story, submitted, options)
    if options.record:
        text = record.document(result, replay.story, samples, found, seconds=options.seconds)
        record.write(options.record, text)
    return FAILED if result.failures else 0


def _explain(
    console: Console,
    result: summary.Summary,
    story: Story,
    submitted: Sequence[trace.TraceJob],
    options: Options,
) -> list[gains.Setting]:
    """Say who gained and who lost, why, and what other settings would have done."""
    console.print()
    for gain in record.gains_of(result):
        for line in gains.told(gain, most_borrowed=story.most_borrowed):
            console.print(line, highlight=False)
    if options.kind:
        return []  # another estate than the simulator's
    console.print("\nWhat other settings do with these jobs, on the simulator ...", highlight=False)
    found = gains.settings(submitted, horizon_s=options.seconds * trace.SPEED, start_s=round(result.start_s, 1))
    console.print(summary.settings(found))
    return found


def _hold(operator: OperatorProcess, console: Console, export: str) -> None:
    console.print(f"still running until Ctrl-C; try\n  {export}", soft_wrap=True, highlight=False)
    console.print("  kubectl get gpools,tenants,trainingjobs -A\n  kubectl apply -f examples/")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            operator.keep()
            time.sleep(HOLD_S)


if __name__ == "__main__":
    sys.exit(main())
