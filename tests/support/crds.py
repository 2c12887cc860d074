"""The project's CustomResourceDefinitions on a control plane."""

import time
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path

from localplane import ApiFailure, LocalPlane
from tests.support.plane import Json, eventually

FOLDER = Path(__file__).resolve().parents[2] / "crds"
PLURALS = ("gpupools", "tenants", "trainingjobs")

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_REMOVED_S = 60.0
_NUDGE_S = 1.0
_installed: weakref.WeakSet[LocalPlane] = weakref.WeakSet()


def install(plane: LocalPlane) -> None:
    """Apply them, whoever did before, and return when they are served. Once here, nothing happens again."""
    if plane in _installed:
        return
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(FOLDER))
    plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(FOLDER))
    for plural in PLURALS:
        eventually(partial(_is_served, plane, plural), what=f"{plural} to be served")
    _installed.add(plane)


def remove(plane: LocalPlane) -> None:
    """Delete them with all that was made of them, and return when they are gone.

    The API server forgets about a deletion: its finalizer fails while the kind's storage is set up ("storage is
    (re)initializing"), tries again with what it had read before it wrote that failure down, takes the conflict for
    somebody else's change, and waits for an event that its own write does not count as; until a resync, minutes
    later. Any other change of the definition is such an event.
    """
    _installed.discard(plane)
    names = {f"{plural}.entente.dev" for plural in PLURALS} & _definitions(plane).keys()
    for name in names:
        _unless_gone(partial(plane.api.delete, f"{_DEFINITIONS}/{name}"))
    nudged = time.monotonic()

    def gone() -> bool:
        nonlocal nudged
        left = names & _definitions(plane).keys()
        if left and time.monotonic() - nudged > _NUDGE_S:
            nudged = time.monotonic()
            note = {"metadata": {"annotations": {"entente.dev/test-nudged": str(nudged)}}}
            for name in left:
                _unless_gone(partial(plane.api.patch, f"{_DEFINITIONS}/{name}", note))
        return not left

    try:
        eventually(gone, within=_REMOVED_S, what="the end of the CustomResourceDefinitions")
    except AssertionError as error:
        for name, found in _definitions(plane).items():
            error.add_note(f"{name}: {found['metadata'].get('finalizers')}, {found['status']['conditions']}")
        raise


def _definitions(plane: LocalPlane) -> dict[str, Json]:
    return {found["metadata"]["name"]: found for found in plane.api.get(_DEFINITIONS)["items"]}


def _unless_gone(ask: Callable[[], Json]) -> None:
    try:
        ask()
    except ApiFailure as failure:
        if failure.status != 404:
            raise


def _is_served(plane: LocalPlane, plural: str) -> bool:
    """An established kind may still be unknown, or answer 429 until its storage is set up."""
    try:
        plane.api.get(f"/apis/entente.dev/v1alpha1/{plural}?limit=1")
    except ApiFailure as failure:
        if failure.status in (404, 429):
            return False
        raise
    return True
