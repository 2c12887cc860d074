"""Save when told to stop, and go on from the latest checkpoint: what a training script does to run well under Entente.

The model here is one number, so that the file runs anywhere and without a GPU. Put your own state, step and way to
save in its place; the loop in `train` stays as it is.
"""

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

LATEST = "latest.json"
"""Name of the checkpoint in its folder."""


@dataclass(frozen=True, slots=True)
class State:
    """All that a start needs to go on from where the one before it was."""

    step: int = 0
    loss: float = 1.0


def load(folder: Path) -> State:
    """The latest checkpoint; a fresh state where there is none."""
    latest = folder / LATEST
    return State(**json.loads(latest.read_text(encoding="utf-8"))) if latest.exists() else State()


def save(folder: Path, state: State) -> None:
    """Write a checkpoint. Whoever is killed meanwhile leaves the one before it whole."""
    if os.environ.get("RANK", "0") != "0":
        return
    folder.mkdir(parents=True, exist_ok=True)
    half = folder / f"{LATEST}.half"
    half.write_text(json.dumps(asdict(state)), encoding="utf-8")
    half.replace(folder / LATEST)
    print(f"saved step {state.step}, loss {state.loss:.4f}", flush=True)


def advance(state: State, seconds: float) -> State:
    """One step of training, which takes some seconds."""
    time.sleep(seconds)
    return State(step=state.step + 1, loss=state.loss * 0.99)


def train(folder: Path, steps: int, save_every: int, step_seconds: float) -> None:
    """Train up to a step; saves every so many steps, and when it is told to stop.

    Raises:
        SystemExit: with 143 (128 + SIGTERM), when it was told to stop and has saved.
    """
    told = Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    state = load(folder)
    print(f"start at step {state.step}, worker {os.environ.get('RANK', '0')} of {os.environ.get('WORLD_SIZE', '1')}")
    while state.step < steps:
        state = advance(state, step_seconds)
        stop = told.is_set()
        if stop or state.step % save_every == 0 or state.step == steps:
            save(folder, state)
        if stop:
            sys.exit(128 + signal.SIGTERM)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where checkpoints are; all workers of all starts must see it")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--save-every", type=int, default=100, metavar="STEPS")
    parser.add_argument("--step-seconds", type=float, default=0.1)
    given = parser.parse_args()
    train(given.folder, given.steps, given.save_every, given.step_seconds)


if __name__ == "__main__":
    main()
