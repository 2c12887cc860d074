"""How far a build is, and how long the rest takes."""

import io

import pytest

from localplane import progress
from localplane.progress import Clock, Stage, TextTeller

ALL = ["etcd", "kubernetes", "kwok"]
TYPICAL = sum(progress.TYPICAL_SECONDS[name] for name in ALL)


def stage(module: str = "etcd", seconds: float = 0.0, fraction: float = 0.0, *, done: bool = False) -> Stage:
    return Stage(module, "v1", "built" if done else "compiled", seconds, fraction, done=done)


def test_before_anything_is_built_all_takes_what_is_typical() -> None:
    assert Clock(ALL).left(None) == TYPICAL


@pytest.mark.parametrize(
    ("seconds", "least", "most"),
    [
        pytest.param(300.0, 300 + 150 - 1, 300 + 150 + 1, id="as fast as is typical"),
        pytest.param(600.0, 850, 900, id="half as fast"),
        pytest.param(30.0, 60, 80, id="most of it was in the cache of Go"),
        pytest.param(9000.0, 1800, 1800, id="a machine that stood still is not believed without end"),
    ],
)
def test_the_rest_is_as_fast_as_this_machine_has_been(seconds: float, least: float, most: float) -> None:
    assert least <= Clock(["kubernetes", "kwok"]).left(stage("kubernetes", seconds, 0.5)) <= most


def test_nothing_is_left_when_all_is_built() -> None:
    clock = Clock(["etcd"])
    clock.finished(stage(seconds=50, fraction=1.0, done=True))
    assert clock.left(stage(seconds=50, fraction=1.0, done=True)) == 0


def test_a_log_has_the_time_and_what_is_left_and_not_every_package() -> None:
    report = io.StringIO()
    tell = TextTeller(report, ["etcd", "kwok"])
    tell(Stage("etcd", "v3", "downloading modules", 0.0))
    tell(stage(seconds=1, fraction=0.1))
    tell(stage(seconds=2, fraction=0.2))
    tell(stage(seconds=55, fraction=1.0, done=True))
    assert report.getvalue().splitlines() == [
        "etcd v3: downloading modules (0:00, about 3 minutes left)",
        "etcd v1: built (0:55, about 2 minutes left)",
    ]


def test_a_stage_passes_between_processes() -> None:
    report = io.StringIO()
    progress.JsonTeller(report)(stage("kwok", 3.0, 0.5))
    assert progress.read(report.getvalue()) == stage("kwok", 3.0, 0.5)
    assert progress.read("waiting for another process\n") is None


@pytest.mark.parametrize(
    ("seconds", "said"), [(10, "less than a minute"), (60, "about 1 minute"), (700, "about 12 minutes")]
)
def test_times_are_told_in_minutes(seconds: float, said: str) -> None:
    assert progress.minutes(seconds) == said
