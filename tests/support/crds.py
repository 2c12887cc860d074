"""The project's CustomResourceDefinitions on a control plane."""

from pathlib import Path

from localplane import LocalPlane

FOLDER = Path(__file__).resolve().parents[2] / "crds"


def install(plane: LocalPlane) -> None:
    """Apply them, whoever did before, and return when they are served."""
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(FOLDER))
    plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(FOLDER))
