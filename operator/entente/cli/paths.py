"""`--set PATH=VALUE`: the path to one field of a spec, found by the models, and the value as YAML.

A path is `pools.NAME.FIELD`, `tenants.NAME.FIELD` or `jobs.NAMESPACE/NAME.FIELD`. FIELD is a field of the spec as a
manifest spells it; dots lead further in. An entry of a list is found by its `name`, else by its number from 0. A field
of a tenant's terms may leave out `pools.POOL.` where the tenant has terms for one pool alone.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from entente.api.base import Model
from entente.api.job import TrainingJob, TrainingJobSpec
from entente.api.pool import GPUPool, GPUPoolSpec
from entente.api.tenant import PoolTerms, Tenant, TenantSpec
from entente.cli.yaml_reading import load_all

Resource = GPUPool | Tenant | TrainingJob

HEADS = {"pools": GPUPool, "tenants": Tenant, "jobs": TrainingJob}
"""First steps of a path, with the kind that each leads to."""

_HEAD_OF = {kind: head for head, kind in HEADS.items()}

_MOST_NAMES = 20
"""That an error lists."""

_SPECS: dict[str, type[Model]] = {"pools": GPUPoolSpec, "tenants": TenantSpec, "jobs": TrainingJobSpec}


class SettingError(ValueError):
    """A change that cannot be made: the text names the path, what was given and what is allowed."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One `--set`."""

    head: str
    rest: str
    """The path behind its head."""
    value: object
    """As YAML reads it; None takes the field out, so that its default holds."""

    @property
    def path(self) -> str:
        """As it was given."""
        return f"{self.head}.{self.rest}"


def parsed(text: str) -> Setting:
    """The change that a `PATH=VALUE` asks for.

    Raises:
        SettingError: it has no `=`, begins with no known head, or its value is no YAML.
    """
    path, equals, given = text.partition("=")
    head, dot, rest = path.partition(".")
    if not equals:
        message = f"{text!r} has no `=`: give PATH=VALUE, such as tenants.lab.guaranteed=64"
        raise SettingError(message)
    if head not in HEADS or not dot or not rest:
        message = f"{path}: a path begins with {' or '.join(f'{name}.' for name in HEADS)} and a name"
        raise SettingError(message)
    try:
        documents = load_all(given)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        message = f"{path}: {given!r} is no value that YAML knows"
        raise SettingError(message) from error
    if len(documents) > 1:
        message = f"{path}: {given!r} is more than one value"
        raise SettingError(message)
    return Setting(head, rest, documents[0] if documents else None)


def key_of(resource: Resource) -> str:
    """What stands for an object in a path: `NAMESPACE/NAME` of a job, the name of all else."""
    return resource.key if isinstance(resource, TrainingJob) else resource.metadata.name


def path_of(resource: Resource) -> str:
    """The path of an object: `jobs.NAMESPACE/NAME`."""
    return f"{_HEAD_OF[type(resource)]}.{key_of(resource)}"


def found(setting: Setting, known: Collection[str]) -> tuple[str, str]:
    """The key of the object that a path leads to, and the rest of the path behind it.

    Args:
        setting: what is asked for.
        known: keys of the objects of its kind. Names of jobs may have dots: the longest key that fits counts.

    Raises:
        SettingError: there is no such object, or the path ends with it.
    """
    keys = [key for key in known if setting.rest.startswith(f"{key}.")]
    if setting.rest in known:  # it ends with an object, unless its last step is a field of one with a shorter name
        fields = _aliases(_SPECS[setting.head])
        keys = [key for key in keys if setting.rest[len(key) + 1 :] in fields]
    elif not keys:
        message = f"{setting.path}: there is no such {setting.head[:-1]}; there are: {_listed(known)}"
        raise SettingError(message)
    key = max(keys, key=len, default=setting.rest)
    rest = setting.rest[len(key) + 1 :]
    if not rest:
        message = f"{setting.path}: names no field; {_fields_are(_SPECS[setting.head])}"
        raise SettingError(message)
    return key, rest


def applied(resource: Resource, changes: Mapping[str, object]) -> Resource:
    """An object with fields of its spec set, checked as a whole as any input is.

    Args:
        resource: stays as it is.
        changes: values by the path behind the object's key.

    Raises:
        SettingError: a path leads nowhere or to several places, or a value is not allowed.
    """
    base = path_of(resource)
    spec = resource.spec.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    for rest, value in changes.items():
        _put(type(resource.spec), spec, _full(resource, rest), value, base)
    try:
        made = type(resource.spec).model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join([base, *_named(spec, first["loc"])])
        plain = isinstance(first["input"], str | int | float)
        given = f" (given: {first['input']!r})" if plain and first["type"] != "missing" else ""
        message = f"{where}: {first['msg']}{given}"
        raise SettingError(message) from error
    return resource.model_copy(update={"spec": made})


