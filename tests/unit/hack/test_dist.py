from pathlib import Path

import pytest

import dist
from environments import ROOT, CommandFailedError, run


def test_a_checkout_has_what_git_knows_and_nothing_else(tmp_path: Path) -> None:
    checkout = dist.check_out(tmp_path)

    known = {name for name in run(["git", "ls-files"]).splitlines() if (ROOT / name).exists()}
    copied = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    ignored = run(["git", "ls-files", "--others", "--ignored", "--exclude-standard", "--directory"]).splitlines()
    assert known <= copied
    assert not [name for name in copied if name in ignored or name.startswith(".venv/")]


def test_pins_without_hashes_name_every_package_of_the_lock(tmp_path: Path) -> None:
    pins = dist.pinned(tmp_path / "pins.txt").read_text().splitlines()

    assert any(pin.startswith("kopf==") for pin in pins)
    assert all("==" in pin and "--hash" not in pin and not pin.endswith("\\") for pin in pins)


def test_a_file_that_a_package_lacks_is_seen(tmp_path: Path) -> None:
    whole = ROOT / "operator" / "entente"
    for name in dist.modules(whole):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert dist.modules(tmp_path) == dist.modules(whole)

    (tmp_path / "py.typed").unlink()

    assert dist.modules(whole) - dist.modules(tmp_path) == {"py.typed"}


def test_a_command_that_fails_is_told_with_what_it_said() -> None:
    with pytest.raises(CommandFailedError, match=r"exit code 3: sh -c echo oh >&2; exit 3\noh"):
        run(["sh", "-c", "echo oh >&2; exit 3"])


def test_a_command_finds_nothing_by_the_environment_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "somewhere")

    assert run(["sh", "-c", "echo ${PYTHONPATH-none} ${MORE-none}"], more={"MORE": "more"}) == "none more\n"
