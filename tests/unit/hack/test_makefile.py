"""`make help` tells a newcomer what there is, first things first."""

import re
import subprocess

from environments import ROOT

TEXT = (ROOT / "Makefile").read_text(encoding="utf-8")


def shown() -> str:
    # The tests themselves may be run by make, which then says which folder it enters.
    command = ["make", "--no-print-directory", "help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - any make


def test_help_is_in_groups_of_which_the_first_is_to_try_it() -> None:
    titles = re.findall(r"(?m)^(\S.*)$", shown())

    assert titles == re.findall(r"(?m)^##@ (.+)$", TEXT)
    assert titles[0] == "Try it"


def test_help_names_every_target_once() -> None:
    assert sorted(re.findall(r"(?m)^  make (\S+)", shown())) == sorted(re.findall(r"(?m)^\.PHONY: (\S+)$", TEXT))
