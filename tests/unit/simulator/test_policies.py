import random
from functools import partial

import pytest

from entente.simulator.failures import failures
from entente.simulator.policies import NAMES, policy_of
from entente.simulator.policy import SimJob, Site
from entente.simulator.replay import Conditions, Replay, Row
from tests.support.replays import a_sim_job, a_site


def jobs(seed: int, count: int) -> list[tuple[SimJob, float]]:
    draws = random.Random(seed)  # noqa: S311 - a sample for a test
    at, made = 0.0, list[tuple[SimJob, float]]()
    for number in range(count):
        at += draws.choice((0.0, 5.0, 60.0, 300.0))
        workers, gpus = draws.choice(((1, 1), (1, 1), (1, 2), (1, 4), (1, 8), (2, 8)))
        job = a_sim_job(f"{draws.choice('xxyz')}/{number}", workers=workers, gpus_per_worker=gpus, submitted=at)
        made.append((job, float(draws.choice((20, 300, 2000, 7000)))))
    return made


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("exclusive", [False, True], ids=["shared", "exclusive"])
@pytest.mark.parametrize("host_down", [0.0, 900.0], ids=["failures", "lost hosts"])
def test_every_policy_gets_everything_done_and_the_same_again(name: str, host_down: float, *, exclusive: bool) -> None:
    made = a_site({"x": 16, "y": 16, "z": 16}, hosts=6, exclusive=exclusive)
    site = Site(made.pools, made.nodes, made.tenants, dict.fromkeys(made.tenants, 16))
    conditions = Conditions(host_down_s=host_down, failures=partial(failures, site.nodes, 500.0, 1))
    logs: list[list[Row]] = [[], []]
    for log in logs:
        outcome = Replay(
            site, jobs(3, 120), policy_of(name, site), name=name, conditions=conditions, log=log.append
        ).run()
        assert [key for key, job in outcome.jobs.items() if job.end is None] == []
        held = sum(job.held_gpu_s for job in outcome.jobs.values())
        assert outcome.pools["h100"].held == pytest.approx(held)
    assert logs[0] == logs[1]
