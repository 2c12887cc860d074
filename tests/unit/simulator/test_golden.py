import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from entente.cli.main import main

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("policy", ["entente", "static"])
def test_a_replay_is_the_one_that_was_written_down(tmp_path: Path, policy: str) -> None:
    """golden/README.md says how the logs are written anew."""
    inputs = ["--trace", str(GOLDEN / "reclaim.csv"), "--scenario", str(GOLDEN / "reclaim.yaml")]
    result = CliRunner().invoke(main, ["simulate", *inputs, "--policy", policy, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    log = f"events-{policy}.jsonl"
    found = (tmp_path / log).read_text(encoding="utf-8").splitlines()
    for line, (mine, wanted) in enumerate(
        zip(found, (GOLDEN / log).read_text(encoding="utf-8").splitlines(), strict=True), start=1
    ):
        assert mine == wanted, f"{log}:{line}"


def test_what_was_written_down_has_what_it_is_for() -> None:
    rows = [json.loads(line) for line in (GOLDEN / "events-entente.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["event"] for row in rows} == {"Submit", "Start", "Stop", "Stopped", "Fail", "Finish"}
    assert {"Guarantee", "FairShare"} <= {row.get("cause") for row in rows}
