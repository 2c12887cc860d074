"""What the text of the design demands of small estates: `tests/vectors/*.yaml`, each decided as `entente plan` does."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from entente.cli.documents import read
from entente.cli.plan_output import as_json
from entente.engine.intake import snapshot
from entente.engine.planner import decide
from tests.support.manifests import Manifest
from tests.support.scenarios import NOW, Scenario, scenarios

ALL = scenarios()
SHUFFLES = 2


def planned(objects: list[Manifest], folder: Path) -> dict[str, Any]:
    """The plan that the command prints for these objects."""
    file = folder / "estate.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), encoding="utf-8")
    given = read([str(file)])
    return as_json(decide(snapshot(NOW, given.pools, given.tenants, given.jobs, given.nodes, given.pods)))


def about(plan: Mapping[str, Any], job: str) -> list[dict[str, Any]]:
    return [d for d in plan["decisions"] if d["job"] == job]


def described(expected: object) -> list[dict[str, Any]]:
    """Expectations of one job as decisions: `Wait NoFreeGPUs`, `Evict for a/x`, a mapping, or a list of these."""
    if isinstance(expected, list):
        return [one for each in expected for one in described(each)]
    if isinstance(expected, dict):
        return [{**expected, **described(expected["do"])[0]}]
    if expected == "nothing":
        return []
    action, *rest = str(expected).split()
    wanted: dict[str, Any] = {"action": action}
    if action == "Wait" and rest:
        wanted["reason"] = rest[0]
    elif action in ("Evict", "Shrink") and rest:
        wanted["for"] = rest[1]
    elif rest:
        wanted["class"] = rest[0]
    return [wanted]


def agrees(wanted: Mapping[str, Any], decision: Mapping[str, Any]) -> bool:
    """Whether a decision is as expected in all that is expected."""
    for key, value in wanted.items():
        if key == "do":
            continue
        given = decision.get(key)
        if key == "within":
            if set(decision["nodes"]) - set(value):
                return False
        elif given != value:
            return False
    return True


def faults(scenario: Scenario, plan: Mapping[str, Any]) -> list[str]:
    """All in which a plan is not what the scenario demands."""
    found = []
    for job, expected in scenario.plan.items():
        wanted, given = described(expected), about(plan, job)
        left = list(given)
        for one in wanted:
            hit = next((d for d in left if agrees(one, d)), None)
            if hit is None:
                found.append(f"{job}: wanted {one}, decided {given}")
            else:
                left.remove(hit)
        if len(wanted) != len(given):
            found.append(f"{job}: wanted {len(wanted)} decisions, decided {given}")
    quiet = [d for d in plan["decisions"] if d["job"] not in scenario.plan]  # not spoken of: left in peace
    found += [f"not wanted: {d}" for d in quiet if d["action"] in ("Evict", "Shrink", "Grow")]
    return [*found, *_book_faults(scenario, plan), *_message_faults(scenario, plan)]


def _book_faults(scenario: Scenario, plan: Mapping[str, Any]) -> list[str]:
    found = []
    for pool, rows in scenario.books.items():
        for key, wanted in rows.items():
            given = plan["pools"][pool].get("tenants", {}).get(key) if isinstance(wanted, dict) else plan["pools"][pool]
            parts = wanted if isinstance(wanted, dict) else {key: wanted}
            found += [f"{pool} {key}: wanted {k} {v}, booked {given}" for k, v in parts.items() if given.get(k) != v]
    return found


def _message_faults(scenario: Scenario, plan: Mapping[str, Any]) -> list[str]:
    found = []
    for job, parts in scenario.messages.items():
        text = " ".join(d.get("message", "") for d in about(plan, job))
        words = text.replace(",", " ").replace(";", " ").replace(":", " ").replace(".", " ").split()
        wanted = parts.get("has", [])
        lacking = [p for p in wanted if str(p) not in words and not (isinstance(p, str) and p in text)]
        found += [f"{job}: the message lacks {part}: {text}" for part in lacking]
        found += [f"{job}: the message says {p}: {text}" for p in parts.get("lacks", []) if str(p) in words]
    return found


@pytest.mark.parametrize("scenario", [pytest.param(s, id=s.name) for s in ALL])
def test_the_decision_is_what_the_text_demands(scenario: Scenario, tmp_path: Path) -> None:
    plan = planned(scenario.objects(), tmp_path)
    assert not faults(scenario, plan), plan


@pytest.mark.parametrize("scenario", [pytest.param(s, id=s.name) for s in ALL])
def test_the_order_of_the_objects_decides_nothing(scenario: Scenario, tmp_path: Path) -> None:
    objects = scenario.objects()
    plan = planned(objects, tmp_path)
    for turn in range(SHUFFLES):
        mixed = list(objects)
        random.Random(turn).shuffle(mixed)  # noqa: S311 - a repeatable order, no secret
        assert planned(mixed, tmp_path) == plan
