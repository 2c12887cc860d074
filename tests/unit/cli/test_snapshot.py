"""`entente snapshot`: what it writes makes the same decision elsewhere, and holds nothing that nobody needs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from entente.cli.documents import read
from entente.cli.main import main
from entente.cli.plan import printed
from entente.cli.snapshot import taken
from entente.engine.decisions import Plan
from entente.engine.planner import decide
from tests.support import manifests
from tests.support.eventful import MOMENT, OPERATOR, PRIVATE, ago, asked, estate, inputs
from tests.support.recorded import Recorded


def test_what_is_written_is_what_was_seen(tmp_path: Path) -> None:
    seen = inputs()
    file = tmp_path / "snapshot.json"
    file.write_text(seen.to_json(), encoding="utf-8")
    there = read([str(file)])
    assert there.moment == MOMENT
    again = there.inputs(MOMENT)
    assert asked(again) == asked(seen)
    assert again.to_json() == seen.to_json()


def test_the_decision_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    seen = inputs()
    here: Plan = decide(asked(seen))
    assert here.decisions
    file = tmp_path / "snapshot.json"
    file.write_text(seen.to_json(), encoding="utf-8")
    there = CliRunner().invoke(main, ["plan", "-f", str(file), "-o", "json"])
    assert there.exit_code == 0, there.output
    assert there.output == printed(here)
    explicit = CliRunner().invoke(main, ["plan", "-f", "-", "-o", "json", "--now", MOMENT.isoformat()], seen.to_json())
    assert explicit.output == printed(here)


def test_the_order_in_which_objects_are_listed_does_not_matter() -> None:
    shuffled = estate()
    random.Random(7).shuffle(shuffled)  # noqa: S311 - the same order each time
    assert inputs(shuffled).to_json() == inputs().to_json()


def test_it_holds_nothing_that_people_write_as_they_like() -> None:
    text = inputs().to_json()
    assert PRIVATE not in text
    for word in ("env", "managedFields", "note", "message", "members", "command", "trainer", "serial"):
        assert word not in text, word


def test_made_up_hosts_finished_pods_and_other_nodes_are_left_out() -> None:
    items = json.loads(inputs().to_json())["items"]
    names = {(item["kind"], item["metadata"]["name"]) for item in items}
    assert ("Node", "other") not in names
    assert {name for kind, name in names if kind == "Pod"} == {
        "saver-0-0",
        "borrower-0-0",
        "rest-0-0",
        "squatter",
        "gone-0-0",
        "unplaced-0-0",
    }
    pool = next(item for item in items if item["kind"] == "GPUPool")
    assert "simulated" not in pool["spec"]


def test_an_object_that_cannot_be_read_is_left_out_and_named() -> None:
    wrong = manifests.changed(manifests.job("odd"), spec__workers="many")
    warnings: list[str] = []
    found = taken(Recorded([*estate(), wrong]), OPERATOR, MOMENT, warnings.append)
    assert "odd" not in found.to_json()
    assert len(warnings) == 1
    assert warnings[0].startswith("left out: TrainingJob anthropic-research/odd cannot be read: spec.workers: ")


def _written(tmp_path: Path, name: str, moment: str) -> str:
    body = {"apiVersion": "v1", "kind": "List", "metadata": {"annotations": {"entente.dev/decided-at": moment}}}
    file = tmp_path / name
    file.write_text(json.dumps({**body, "items": []}), encoding="utf-8")
    return str(file)


def test_snapshots_of_two_moments_need_to_be_told_which(tmp_path: Path) -> None:
    files = [_written(tmp_path, name, ago(seconds)) for name, seconds in (("a.json", 0), ("b.json", 60))]
    args = ["plan", "-f", files[0], "-f", files[1], "-o", "json"]
    refused = CliRunner().invoke(main, args)
    assert refused.exit_code == 2
    assert "say which by --now" in refused.output
    assert CliRunner().invoke(main, [*args, "--now", ago(0)]).exit_code == 0


def test_a_moment_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["plan", "-f", _written(tmp_path, "a.json", "noon")])
    assert result.exit_code == 2
    assert "a.json:1: metadata.annotations.entente.dev/decided-at: 'noon' is not an RFC 3339 time" in result.output


@pytest.mark.parametrize(
    ("args", "words"),
    {
        "a kubeconfig that is not there": (["--kubeconfig", "/nowhere/config"], "no cluster: /nowhere/config"),
        "a context that is not there": (["--context", "none"], "no cluster"),
    }.values(),
)
def test_no_cluster_is_said(args: list[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    result = CliRunner().invoke(main, ["snapshot", *args])
    assert result.exit_code == 1
    assert words in result.output
