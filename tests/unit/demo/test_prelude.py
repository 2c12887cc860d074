"""The story is told on the simulator with the few packages that are installed first."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from demo import estate, prelude, trace, virtual
from demo.prelude import Plain, outcome
from demo.story import Act, Story
from tests.support.demo import job, picture

ROOT = Path(__file__).parents[3]

LOADED = """
import sys
import demo.prelude, entente.simulator.baselines.static
names = {name.partition(".")[0] for name in sys.modules}
print(*sorted(names - set(sys.stdlib_module_names)))
"""


def installed_first() -> set[str]:
    found = re.search(r"(?m)^FIRST_PACKAGES := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert found
    return set(found[1].split("|"))


def test_what_is_installed_first_is_enough() -> None:
    paths = ":".join(str(ROOT / part) for part in ("operator", "hack", "examples"))
    command = [sys.executable, "-c", LOADED]
    done = subprocess.run(command, env={"PYTHONPATH": paths}, capture_output=True, text=True, check=True)  # noqa: S603 - a line above
    distributions = packages_distributions()
    # pip's own, and the repository itself, belong to no package of the lock
    needed = {
        name.lower().replace("_", "-") for module in done.stdout.split() for name in distributions.get(module, ())
    }
    assert needed - {"entente", "setuptools", "pip"} <= installed_first()


def test_what_is_installed_first_is_locked() -> None:
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    assert all(re.search(rf"(?m)^{re.escape(name)}==", lock) for name in installed_first())


def test_the_estate_is_the_demo_s() -> None:
    assert f"{estate.HOSTS} hosts of {estate.GPUS_PER_HOST} H100, {estate.GPUS} GPUs" in prelude.THE_ESTATE
    assert f"within {estate.NOTICE_S} s" in prelude.THE_ESTATE
    assert max(map(len, prelude.THE_ESTATE.splitlines())) <= 80


def test_without_a_terminal_there_is_a_line_at_each_act_and_now_and_then() -> None:
    console = Console(file=StringIO(), width=200, color_system=None)
    say, story = Plain(console), Story()
    shown = picture(job("a", phase="Running", nodes={"n0": 1}), guest={"entitled": 8})
    with console.capture() as capture:
        say(shown, story, "hour 0", 0.0)
        say(shown, story, "hour 1", 5.0)
        story.act = Act.BORROWS
        say(shown, story, "hour 2", 6.0)
        say(shown, story, "hour 3", 40.0)
    assert re.findall(r"\[hour (\d)\]", capture.get()) == ["0", "2", "3"]


def test_it_ends_with_what_each_tenant_waited() -> None:
    courses = virtual.replay(trace.read(), virtual.Rules(), policy="static")
    lines = outcome(courses).splitlines()
    assert re.fullmatch(r"  xai +\d+\.\d\d h here, +\d+\.\d\d h alone on its own half", lines[2])
    assert lines[3].startswith("  anthropic")


@pytest.mark.parametrize("arguments", [[], ["--no-such"]])
def test_a_program_must_be_named(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        prelude.main(arguments)
