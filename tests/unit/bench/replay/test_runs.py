from pathlib import Path

import pytest

from bench.replay.runs import Runs
from tests.support.replay_runs import Noted, noted


def test_a_run_is_made_once_whoever_asks(tmp_path: Path) -> None:
    notes, folder = tmp_path / "notes", tmp_path / "runs"
    one, two = Noted(notes, 1), Noted(notes, 2)
    assert list(Runs(folder, 2).each([one, two, one])) == [2, 4, 2]
    assert sorted(noted(notes)) == ["1", "2"]
    assert Runs(folder).get(two) == 4  # a later command goes on with what is there
    assert sorted(noted(notes)) == ["1", "2"]


def test_what_fails_is_said_and_the_others_are_kept(tmp_path: Path) -> None:
    notes, folder = tmp_path / "notes", tmp_path / "runs"
    with pytest.raises(ValueError, match="number: -1"):
        Runs(folder).do([Noted(notes, -1), Noted(notes, 3)])
    assert Runs(folder).get(Noted(notes, 3)) == 6
    assert sorted(noted(notes)) == ["-1", "3"]
    assert [file.name.partition("-0")[0] for file in folder.iterdir()] == ["noted-3"]  # and no part of a file
