"""The project's CustomResourceDefinitions on a control plane."""

from functools import partial
from pathlib import Path

from localplane import ApiFailure, LocalPlane
from tests.support.plane import eventually

FOLDER = Path(__file__).resolve().parents[2] / "crds"


def install(plane: LocalPlane) -> None:
    """Apply them, whoever did before, and return when they are served."""
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(FOLDER))
    plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(FOLDER))
    for plural in ("gpupools", "tenants", "trainingjobs"):
        eventually(partial(_is_served, plane, plural), what=f"{plural} to be served")


def _is_served(plane: LocalPlane, plural: str) -> bool:
    """An established kind still answers 429 until its storage is set up."""
    try:
        plane.api.get(f"/apis/entente.dev/v1alpha1/{plural}?limit=1")
    except ApiFailure as failure:
        if failure.status in (404, 429):
            return False
        raise
    return True
