"""The example trainer saves when it is told to stop, and the next start goes on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.save_on_sigterm import LATEST, State, load, save

SCRIPT = Path(__file__).resolve().parents[3] / "examples" / "training" / "save_on_sigterm.py"
TOLD_TO_STOP = 128 + signal.SIGTERM
FOREVER = 10_000_000


def _start(folder: Path, steps: int, *, rank: int = 0) -> subprocess.Popen[str]:
    arguments = [str(folder), "--steps", str(steps), "--save-every", "5", "--step-seconds", "0.001"]
    return subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "2"},
        stdout=subprocess.PIPE,
        text=True,
    )


def _ended(trainer: subprocess.Popen[str]) -> list[str]:
    """The lines of a trainer that ends by itself."""
    with trainer:
        said, _ = trainer.communicate(timeout=60)
    assert trainer.returncode == 0
    return said.splitlines()


def _saved(folder: Path) -> int:
    return int(json.loads((folder / LATEST).read_text())["step"])


def test_a_trainer_that_gets_sigterm_saves_and_goes_on_from_there_at_its_next_start(tmp_path: Path) -> None:
    with _start(tmp_path, FOREVER) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "start at step 0, worker 0 of 2\n"
        assert first.stdout.readline() == "saved step 5, loss 0.9510\n"
        first.send_signal(signal.SIGTERM)
        told = first.stdout.read().splitlines()
    assert first.returncode == TOLD_TO_STOP
    reached = _saved(tmp_path)
    assert told[-1].startswith(f"saved step {reached}, ")
    assert _ended(_start(tmp_path, reached + 3))[0] == f"start at step {reached}, worker 0 of 2"
    assert _saved(tmp_path) == reached + 3


def test_only_the_first_worker_writes(tmp_path: Path) -> None:
    assert _ended(_start(tmp_path, 5, rank=1)) == ["start at step 0, worker 1 of 2"]
    assert not list(tmp_path.iterdir())


def test_a_save_that_was_cut_off_leaves_the_checkpoint_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RANK", raising=False)
    save(tmp_path, State(step=7, loss=0.5))
    (tmp_path / f"{LATEST}.half").write_text('{"step": 8, "lo')
    assert load(tmp_path) == State(step=7, loss=0.5)
    save(tmp_path, State(step=9, loss=0.4))
    assert load(tmp_path) == State(step=9, loss=0.4)