def _full(resource: Resource, rest: str) -> str:
    """The path with `pools.POOL.` put in where a field of a tenant's terms is named without it."""
    field = rest.partition(".")[0]
    if not isinstance(resource, Tenant) or field not in _aliases(PoolTerms) or field in _aliases(type(resource.spec)):
        return rest
    pools = [terms.name for terms in resource.spec.pools]
    if len(pools) == 1:
        return f"pools.{pools[0]}.{rest}"
    base = path_of(resource)
    if not pools:
        message = f"{base}.{rest}: the tenant has terms for no pool; give it some by --with"
    else:
        message = f"{base}.{rest}: say of which pool: {' or '.join(f'{base}.pools.{pool}.{rest}' for pool in pools)}"
    raise SettingError(message)


def _put(model: type[BaseModel], holder: dict[str, Any], rest: str, value: object, base: str) -> None:
    """Set the field of a model's wire form to which a path leads."""
    step, _, further = rest.partition(".")
    aliases = _aliases(model)
    if step not in aliases:
        terms = f"; of its terms for a pool: {_listed(_aliases(PoolTerms))}" if model is TenantSpec else ""
        message = f"{base}.{rest}: there is no field {step!r}; {_fields_are(model)}{terms}"
        raise SettingError(message)
    path = f"{base}.{step}"
    inner = _inner(model.model_fields[aliases[step]].annotation)
    if not further:
        if value is None:
            holder.pop(step, None)
        else:
            holder[step] = value
    elif _is_model(inner):
        _put(inner, holder.setdefault(step, {}), further, value, path)
    elif get_origin(inner) is tuple:
        _put_entry(_inner(get_args(inner)[0]), holder.get(step, []), further, value, path)
    elif get_origin(inner) is dict and get_args(inner)[1] is not Any:
        holder.setdefault(step, {})[further] = value  # keys of labels have dots
    else:
        message = f"{path}.{further}: {step} has no fields that can be set one by one; set it as a whole"
        raise SettingError(message)


def _put_entry(inner: Any, entries: list[Any], rest: str, value: object, base: str) -> None:  # noqa: ANN401 - a type
    """Set an entry of a list, or a field of one."""
    names = [_name_of(entry) or str(place) for place, entry in enumerate(entries)]
    fitting = [name for name in names if rest == name or rest.startswith(f"{name}.")]
    if not fitting:
        there = f"there are: {_listed(names)}" if names else "the list is empty; set it as a whole"
        message = f"{base}.{rest}: there is no such entry; {there}"
        raise SettingError(message)
    name = max(fitting, key=len)
    place, further = names.index(name), rest[len(name) + 1 :]
    if not further:
        entries[place : place + 1] = [] if value is None else [value]
    elif _is_model(inner):
        _put(inner, entries[place], further, value, f"{base}.{name}")
    else:
        message = f"{base}.{rest}: an entry of this list has no fields"
        raise SettingError(message)


def _name_of(entry: object) -> str | None:
    return str(entry["name"]) if isinstance(entry, dict) and "name" in entry else None


def _named(body: Any, loc: tuple[int | str, ...]) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """The steps of an error's place, with entries of lists by their names."""
    for step in loc:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            body = None
        yield (_name_of(body) if isinstance(step, int) else None) or str(step)


def _aliases(model: type[BaseModel]) -> dict[str, str]:
    model.model_rebuild()  # older versions of pydantic give fields their aliases only then
    return {info.alias or name: name for name, info in model.model_fields.items()}


def _inner(annotation: Any) -> Any:  # noqa: ANN401 - any annotation
    """The type inside `Annotated` and `| None`."""
    while True:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            annotation = arguments[0]
        elif origin in {Union, UnionType} and len(some := [a for a in arguments if a is not type(None)]) == 1:
            annotation = some[0]
        else:
            return annotation


def _is_model(inner: Any) -> bool:  # noqa: ANN401 - any annotation
    return isinstance(inner, type) and issubclass(inner, BaseModel)


def _fields_are(model: type[BaseModel]) -> str:
    return f"fields are: {_listed(_aliases(model))}"


def _listed(names: Collection[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(sorted(names)[:_MOST_NAMES]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown
