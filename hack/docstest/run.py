"""Runs one page: its stage, its blocks in order, and the comparison of what they print."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import dropwhile, takewhile

from docstest import samples
from docstest.checkout import Checkout, checkout
from docstest.comparison import difference, matches
from docstest.page import COMMANDS, DEADLINE_S, Block, Needs, Page
from docstest.shell import BlockTimeoutError, Outcome, Shell
from docstest.update import Revision

PAUSE_S = 0.5
SETTLED_S = 10.0
"""An output that is to be shown and changes until it is right counts as right when it has not changed for so long."""


@dataclass(frozen=True)
class Stage:
    """What runs before the first block of a page, as a reader would run it in another terminal.

    Attributes:
        command: It prints `export` lines. The first of them are done for the page's blocks.
        until: It is ready when it has printed this.
        then: What is done after the `export` lines.
    """

    command: str
    until: str
    then: str = ""


TOOLS = ("helm",)
"""What the reader of a page that has a stage has installed; kubectl comes with the stage."""

STAGES = {
    # A cluster has hosts for what needs no GPU.
    Needs.PLANE: Stage(
        "make plane", until="export PATH=", then="kubectl taint nodes h100-0000 nvidia.com/gpu:NoSchedule-"
    ),
    Needs.ESTATE: Stage("make estate", until="export KUBECONFIG="),
}


@dataclass
class Report:
    """What became of a page.

    Attributes:
        failures: What is wrong, each with page and line.
        skipped: Blocks that were left out: page, line and reason.
        revisions: What the page should show in place of what it shows.
    """

    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)


def run(page: Page, tell: Callable[[str], None], *, update: bool = False) -> Report:
    """Run a page in a copy of the repository of its own.

    Args:
        page: The page.
        tell: Is told of each block when it has ended.
        update: Output that differs is no failure, but a revision.
    """
    with (
        checkout(TOOLS if page.needs in STAGES else ()) as place,
        Shell(place.base, place.directory, place.environment) as shell,
    ):
        runner = _Runner(page, place, shell, tell, update=update)
        runner.run()
        return runner.report


def exports(printed: str) -> list[str]:
    """Return the first `export` lines that stand together: those of the admin, where there are several users'."""
    lines = map(str.strip, printed.splitlines())
    return list(takewhile(_is_export, dropwhile(lambda line: not _is_export(line), lines)))


def _is_export(line: str) -> bool:
    return line.startswith("export ")


class _StopError(Exception):
    """The page cannot go on: what its next blocks rest on is not there."""


