"""What the demo makes in the background is told as it goes, and ended with it."""

import sys
import textwrap
from pathlib import Path

import pytest

from demo import preparation
from demo.preparation import Needs, Preparation, module_line, told
from localplane import PlaneError
from localplane.binaries import Source
from localplane.progress import Stage


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        pytest.param(None, "kwok                   waits", id="its turn has not come"),
        pytest.param(
            Stage("kwok", "v1", "downloading modules", 3.0),
            "kwok v1                downloading modules (0:03)",
            id="begun",
        ),
        pytest.param(
            Stage("kwok", "v1", "compiled 5 of at most 10 packages, now x/y", 60.0, 0.5),
            "kwok v1                ██████······  50% compiled 5 of at most 10 packages",
            id="half",
        ),
        pytest.param(
            Stage("kwok", "v1", "built", 150.0, 1.0, done=True), "kwok v1                built in 2:30", id="built"
        ),
    ],
)
def test_each_module_has_a_line(stage: Stage | None, line: str) -> None:
    assert module_line("kwok", stage) == line


def test_a_line_of_the_largest_module_fits_80_columns() -> None:
    stage = Stage("kubernetes", "v1.37.2", "compiled 2648 of at most 2648 packages, now x", 3.0, fraction=1.0)
    assert len(module_line("kubernetes", stage)) <= 80


def test_it_is_told_which_binaries_come_from_where_and_what_is_built() -> None:
    silent = Path("/bin/true")
    there = [Source("etcd", silent, "KUBEBUILDER_ASSETS"), Source("kubectl", silent, "PATH")]
    lines = told(Needs(packages=True, build={"kwok": ["kwok"]}, there=there))
    assert lines[0].startswith("KUBEBUILDER_ASSETS: etcd")
    assert lines[1].startswith("PATH: kubectl")
    assert lines[2].startswith("to be built, once, about 2 minutes on 2 cores: kwok v")
    assert lines[3] == "to be installed: the rest of the Python packages, about 1 minute"


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that fails."""
    script = textwrap.dedent("""
        import sys
        print("no such package", file=sys.stderr)
        sys.exit(3)
    """)
    monkeypatch.setattr(preparation, "INSTALL", (sys.executable, "-c", script))


@pytest.mark.usefixtures("installer")
def test_a_part_that_fails_says_why() -> None:
    with Preparation(Needs(packages=True, build={}, there=())) as made:
        made._jobs["packages"].process.wait(30)
        with pytest.raises(PlaneError, match=r"the packages could not be made \(exit code 3\):\nno such package"):
            made.done()


def test_what_is_not_done_ends_with_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "INSTALL", (sys.executable, "-c", "import time; time.sleep(600)"))
    with Preparation(Needs(packages=True, build={}, there=())) as made:
        assert not made.done()
        assert made.lines()[0].startswith("Python packages        installing (0:0")
    assert all(job.process.returncode is not None for job in made._jobs.values())
