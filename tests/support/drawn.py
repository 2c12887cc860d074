"""Hypothesis strategies for small estates and the jobs that come to them."""

from dataclasses import dataclass

from hypothesis import strategies as st

from entente.engine.model import Job, Terms, Window
from tests.support.estates import HOST, NOW, RACK, Draft, JobFields, a_job, estate

TENANTS = ("anthropic", "openai", "xai")

DrawnJob = tuple[Job, float]
"""A job, and how long it really runs in seconds."""


@dataclass(frozen=True, slots=True)
class Size:
    hosts: int
    gpus: int
    odd: int = 0
    """GPUs by which one host is smaller than the others."""

    @property
    def capacity(self) -> int:
        return self.hosts * self.gpus - self.odd


@st.composite
def terms(draw: st.DrawFn, left: int) -> Terms:
    """Terms with a guarantee of at most `left` GPUs."""
    return Terms(
        guaranteed=draw(st.integers(0, left)),
        lend_limit=draw(st.none() | st.integers(0, 8)),
        borrow_limit=draw(st.sampled_from((None, None, None, 0, 4, 8))),
        weight=draw(st.sampled_from((1, 1, 2))),
    )


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, ...]:
    """Advance reservations of tenants, of which those of one tenant do not overlap; seldom any."""
    found = []
    for tenant in draw(st.sampled_from(((), (), TENANTS, TENANTS[:1], TENANTS[1:]))):
        start = NOW + draw(st.sampled_from((-60.0, 0.0, 30.0, 200.0, 900.0)))
        for _ in range(draw(st.integers(1, 2))):
            end = start + draw(st.sampled_from((60.0, 600.0, 4000.0)))
            found.append(Window(tenant, draw(st.integers(1, 16)), start, end))
            start = end + draw(st.sampled_from((0.0, 100.0)))
    return tuple(found)


@st.composite
def pools(draw: st.DrawFn, name: str, draft: Draft) -> tuple[Draft, Size]:
    size = Size(draw(st.integers(2, 5)), draw(st.sampled_from((4, 8))))
    exclusive = draw(st.booleans())
    made = draft.pool(
        name,
        hosts=size.hosts,
        gpus=size.gpus,
        racks=draw(st.integers(1, 2)),
        exclusive=exclusive,
        notice_s=draw(st.sampled_from((120.0, 300.0))),
        min_runtime_s=draw(st.sampled_from((0.0, 600.0))),
        handover_s=draw(st.sampled_from((None, 60.0))) if exclusive else None,
        half_life_s=draw(st.sampled_from((0.0, 604_800.0))),
        windows=draw(windows()),
    )
    if draw(st.booleans()):
        made = made.node(f"{name}-0", name, gpus=size.gpus // 2)
        size = Size(size.hosts, size.gpus, odd=size.gpus // 2)
    return made, size


@st.composite
def estates(draw: st.DrawFn) -> Draft:
    """One or two pools, and two or three tenants whose guarantees the pools can keep."""
    draft, sizes = estate(), {}
    for name in ("a100", "h100")[: draw(st.integers(1, 2))]:
        draft, sizes[name] = draw(pools(name, draft))
    left = {name: size.capacity for name, size in sizes.items()}
    for tenant in TENANTS[: draw(st.integers(2, 3))]:
        by_pool = {}
        for name in draw(st.permutations(sorted(sizes))):
            by_pool[name] = draw(terms(left[name]))
            left[name] -= by_pool[name].guaranteed
        draft = draft.tenant(tenant, by_pool, shortest_first=draw(st.booleans()))
    return draft


@st.composite
def jobs(draw: st.DrawFn, key: str, now: float = NOW) -> DrawnJob:
    workers = draw(st.sampled_from((1, 1, 1, 2, 2, 3, 4)))
    elastic = draw(st.none() | st.tuples(st.integers(1, workers), st.integers(workers, workers + 3)))
    length = draw(st.sampled_from((60.0, 400.0, 2000.0, 20_000.0)))
    known = st.none() | st.sampled_from((length, length * 0.5, length * 2))
    level = draw(st.sampled_from((None, None, None, RACK, HOST)))
    fields: JobFields = {
        "workers": workers,
        "gpus_per_worker": draw(st.sampled_from((1, 1, 2, 2, 2, 4, 4, 8))),
        "submitted": now,
        "pending_since": now,
        "priority": draw(st.sampled_from((None, None, "low", "high"))),
        "level": level,
        "required": level is not None and draw(st.booleans()),
        "interval_s": draw(st.sampled_from((None, 300.0))),
        "grace_s": draw(st.sampled_from((None, 30.0, 90.0, 200.0))),
        "expected_s": draw(known),
        "max_s": draw(known),
    }
    return a_job(key, elastic=elastic, **fields), length