class _Runner:
    def __init__(self, page: Page, place: Checkout, shell: Shell, tell: Callable[[str], None], *, update: bool) -> None:
        self.report = Report()
        self._page = page
        self._place = place
        self._shell = shell
        self._tell = tell
        self._update = update

    def run(self) -> None:
        """Run everything; what is wrong is in the report."""
        try:
            if (stage := STAGES.get(self._page.needs)) is not None:
                self._set(stage)
            for block in self._page.blocks:
                self._take(block)
        except _StopError as stop:
            self.report.failures.append(str(stop))
            self._tell(str(stop))

    def _set(self, stage: Stage) -> None:
        with self._timed(f"{self._page.name}: {stage.command}"):
            outcome = self._start(stage.command, stage.until, DEADLINE_S, self._page.name)
            self._shell.run("\n".join([*exports(outcome.printed), stage.then]), DEADLINE_S)

    def _take(self, block: Block) -> None:
        where = f"{self._page.name}:{block.line}"
        if block.asks.skip:
            self.report.skipped.append(f"{where}: {block.asks.skip}")
            self._tell(f"{where}: skipped: {block.asks.skip}")
            return
        if block.asks.file:
            (self._place.directory / block.asks.file).write_text(block.text, encoding="utf-8")
        if block.language == COMMANDS:
            with self._timed(where):
                self._compare(block, self._outcome(block, where))
        else:
            self._check(block, where)

    def _outcome(self, block: Block, where: str) -> Outcome:
        """Run the commands of a block; an exit code that is not the page's ends the page."""
        asks = block.asks
        if asks.until:
            return self._start(block.text, asks.until, asks.within_s, where)
        try:
            if asks.eventually:
                outcome = self._shell.poll(block.text, asks.within_s, self._is_right(block), PAUSE_S)
            else:
                outcome = self._shell.run(block.text, asks.within_s)
        except BlockTimeoutError as error:
            raise self._stop(where, str(error)) from error
        if outcome.exit_code != asks.exit_code:
            message = f"exit code {outcome.exit_code} in place of {asks.exit_code}; printed:\n{outcome.printed}"
            raise self._stop(where, message)
        return outcome

    def _start(self, commands: str, until: str, within_s: float, where: str) -> Outcome:
        try:
            outcome = self._shell.start(commands, until, within_s)
        except BlockTimeoutError as error:
            raise self._stop(where, str(error)) from error
        if outcome.exit_code:
            message = f"{commands.strip()!r} ended before it printed {until!r}; printed:\n{outcome.printed}"
            raise self._stop(where, message)
        return outcome

    def _is_right(self, block: Block) -> Callable[[Outcome], bool]:
        """What a repeated block waits for: the shown output, or where it is to be written anew, one that stays."""
        last: list[str] = []
        since = time.monotonic()

        def holds(outcome: Outcome) -> bool:
            nonlocal last, since
            if outcome.exit_code != block.asks.exit_code:
                return False
            if block.shown is None:
                return True
            printed = self._lines(outcome)
            if not matches(last, printed):
                last, since = printed, time.monotonic()
            stays = self._update and time.monotonic() - since > SETTLED_S
            return stays or matches(_shown_lines(block.shown), printed)

        return holds

    def _compare(self, block: Block, outcome: Outcome) -> None:
        if block.shown is None:
            return
        if block.shown.asks.skip:
            self._take(block.shown)
            return
        shown, printed = _shown_lines(block.shown), self._lines(outcome)
        differs = difference(shown, printed, f"{self._page.name}:{block.shown.line}")
        if differs and self._update:
            self.report.revisions.append(Revision.of(block.shown, printed))
        elif differs:
            self.report.failures.append(differs)
            self._tell(differs)

    def _lines(self, outcome: Outcome) -> list[str]:
        return self._place.readable(outcome.printed).strip("\n").splitlines()

    def _check(self, block: Block, where: str) -> None:
        """Check a block of another language, by the API server, too, where the page has one that knows Entente."""
        found = samples.complaint(block)
        if not found and self._page.needs is Needs.ESTATE:
            found = self._refusal(block)
        if found:
            self.report.failures.append(f"{where}: {found}")
            self._tell(f"{where}: {found}")

    def _refusal(self, block: Block) -> str:
        """What the API server says against manifests of a block; empty when nothing."""
        manifests = samples.of_entente(samples.manifests(block))
        for manifest in manifests:
            manifest["metadata"].pop("namespace", None)  # it need not exist yet
        if not manifests:
            return ""
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        commands = f"kubectl apply --namespace default --dry-run=server -f - <<'EOF'\n{listed}\nEOF"
        outcome = self._shell.run(commands, block.asks.within_s)
        return outcome.printed if outcome.exit_code else ""

    @contextmanager
    def _timed(self, where: str) -> Iterator[None]:
        began = time.monotonic()
        before = len(self.report.failures)
        yield
        if len(self.report.failures) == before:
            self._tell(f"{where}: passed after {time.monotonic() - began:.1f} s")

    def _stop(self, where: str, message: str) -> _StopError:
        return _StopError(f"{where}: {message}")


def _shown_lines(shown: Block) -> list[str]:
    return shown.text.strip("\n").splitlines()
