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

from demo import estate, fake_pods, interruption, summary, trace, view
from demo.cluster import ApiError, Cluster
from demo.operator_process import OperatorProcess
from demo.picture import Picture
from demo.replay import Replay
from demo.setup import install_resources, open_estate
from demo.story import Story
from demo.trainers import Trainers
from localplane import LocalPlane, PlaneError

SECONDS = 155.0
"""Length of the replay: the last job is submitted after 119 s."""

PLAIN_EVERY_S = 5.0
REFRESH_S = 0.5

FAILED, INTERRUPTED = 1, 130


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    seconds: float
    hold: bool
    directory: Path | None


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
            self._live.update(view.render(picture, story, clock=clock), refresh=True)
        else:
            self._console.print(view.line(picture, story, clock=clock), soft_wrap=True, highlight=False, markup=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; the exit code is 0 when everything went as promised."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Two labs share one GPU estate.")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of the replay (default: %(default)s)")
    parser.add_argument(
        "--hold",
        action="store_true",
        default=bool(os.environ.get("HOLD")),
        help="keep everything running afterwards, until Ctrl-C (also: HOLD=1)",
    )
    parser.add_argument("--directory", type=Path, help="keep logs and data of the control plane here")
    given = parser.parse_args(argv)
    console = Console()
    interruption.listen()
    try:
        return _run(Options(given.seconds, given.hold, given.directory), console)
    except KeyboardInterrupt:
        console.print("interrupted: everything is stopped", style="yellow")
        return INTERRUPTED
    except (ApiError, PlaneError, TimeoutError) as error:
        text = "\n".join([f"the demo cannot go on: {error}", *getattr(error, "__notes__", ())])
        console.print(text, style="bold red", markup=False, highlight=False, soft_wrap=True)
        return FAILED


def _run(options: Options, console: Console) -> int:
    jobs = trace.read()
    console.print("starting a control plane on loopback ...")
    with LocalPlane(options.directory) as plane:
        console.print(f"to look around in another terminal:  export KUBECONFIG={plane.kubeconfig}", soft_wrap=True)
        plane.add_gpu_nodes(estate.HOSTS, gpus=estate.GPUS_PER_HOST, blocks=estate.BLOCKS, racks=estate.RACKS_PER_BLOCK)
        cluster = Cluster(plane.kubeconfig)
        install_resources(cluster)
        with OperatorProcess(plane.kubeconfig, plane.directory / "operator") as operator:
            open_estate(cluster, estate.HOSTS * estate.GPUS_PER_HOST, operator.keep)
            console.print(f"{estate.HOSTS} hosts, operator and tenants are there: {len(jobs)} jobs of the trace follow")
            replay = Replay(cluster, jobs, fake_pods.template)
            pods = fake_pods.FakePods(cluster)
            with contextlib.closing(_Background(replay, Trainers(cluster, pods.end))):
                code = _replay(replay, jobs, options, console, operator)
                if options.hold:
                    _hold(replay, console, plane.kubeconfig)
                return code


class _Background:
    """The replay's threads, started."""

    def __init__(self, replay: Replay, trainers: Trainers) -> None:
        self._replay = replay
        replay.start(trainers)

    def close(self) -> None:
        self._replay.stop()


def _replay(
    replay: Replay, jobs: Sequence[trace.TraceJob], options: Options, console: Console, operator: OperatorProcess
) -> int:
    screen = _Screen(console)

    def tick(picture: Picture, elapsed_s: float) -> None:
        operator.keep()
        hours = elapsed_s * trace.SPEED / summary.HOUR_S
        clock = f"hour {hours:.1f} of the trace, {elapsed_s:.0f} s of {options.seconds:.0f} s"
        screen.show(picture, replay.story, elapsed_s, clock=clock)

    with screen.shown():
        replay.run(options.seconds, tick)
    now = time.time()
    result = summary.summarise(
        [job for job in jobs if job.submit_s / trace.SPEED < options.seconds],
        replay.outcome(),
        began=replay.began,
        horizon_s=now - replay.began,
        claims=[*replay.claims.met(), *replay.claims.waiting(now).values()],
        start_s=replay.claims.start_seconds(),
        story=replay.story,
    )
    console.print(summary.render(result, replay.story))
    return FAILED if result.failures else 0


def _hold(replay: Replay, console: Console, kubeconfig: Path) -> None:
    console.print(f"still running until Ctrl-C; try\n  export KUBECONFIG={kubeconfig}", soft_wrap=True)
    console.print("  kubectl get gpools,tenants,trainingjobs -A\n  kubectl apply -f examples/")
    while True:
        replay.picture()
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
