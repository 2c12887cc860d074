from pathlib import Path

import pytest

from bench.replay import fingerprint as it
from bench.replay.fingerprint import fingerprint


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    texts = {
        "__init__": "",
        "top": "from entente.below import thing\n",
        "below": "def thing() -> None:\n    from entente import lazy\n",
        "lazy": "import os\nimport entente.top\n",
        "other": "",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(it, "_ROOT", tmp_path)
    it._imports.cache_clear()
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        pytest.param("top", True, id="the module itself"),
        pytest.param("below", True, id="what it imports"),
        pytest.param("lazy", True, id="what that imports inside a function, by the name of the package"),
        pytest.param("other", False, id="what nobody imports"),
    ],
)
def test_a_fingerprint_changes_with_what_a_module_rests_on(package: Path, changed: str, *, differs: bool) -> None:
    before = fingerprint(["entente.top"])
    assert before == fingerprint(["entente.top"])
    file = package / f"{changed}.py"
    file.write_text(file.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert (fingerprint(["entente.top"]) != before) is differs


def test_the_engine_is_in_the_fingerprint_of_entente_and_not_in_that_of_static() -> None:
    it._imports.cache_clear()
    assert "entente.engine.live" in it._reached(["entente.simulator.entente"])
    assert "entente.engine.live" not in it._reached(["entente.simulator.baselines.static", "entente.simulator.setting"])
