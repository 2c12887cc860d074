"""The demo's jobs on virtual time: the same estate and rules as on the cluster."""

import math

import pytest

from demo import estate, trace, virtual
from demo.story import Act, Story
from demo.trace import GUEST, OWNER, SPEED, TraceJob
from demo.virtual import Course, Rules
from demo.virtual_picture import Looks
from entente.api.pool import GPUPool

HALF = estate.GPUS // 2


def a_job(name: str, tenant: str, submit_s: float, gpus: int, duration_s: float = 40_000.0) -> TraceJob:
    return TraceJob(name, "cluster02" if tenant == OWNER else "cluster04", submit_s, duration_s, gpus)


BORROWED_AND_TAKEN_BACK = (
    a_job("g1", GUEST, 0.0, HALF),
    a_job("g2", GUEST, 1.0, HALF),
    a_job("o1", OWNER, 4_000.0, HALF),
)


def test_the_owner_waits_only_until_the_guest_has_saved() -> None:
    courses = virtual.replay(BORROWED_AND_TAKEN_BACK, Rules())
    assert courses["o1"].waited(math.inf, 0.0) == estate.GRACE_S * SPEED
    assert (courses["g2"].evictions, courses["g2"].lost_gpu_s) == (1, 0.0)


@pytest.mark.parametrize(
    ("rules", "owner", "guest"),
    [
        pytest.param(Rules(save_s=0.0), 0.0, 36_000.0, id="a guest that has saved costs no waiting"),
        pytest.param(Rules(owner_lends=0), 0.0, 39_999.0, id="an owner that lends nothing waits for nobody"),
        pytest.param(Rules(owner_lends=HALF - 8), 0.0, 39_999.0, id="a gang that is not lent for whole waits"),
    ],
)
def test_rules_change_who_waits(rules: Rules, owner: float, guest: float) -> None:
    courses = virtual.replay(BORROWED_AND_TAKEN_BACK, rules)
    assert courses["o1"].waited(math.inf, 0.0) == owner
    assert courses["g2"].waited(math.inf, 0.0) == pytest.approx(guest)


def test_a_start_is_waiting_and_each_start_counts() -> None:
    rules = Rules(start_s=1.0)
    courses = virtual.replay(BORROWED_AND_TAKEN_BACK, rules)
    assert courses["g1"].waited(math.inf, SPEED) == SPEED
    assert len(courses["g2"].runs) == 2


def test_waiting_is_counted_up_to_the_horizon() -> None:
    course = Course(submitted=10.0, gpus=8, runs=[(20.0, 50.0), (70.0, 100.0)], ended=100.0)
    assert [course.waited(at, 5.0) for at in (15.0, 22.0, 50.0, 60.0, 200.0)] == [5.0, 12.0, 15.0, 25.0, 40.0]


def test_the_pool_is_the_demo_s_in_the_time_of_the_trace() -> None:
    pool, tenants = virtual.manifests(Rules())
    spec = GPUPool.model_validate(pool).spec
    assert (spec.notice_seconds, spec.min_runtime_seconds) == (
        estate.NOTICE_S * SPEED,
        estate.MIN_RUNTIME_S * SPEED,
    )
    assert {tenant["metadata"]["name"] for tenant in tenants} == {OWNER, GUEST}


def test_what_is_said_of_the_rules_is_what_the_demo_s_manifest_has() -> None:
    (_, pool), *_ = estate.manifests(HALF)
    spec = GPUPool.model_validate(pool).spec
    assert (spec.notice_seconds, spec.min_runtime_seconds) == (estate.NOTICE_S, estate.MIN_RUNTIME_S)


def test_pictures_tell_the_story_on_the_simulator() -> None:
    looks, story = Looks(), Story()
    virtual.replay(BORROWED_AND_TAKEN_BACK, Rules(), watch=looks.see)
    for at, picture in looks.pictures:
        story.follow(picture, at / SPEED)
    assert story.act is Act.RESTORED
    assert (story.most_borrowed, story.owner_peak) == (HALF, HALF)
    assert [step.reason for step in looks.pictures[-1][1].steps][-1] == "Started"
    assert looks.at(-1.0) is None
    assert looks.at(4_000.0) is not None


def test_all_jobs_of_the_slice_come_to_their_ends() -> None:
    courses = virtual.replay(trace.read(), Rules(), policy="static")
    assert len(courses) == len(trace.read())
    assert all(course.ended is not None for course in courses.values())
