"""`make demo KIND=1`: the same on kind, where pods really run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MOST_S = 600

pytestmark = pytest.mark.e2e


@pytest.mark.skipif(not (shutil.which("docker") and shutil.which("kind")), reason="needs docker and kind")
@pytest.mark.timeout(MOST_S + 60)
def test_the_demo_keeps_its_promises_on_kind_and_deletes_its_cluster() -> None:
    path = os.pathsep.join(str(REPOSITORY / part) for part in ("operator", "hack", "examples"))
    environment = {**os.environ, "PYTHONPATH": path, "KIND": "1", "HOLD": ""}
    done = subprocess.run(
        [sys.executable, "-m", "demo"],
        capture_output=True,
        text=True,
        timeout=MOST_S,
        env=environment,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no job was lost" in done.stdout
    clusters = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=True)  # noqa: S607 - from PATH
    assert "entente-demo" not in clusters.stdout.split()
