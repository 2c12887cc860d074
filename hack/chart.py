"""Keeps what the Helm chart repeats in step with its sources: `python hack/chart.py [--check]`.

- `helm/entente/files/crds/` holds copies of `crds/`: Helm packs only files below the chart.
- The chart's versions are the package's.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHART = ROOT / "helm" / "entente"
COPIES = CHART / "files" / "crds"


def wanted() -> dict[Path, str]:
    """What each file that the chart repeats something in has to be."""
    files = {COPIES / source.name: source.read_text() for source in sorted((ROOT / "crds").glob("*.yaml"))}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = CHART / "Chart.yaml"
    text = re.sub(r"(?m)^version: .*$", f"version: {version}", chart.read_text())
    files[chart] = re.sub(r"(?m)^appVersion: .*$", f'appVersion: "{version}"', text)
    return files


def stale() -> list[Path]:
    """Files that differ from what they have to be, are missing, or have no source any more."""
    files = wanted()
    differing = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    return differing + [path for path in sorted(COPIES.glob("*.yaml")) if path not in files]


def main() -> int:
    """Write what is stale, or only name it; exit code 1 when --check finds something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when something is stale")
    check = parser.parse_args().check
    files = wanted()
    paths = stale()
    for path in paths:
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if check:
            continue
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path])
        else:
            path.unlink()
    return int(check and bool(paths))


if __name__ == "__main__":
    sys.exit(main())
