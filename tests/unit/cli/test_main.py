"""How the command line starts."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]

HEAVY = ("aiohttp", "asyncio", "kopf", "kubernetes", "matplotlib", "orjson", "prometheus_client", "rich", "urllib3")
_RUN = """
import sys
from entente.cli.main import main
main(sys.argv[1:], standalone_mode=False)
print("loaded:", *sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)
"""


@pytest.mark.parametrize("change", [(), ("--set", "tenants.xai.guaranteed=64")], ids=["a plan", "a what-if"])
def test_a_plan_of_files_starts_without_what_only_a_cluster_needs(change: tuple[str, ...]) -> None:
    done = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-c", _RUN.format(heavy=HEAVY), "plan", "-f", "examples", *change],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout
    assert done.stderr == "loaded:\n"
