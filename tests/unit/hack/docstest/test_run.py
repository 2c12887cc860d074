"""Blocks are really run, in a copy of the repository; control planes are left to tests/docs."""

import os
import time
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from docstest import checkout
from docstest.page import parse
from docstest.run import Report, exports, run
from docstest.update import revised
from tests.support.plane import eventually


def result(source: str, *, update: bool = False) -> Report:
    return run(parse("a.md", dedent(source)), lambda _: None, update=update)


RIGHT = {
    "commands run in a clean copy of the repository": """
        ```sh
        pwd
        ls CONTRIBUTING.md
        ls -a | grep -x .git || echo "no history"
        ```
        ```text
        ~/entente
        CONTRIBUTING.md
        no history
        ```
        """,
    "directory, variables and functions stay": """
        ```sh
        cd docs
        export THERE=1
        here="two
        lines"
        say() { echo "said $1"; }
        ```
        ```sh
        pwd
        printenv THERE
        echo "$here"
        say it
        ```
        ```text
        ~/entente/docs
        1
        two
        lines
        said it
        ```
        """,
    "standard error is shown, too": """
        ```sh
        echo out; echo err >&2; echo out
        ```
        ```text
        out
        err
        out
        ```
        """,
    "commands that are to fail": """
        <!-- docs-test: exit 2 -->
        ```sh
        entente plan -f nowhere.yaml
        ```
        ```text
        entente plan: nowhere.yaml: ...
        ```
        """,
    "what runs in the background goes on": """
        <!-- docs-test: background: until "ready" -->
        ```sh
        echo ready
        until [ -e asked ]; do sleep 0.05; done
        touch answered
        ```
        <!-- docs-test: eventually -->
        ```sh
        touch asked
        ls answered
        ```
        ```text
        answered
        ```
        """,
    "a block is run again until its output is right": """
        <!-- docs-test: eventually -->
        ```sh
        echo x >>tries
        wc -l <tries
        ```
        ```text
        3
        ```
        """,
    "a file of the page": """
        <!-- docs-test: file job.json -->
        ```json
        {"a": 1}
        ```
        ```sh
        cat job.json
        ```
        ```text
        {"a": 1}
        ```
        """,
    "the reader has an environment of their own, with Entente from the copy": """
        ```sh
        which entente
        python -c "import entente, kopf, sys; print(sys.prefix, *entente.__path__)"
        ```
        ```text
        ~/entente/.venv/bin/entente
        ~/entente/.venv ~/entente/operator/entente
        ```
        """,
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_page_passes(case: str) -> None:
    assert result(RIGHT[case]).failures == []


WRONG = {
    "a command that fails ends the block and the page": (
        """
        ```sh
        false
        touch never
        ```
        ```sh
        echo never
        ```
        """,
        ["a.md:3: exit code 1 in place of 0; printed:\n"],
    ),
    "an unset variable": ("```sh\necho $NOWHERE\n```\n", ["a.md:2: exit code 1 in place of 0; printed:\n"]),
    "another output does not end the page": (
        "```sh\necho 2\n```\n```text\n1\n```\n```sh\necho 3\n```\n```text\n4\n```\n",
        ["--- a.md:5 (shown)\n+++ printed\n-1\n+2", "--- a.md:11 (shown)\n+++ printed\n-4\n+3"],
    ),
    "a deadline": (
        "<!-- docs-test: within 1 s -->\n```sh\necho began; sleep 600\n```\n",
        ["a.md:3: not done within 1 s; printed so far:\nbegan\n"],
    ),
    "a server that ends early": (
        '<!-- docs-test: background: until "ready" -->\n```sh\necho no\n```\n',
        ["a.md:3: 'echo no' ended before it printed 'ready'; printed:\nno\n"],
    ),
    "a sample that is none": ("```json\n{\n```\n", ["a.md:2: Expecting property name"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_page_fails_with_the_line(case: str) -> None:
    source, failures = WRONG[case]

    found = result(source).failures

    assert len(found) == len(failures)
    assert all(failure.startswith(start) for failure, start in zip(found, failures, strict=True))


def test_a_skip_is_reported_with_its_reason() -> None:
    report = result("<!-- docs-test: skip: needs docker -->\n```sh\ndocker build .\n```\n")

    assert report.skipped == ["a.md:3: needs docker"]
    assert report.failures == []


def test_an_update_shows_what_was_printed() -> None:
    source = "```sh\necho 2\n```\n```text\n1\n```\n"

    report = result(source, update=True)

    assert report.failures == []
    assert revised(source, report.revisions) == "```sh\necho 2\n```\n```text\n2\n```\n"


def test_a_page_leaves_neither_processes_nor_files(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    source = f"""
        <!-- docs-test: background: until "ready" -->
        ```sh
        echo $$ >>{pids}; echo ready; sleep 600
        ```
        ```sh
        sleep 600 & echo $! >>{pids}
        pwd >{tmp_path}/place
        ```
        """

    assert result(source).failures == []

    assert not Path((tmp_path / "place").read_text(encoding="utf-8").strip()).exists()
    for pid in pids.read_text(encoding="utf-8").split():
        eventually(partial(_has_ended, int(pid)), what=f"the end of {pid}")


PRINTED = {
    "a plane": ("# it runs\nexport A=1\nexport B=2\n", ["export A=1", "export B=2"]),
    "an estate with several users": (
        "As the admin:\n  export A=1 B=2\nAs a researcher:\n  export A=3\n",
        ["export A=1 B=2"],
    ),
    "nothing": ("starting\n", []),
}


@pytest.mark.parametrize("case", PRINTED)
def test_a_stage_says_what_is_exported(case: str) -> None:
    printed, lines = PRINTED[case]

    assert exports(printed) == lines


def test_a_copy_has_what_is_new_and_not_what_is_ignored() -> None:
    with checkout.checkout() as place:
        assert (place.directory / "Makefile").is_file()
        assert not (place.directory / ".mypy_cache").exists()
        ready = (place.directory / ".venv" / ".ready").stat().st_mtime
        assert ready <= time.time()
        assert os.access(place.directory / ".venv" / "bin" / "entente", os.X_OK)


def _has_ended(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
