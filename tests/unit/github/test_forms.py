"""Issue forms: GitHub shows none that breaks its rules, and says nothing of it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[3] / ".github" / "ISSUE_TEMPLATE"
FORMS = sorted(path for path in FOLDER.glob("*.yml") if path.name != "config.yml")
NEEDED = {
    "markdown": {"value"},
    "textarea": {"label"},
    "input": {"label"},
    "dropdown": {"label", "options"},
    "checkboxes": {"label", "options"},
}


def form(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def test_there_are_forms_and_no_blank_issues() -> None:
    assert len(FORMS) >= 2
    assert form(FOLDER / "config.yml") == {"blank_issues_enabled": False}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_is_one_that_github_takes(path: Path) -> None:
    read = form(path)
    fields = [part for part in read["body"] if part["type"] != "markdown"]

    assert set(read) == {"name", "description", "body"}
    for part in read["body"]:
        assert NEEDED[part["type"]] <= set(part["attributes"])
        assert set(part) <= {"type", "id", "attributes", "validations"}
    ids = [field["id"] for field in fields]
    assert len(ids) == len(set(ids)) > 0
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_names_of_forms_differ() -> None:
    assert len({form(path)["name"] for path in FORMS}) == len(FORMS)
