"""Writes `crds/` from the models; with `--check` it only says which files are stale, and fails."""

import argparse
import sys
from pathlib import Path

import yaml

from entente.api.crd import crds

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "crds"

HEADER = "# Generated from operator/entente/api by `make generate`; edit the models, not this file.\n"


def files() -> dict[str, str]:
    """Content of each file of `crds/` by its name."""
    return {
        f"{plural}.yaml": HEADER + yaml.safe_dump(crd, sort_keys=False, width=120, allow_unicode=True)
        for plural, crd in crds()
    }


def stale(folder: Path) -> list[str]:
    """Names of the files that differ from what the models say, are missing, or should not be there."""
    wanted = files()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a file is stale")
    if parser.parse_args().check:
        for name in (names := stale(FOLDER)):
            print(f"crds/{name}: stale; run `make generate`")
        return 1 if names else 0
    wanted = files()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.yaml"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
