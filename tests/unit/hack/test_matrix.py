import sys
import tomllib
from pathlib import Path

import pytest

import matrix
from environments import ROOT, CommandFailedError
from matrix import SkippedError

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_every_python_that_is_claimed_has_a_row_and_the_oldest_is_the_one_that_is_required() -> None:
    claimed = matrix.claimed()

    assert {f"python{version}" for version in claimed} <= set(matrix.rows())
    assert PROJECT["requires-python"] == f">={claimed[0]}"
    assert len(claimed) > 1


def test_every_kubernetes_that_is_pinned_has_a_row() -> None:
    assert [row for row in matrix.rows() if row.startswith("kubernetes")] == ["kubernetes1.35", "kubernetes1.37"]


def test_the_chart_asks_for_the_oldest_kubernetes_that_is_tried() -> None:
    oldest = next(row for row in matrix.rows() if row.startswith("kubernetes")).removeprefix("kubernetes")

    assert f'kubeVersion: ">={oldest}.0-0"' in (ROOT / "helm" / "entente" / "Chart.yaml").read_text(encoding="utf-8")


def test_rows_name_tests_that_are_there() -> None:
    assert all((ROOT / path).exists() for path in (*matrix.DEPENDENT, *matrix.ON_KUBERNETES))


def test_the_first_program_that_is_the_version_is_taken(tmp_path: Path) -> None:
    another = tmp_path / "python"
    another.write_text("#!/bin/sh\necho 2.7\n")
    another.chmod(0o755)

    found = matrix.interpreter(THIS, [tmp_path / "missing", Path("/bin/false"), another, Path(sys.executable)])

    assert found == Path(sys.executable)


def test_a_python_that_is_not_there_is_skipped_by_name() -> None:
    with pytest.raises(SkippedError, match=r"there is no Python 3\.99 on PATH or under pyenv"):
        matrix.interpreter("3.99", [Path(sys.executable)])


def fails() -> None:
    message = "oh"
    raise CommandFailedError(message)


def is_skipped() -> None:
    message = "missing"
    raise SkippedError(message)


def test_each_row_gets_a_verdict_and_none_stops_another() -> None:
    verdicts = matrix.try_all({"a": fails, "b": is_skipped, "c": lambda: None})

    assert verdicts == {"a": "failed: oh", "b": "skipped: missing", "c": "passed in 0 s"}


def test_a_failed_row_fails_all_and_a_skipped_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["matrix.py"])
    monkeypatch.setattr(matrix, "rows", lambda: {"a": is_skipped})
    assert matrix.main() == 0

    monkeypatch.setattr(matrix, "rows", lambda: {"a": is_skipped, "b": fails})
    assert matrix.main() == 1
