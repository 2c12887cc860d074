from dataclasses import replace
from pathlib import Path

import pytest

from bench.replay.cases import Case, ReplayRun
from bench.replay.experiments import SMALL_TRACE
from entente.cli.documents import InputError

SCENARIOS = Path(__file__).parents[4] / "examples" / "scenarios"
SMALL = Case(SCENARIOS / SMALL_TRACE, SCENARIOS / "small.yaml")


def test_without_changes_it_is_the_scenario() -> None:
    setting = SMALL.setting()
    assert (len(setting.jobs), len(setting.site.nodes), round(setting.load, 3)) == (400, 16, 2.0)
    assert not setting.site.pools["small"].exclusive


def test_what_an_experiment_changes_is_changed() -> None:
    changed = replace(SMALL, exclusive=True, hosts=24, target_load=1.2, failures_per_thousand=0.47)
    setting = changed.setting()
    assert (len(setting.site.nodes), round(setting.load, 3)) == (24, 1.2)
    assert setting.site.pools["small"].exclusive
    assert all(tenant.terms["small"].guaranteed % 8 == 0 for tenant in setting.site.tenants.values())
    assert setting.conditions.failures is not None
    begin = SMALL.setting().jobs[0][0].submitted
    assert begin == 0.0


def test_a_slice_has_the_jobs_of_its_days() -> None:
    day = 86_400.0
    every = [job.submitted for job, _ in SMALL.setting().jobs]
    assert every == sorted(every)
    first = _first_day(SMALL)
    some = replace(SMALL, days=(first, first + 0.1), target_load=None)
    assert 0 < len(some.setting().jobs) < 400
    assert some.setting().window_s <= 0.1 * day * 10


def _first_day(case: Case) -> float:
    line = case.trace.read_text(encoding="utf-8").splitlines()[1]
    return float(line.split(",")[2]) / 86_400.0


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(ReplayRun(replace(SMALL, hosts=17), "fifo"), id="hosts"),
        pytest.param(ReplayRun(replace(SMALL, exclusive=True), "fifo"), id="sharing"),
        pytest.param(ReplayRun(replace(SMALL, days=(0.0, 1e3)), "fifo"), id="window"),
        pytest.param(ReplayRun(replace(SMALL, target_load=1.0), "fifo"), id="load"),
        pytest.param(ReplayRun(replace(SMALL, failures_per_thousand=1.0), "fifo"), id="failures"),
        pytest.param(ReplayRun(SMALL, "fair"), id="policy"),
    ],
)
def test_results_of_different_runs_are_kept_apart(changed: ReplayRun) -> None:
    plain = ReplayRun(SMALL, "fifo")
    assert plain.key() == ReplayRun(SMALL, "fifo").key()
    assert changed.key() != plain.key()


def test_a_file_without_a_scenario_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text((SCENARIOS / "small.yaml").read_text(encoding="utf-8").partition("---")[0], encoding="utf-8")
    with pytest.raises(InputError, match=r"pools\.yaml: 0 documents of kind Scenario; 1 is needed"):
        replace(SMALL, scenario=file).setting()
