from dataclasses import replace
from pathlib import Path

import pytest

from bench.replay.capacity import equal_delay
from bench.replay.cases import Case, ReplayRun
from bench.replay.experiments import SMALL_TRACE
from bench.replay.runs import Runs
from entente.simulator.figures import HOUR_S

SCENARIOS = Path(__file__).parents[4] / "examples" / "scenarios"
SMALL = Case(SCENARIOS / SMALL_TRACE, SCENARIOS / "small.yaml")


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """With the load that the trace has, whatever the number of hosts."""
    text = (SCENARIOS / "small.yaml").read_text(encoding="utf-8")
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(text.replace("targetLoad: 2 ", "load: 3 "), encoding="utf-8")
    return replace(SMALL, scenario=scenario)


@pytest.mark.parametrize("most_h", [0.02, 1.0])
def test_the_least_number_of_hosts_is_found(tmp_path: Path, case: Case, most_h: float) -> None:
    runs = Runs(tmp_path, 0)
    found = equal_delay(runs, case, "backfill", most_h)
    assert found["gpus"] == found["hosts"] * 8
    assert found["mean_queue_h"] == pytest.approx(_delay_h(runs, case, found["hosts"]), abs=1e-4)
    assert found["mean_queue_h"] <= most_h < _delay_h(runs, case, found["hosts"] - 1)


def test_a_delay_that_no_number_of_hosts_gives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"backfill: the mean delay is .* h with .* hosts, and is to be -1"):
        equal_delay(Runs(tmp_path, 0), SMALL, "backfill", -1.0)


def _delay_h(runs: Runs, case: Case, hosts: int) -> float:
    jobs = runs.get(ReplayRun(replace(case, hosts=hosts), "backfill")).outcome.jobs.values()
    return sum(job.delay_s or 0.0 for job in jobs) / len(jobs) / HOUR_S
