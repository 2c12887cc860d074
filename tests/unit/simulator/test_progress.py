import pytest

from entente.simulator.progress import Pace


@pytest.mark.parametrize(
    ("now", "saves", "kept", "lost", "restart"),
    [
        pytest.param(1000.0, False, 0.0, 1000.0, 0.0, id="before the first checkpoint all is lost"),
        pytest.param(1800.0, False, 1800.0, 0.0, 0.0, id="right at a checkpoint nothing is"),
        pytest.param(4000.0, False, 3600.0, 400.0, 0.0, id="what came after the last checkpoint is"),
        pytest.param(4000.0, True, 4000.0, 0.0, 0.0, id="nothing when it is told before"),
    ],
)
def test_a_first_run_that_is_cut_short_keeps_what_it_saved(
    *, now: float, saves: bool, kept: float, lost: float, restart: float
) -> None:
    cut = Pace(0.0, 0.0, 1800.0).cut(now, saves=saves)
    assert (cut.kept_s, cut.lost_s, cut.restart_s) == (kept, lost, restart)


@pytest.mark.parametrize(
    ("now", "kept", "lost", "restart"),
    [
        pytest.param(100.0, 0.0, 0.0, 100.0, id="while it restarts no work is done"),
        pytest.param(1000.0, 0.0, 700.0, 300.0, id="work before the first checkpoint is lost"),
        pytest.param(2000.0, 1500.0, 200.0, 300.0, id="the first checkpoint saves what followed the restart"),
    ],
)
def test_a_restart_costs_its_time_first(now: float, kept: float, lost: float, restart: float) -> None:
    cut = Pace(0.0, 300.0, 1800.0).cut(now, saves=False)
    assert (cut.kept_s, cut.lost_s, cut.restart_s) == (kept, lost, restart)
    assert cut.kept_s + cut.lost_s + cut.restart_s == now


def test_half_the_workers_do_half_the_work() -> None:
    pace = Pace(100.0, 300.0, 1800.0, speed=0.5)
    assert pace.ends(1000.0) == 100.0 + 300.0 + 2000.0
    assert pace.cut(100.0 + 1800.0, saves=False).work_s == 750.0
