import io
from pathlib import Path

from bench.replay.cases import Case
from bench.replay.mix import DAYS, LARGE, written
from entente.engine.model import DAY_S
from entente.simulator.trace import parse

SCENARIOS = Path(__file__).parents[4] / "examples" / "scenarios"
JOBS = parse(io.StringIO(written(1)), "mix")


def test_the_same_seed_draws_the_same_mix_and_another_one_does_not() -> None:
    assert written(1) == written(1)
    assert written(1) != written(2)


def test_a_third_of_the_work_is_in_few_large_gangs() -> None:
    large = [job for job in JOBS if job.gpus >= LARGE]
    assert 0 < len(large) < len(JOBS) / 50
    assert 0.25 < sum(job.gpu_s for job in large) / sum(job.gpu_s for job in JOBS) < 0.4
    assert {job.tenant for job in large} == {"train-a", "train-b"}


def test_it_asks_for_about_as_much_as_the_scenario_wants() -> None:
    load = sum(job.gpu_s for job in JOBS) / (1600 * DAYS * DAY_S)
    assert 0.8 < load < 1.0
    assert max(job.submit_s for job in JOBS) < DAYS * DAY_S


def test_all_of_it_can_run_on_the_scenario_s_estate(tmp_path: Path) -> None:
    trace = tmp_path / "mix.csv"
    trace.write_text(written(1), encoding="utf-8")
    setting = Case(trace, SCENARIOS / "gangs.yaml").setting()
    assert (len(setting.jobs), setting.too_large, round(setting.load, 3)) == (len(JOBS), 0, 0.85)
    assert sum(node.capacity for node in setting.site.nodes.values()) == 1600
