"""Acting as somebody else, as kubectl's `--as` and a kubeconfig's `as` fields ask for it."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from entente.kube.errors import ConfigError

Headers = tuple[tuple[str, str], ...]
"""Names and values; several may have the same name."""


def as_somebody(user: str | None, groups: tuple[str, ...]) -> Mapping[str, Any]:
    """The fields of a kubeconfig's user that `--as` and `--as-group` stand for; none when neither is given.

    Raises:
        ConfigError: groups without a user.
    """
    if groups and not user:
        message = "--as-group: needs --as, the user who is in the group"
        raise ConfigError(message)
    return {"as": user, "as-groups": groups} if user else {}


def headers_of(user: Mapping[str, Any]) -> Headers:
    """The headers that say whom to act as; those of several groups have the same name.

    Args:
        user: the entry of a kubeconfig.

    Raises:
        ConfigError: groups, a uid or more without a user, or one of them is of another type, or holds what no header
            can have.
    """
    if not user.get("as"):
        for field in ("as-groups", "as-uid", "as-user-extra"):
            if user.get(field):
                message = f"{field}: needs 'as', the user to act as"
                raise ConfigError(message)
        return ()
    found = [("Impersonate-User", user["as"])]
    if user.get("as-uid"):
        found.append(("Impersonate-Uid", user["as-uid"]))
    found += [("Impersonate-Group", group) for group in _list(user.get("as-groups"), "as-groups")]
    extra = user.get("as-user-extra") or {}
    if not isinstance(extra, Mapping):
        message = f"as-user-extra: {extra!r} is no mapping; give names, each with a list of values"
        raise ConfigError(message)
    for key, values in extra.items():
        name = f"Impersonate-Extra-{quote(str(key), safe='')}"
        found += [(name, value) for value in _list(values, f"as-user-extra.{key}")]
    for _, value in found:
        if not isinstance(value, str) or not value.isprintable():
            message = f"whom to act as: {value!r} is no name of a user or group"
            raise ConfigError(message)
    return tuple(found)


def _list(given: object, field: str) -> Sequence[Any]:
    if given is None:
        return ()
    if not isinstance(given, list | tuple):
        message = f"{field}: {given!r} is no list; give a list, also of one"
        raise ConfigError(message)
    return given
