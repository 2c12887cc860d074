"""kopf without memory on objects: there are only `on.event` handlers, so it has nothing to remember or compare.

Its usual storages copy each object several times for each event, which is most of what an event costs.
"""

import kopf
from typing_extensions import override


class NoDiffBase(kopf.DiffBaseStorage):
    """All objects are alike and were never handled before."""

    @override
    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    @override
    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return None

    @override
    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        return


class NoProgress(kopf.ProgressStorage):
    """No handler is ever in progress from one event to the next."""

    @override
    def fetch(self, *, key: str, body: kopf.Body) -> kopf.ProgressRecord | None:
        return None

    @override
    def store(self, *, key: str, record: kopf.ProgressRecord, body: kopf.Body, patch: kopf.Patch) -> None:
        return

    @override
    def purge(self, *, key: str, body: kopf.Body, patch: kopf.Patch) -> None:
        return

    @override
    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        return

    @override
    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence
