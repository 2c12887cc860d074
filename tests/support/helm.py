"""The Helm command, and what it makes of the project's chart."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "entente"
NAMESPACE = "entente-system"
RELEASE = "entente"
IMAGE = "registry.example/entente"
"""Where the image lies; the chart refuses to guess."""

Manifest = dict[str, Any]


class HelmError(Exception):
    """The command failed; the message is what it said."""


@dataclass(frozen=True)
class Helm:
    """Runs the command on one cluster, or on none."""

    binary: Path
    home: Path
    """For its caches and settings: nothing of the machine's user is read or written."""
    kubeconfig: Path | None = None

    def __call__(self, *arguments: str) -> str:
        """Run it; what it prints.

        Raises:
            HelmError: it ended with another exit code than 0.
        """
        environment = {"HOME": str(self.home), "PATH": ""}
        if self.kubeconfig:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        done = subprocess.run(  # noqa: S603 # the project's own binary with the test's arguments
            [str(self.binary), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=240
        )
        if done.returncode:
            raise HelmError(done.stdout + done.stderr)
        return done.stdout

    def template(self, **values: str) -> list[Manifest]:
        """All manifests of the chart with values (`a__b="1"` is `--set a.b=1`), and an image where they name none."""
        values = {"image__repository": IMAGE, **values}
        printed = self("template", RELEASE, str(CHART), "--namespace", NAMESPACE, *settings(values))
        return [manifest for manifest in yaml.safe_load_all(printed) if manifest]


def settings(values: dict[str, str]) -> list[str]:
    """Arguments of the command for these values."""
    return [part for name, value in values.items() for part in ("--set", f"{name.replace('__', '.')}={value}")]


def one(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = of_kind(manifests, kind)
    return found


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]
