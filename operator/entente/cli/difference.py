"""What differs between the plan of today and that of a changed estate."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from entente.api.job import AllocationClass
from entente.engine.decisions import Decision, Hold, Plan, PoolBook

POOL_FIGURES = ("capacity", "free")
TENANT_FIGURES = ("guaranteed", "entitled", "borrowed", "lent")


@dataclass(frozen=True, slots=True)
class Turn:
    """A job about which the two plans decide differently; none where a plan decides nothing about it."""

    job: str
    today: Decision | None
    changed: Decision | None
    goes_to_today: Hold | None = None
    """Of a job that is moved (R9.3), which is evicted and gets a hold in one decision: that hold."""
    goes_to: Hold | None = None
    """The same, with the change."""


@dataclass(frozen=True, slots=True)
class Right:
    """A job that keeps its GPUs, by another right than today."""

    job: str
    today: AllocationClass
    changed: AllocationClass


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a pool's books that is another one; none where the pool or tenant is not there. In GPUs."""

    pool: str
    tenant: str | None
    """None: of the pool as a whole."""
    name: str
    today: int | None
    changed: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    turns: tuple[Turn, ...]
    """By job."""
    rights: tuple[Right, ...]
    """By job."""
    figures: tuple[Figure, ...]
    """By pool, then tenant; a pool's own come first."""
    newly_overcommitted: tuple[str, ...]
    """Pools in which more is guaranteed than there is, and was not before."""


def difference(today: Plan, changed: Plan) -> Difference:
    """What the plan of the changed estate has otherwise than that of today."""
    old, new = _by_job(today), _by_job(changed)
    turns = (_turn(job, old.get(job, ()), new.get(job, ())) for job in sorted(old.keys() | new.keys()))
    over = (
        name
        for name, book in sorted(changed.books.items())
        if book.overcommitted and not (name in today.books and today.books[name].overcommitted)
    )
    return Difference(
        tuple(turn for turn in turns if (turn.today, turn.goes_to_today) != (turn.changed, turn.goes_to)),
        tuple(_rights(today, changed, decided=old.keys() | new.keys())),
        tuple(_figures(today, changed)),
        tuple(over),
    )


def _by_job(plan: Plan) -> dict[str, list[Decision]]:
    found: dict[str, list[Decision]] = {}
    for decision in plan.decisions:
        found.setdefault(decision.job, []).append(decision)
    return found


def _turn(job: str, today: Sequence[Decision], changed: Sequence[Decision]) -> Turn:
    """A job has one decision; one that is moved has a hold, too, and the hold is sorted first."""
    old, new = (each[-1] if each else None for each in (today, changed))
    return Turn(job, old, new, *(_hold(each) for each in (today, changed)))


def _hold(decisions: Sequence[Decision]) -> Hold | None:
    first = decisions[0] if len(decisions) > 1 else None
    return first if isinstance(first, Hold) else None


def _rights(today: Plan, changed: Plan, decided: Collection[str]) -> Iterator[Right]:
    for job in sorted((today.standings.keys() & changed.standings.keys()) - set(decided)):
        old, new = today.standings[job].class_, changed.standings[job].class_
        if old is not new:
            yield Right(job, old, new)


def _figures(today: Plan, changed: Plan) -> Iterator[Figure]:
    for pool in sorted(today.books.keys() | changed.books.keys()):
        old, new = today.books.get(pool), changed.books.get(pool)
        for name in POOL_FIGURES:
            if (pair := (getattr(old, name, None), getattr(new, name, None)))[0] != pair[1]:
                yield Figure(pool, None, name, *pair)
        for tenant in sorted(_tenants(old) | _tenants(new)):
            before, after = old and old.tenants.get(tenant), new and new.tenants.get(tenant)
            for name in TENANT_FIGURES:
                if (pair := (getattr(before, name, None), getattr(after, name, None)))[0] != pair[1]:
                    yield Figure(pool, tenant, name, *pair)


def _tenants(book: PoolBook | None) -> set[str]:
    return set(book.tenants) if book else set()
