"""A difference between two plans, in sentences and as JSON beside the plans."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from entente.api.amounts import count
from entente.cli.difference import Difference, Figure, Turn
from entente.cli.difference_words import by_right, told, waits_on
from entente.cli.plan_output import as_json, decision_as_json
from entente.cli.whatif import Change
from entente.engine.decisions import Decision, Evict, Grow, Hold, Plan, Shrink, Start, Wait
from entente.engine.model import Snapshot

_MOST = 40
"""Jobs that are told of one by one."""

_ORDER = (Start, Hold, Evict, Shrink, Grow, type(None), Wait)
"""In which jobs are told of."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two decisions about one moment: about the estate of today, and about the changed one."""

    change: Change
    difference: Difference
    today: Plan
    changed: Plan
    before: Snapshot
    """The estate of today."""
    after: Snapshot

    def as_json(self) -> dict[str, Any]:
        """`difference`, `plan` (of the changed estate) and `today`; both plans in the format of a plan alone."""
        return {
            "difference": {
                "changed": list(self.change.touched),
                "sentences": list(self.sentences()),
                "decisions": [
                    {"job": turn.job, "today": _json(turn.today), "changed": _json(turn.changed)}
                    for turn in self.difference.turns
                ],
                "rights": [{"job": it.job, "today": it.today, "changed": it.changed} for it in self.difference.rights],
                "figures": [
                    {"pool": it.pool, "tenant": it.tenant, "figure": it.name, "today": it.today, "changed": it.changed}
                    for it in self.difference.figures
                ],
            },
            "plan": as_json(self.changed),
            "today": as_json(self.today),
        }

    def sentences(self) -> Iterator[str]:
        """The difference for reading: the jobs that were changed, other jobs, the books."""
        said = [*self._of_jobs(), *self._of_books()]
        yield from said or ["Nothing would change: the same jobs start, wait and stop."]

    def _of_jobs(self) -> Iterator[str]:
        for job in self.change.stopped:
            gpus = job.status.allocation.gpus if job.status.allocation else 0
            yield f"{job.key} would save and stop. What follows holds once its {count(gpus, 'GPU')} are free."
        sentences = [*self._turns(), *map(by_right, self.difference.rights)]
        calm = self._nobody_stops()
        others = "nobody else" if self.change.stopped else "nobody"
        if calm and len(sentences) == 1:
            yield f"{sentences[0].removesuffix('.')}; {others} is told to stop."
            return
        yield from sentences[:_MOST]
        if len(sentences) > _MOST:
            yield f"`-o json` names {count(len(sentences) - _MOST, 'job')} more."
        if calm:
            yield f"{others.capitalize()} is told to stop."

    def _turns(self) -> Iterator[str]:
        gone = {job.key for job in self.change.stopped}
        own = {path.removeprefix("jobs.") for path in self.change.touched if path.startswith("jobs.")} - gone

        def rank(turn: Turn) -> tuple[bool, bool, int, str]:
            """Who is in question first; who merely starts elsewhere or still waits last."""
            alike = type(turn.today) is type(turn.changed)
            return turn.job not in own, alike, _ORDER.index(type(turn.changed)), turn.job

        waits = {wait.job: wait for wait in self.changed.waits}
        unmoved = own - {turn.job for turn in self.difference.turns}
        same = [Turn(job, waits[job], waits[job]) for job in unmoved if job in waits]
        for turn in sorted((*self.difference.turns, *same), key=rank):
            if turn.job in gone:
                continue
            if text := told(turn, self.before, self.after):
                yield text
            elif turn.job in own and isinstance(turn.changed, Wait):
                yield waits_on(turn.changed)

    def _nobody_stops(self) -> bool:
        """Whether a job starts by the change, and the plan tells nobody to stop."""
        starts = (isinstance(it.changed, Start) and not isinstance(it.today, Start) for it in self.difference.turns)
        return any(starts) and not any(isinstance(it, Evict | Shrink) for it in self.changed.decisions)

    def _of_books(self) -> Iterator[str]:
        for pool in self.difference.newly_overcommitted:
            yield f"Pool {pool} would promise more GPUs than it has: each guarantee shrinks in proportion."
        for (pool, tenant), figures in groupby(self.difference.figures, lambda it: (it.pool, it.tenant)):
            whose = f"Pool {pool}, tenant {tenant}" if tenant else f"Pool {pool}"
            yield f"{whose}: {', '.join(map(_figure, figures))}."


def _figure(it: Figure) -> str:
    if it.changed is None:
        return f"{it.name} none (today {it.today})"
    text = f"{it.name} {count(it.changed, 'GPU')}"
    return text if it.today is None else f"{text} (today {it.today})"


def _json(decision: Decision | None) -> dict[str, Any] | None:
    return None if decision is None else decision_as_json(decision)
