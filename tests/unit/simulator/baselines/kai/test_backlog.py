"""Rules N10, N11: units come in the very order in which KAI comes to them, though most are passed over unseen."""

from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from entente.simulator.baselines.kai.backlog import Backlog, Kind, Turns, kind_of
from entente.simulator.baselines.kai.ordering import queue_rank
from entente.simulator.baselines.kai.queues import Queue
from entente.simulator.baselines.kai.work import Unit, Work
from tests.support.kai import kai_job

TOTAL = 24


def one_by_one(queues: list[Queue], units: list[Unit], tried: Callable[[Unit], bool]) -> list[str]:
    """As KAI does it: the first job of the first queue, again and again. Those that succeed change their queue."""
    waiting = {
        queue.name: sorted((unit for unit in units if unit.queue is queue), key=lambda unit: unit.rank)
        for queue in queues
    }
    done: list[str] = []
    while any(waiting.values()):
        queue = min(
            (queue for queue in queues if waiting[queue.name]),
            key=lambda queue: queue_rank(queue, TOTAL, waiting[queue.name][0].gang.total),
        )
        unit = waiting[queue.name].pop(0)
        if tried(unit):
            queue.take(unit.gang.total)
            done.append(unit.id)
    return done


def by_turns(queues: list[Queue], units: list[Unit], free: int) -> list[str]:
    backlog = Backlog(queues)
    for unit in units:
        backlog.add(unit)
    left = free

    def worth(_: Queue, kind: Kind) -> bool:
        return kind.gang.total <= left

    turns = Turns(backlog, TOTAL, worth)
    done = []
    while (reached := turns.next()) is not None:
        turns.settle()
        backlog.remove(reached)
        left -= reached.gang.total
        reached.queue.take(reached.gang.total)
        done.append(reached.id)
    return done


def made(quotas: list[int], rows: list[tuple[int, int, int]]) -> tuple[list[Queue], list[Unit]]:
    queues = [Queue(str(i), quota, age=i, fair_share=quota + 1) for i, quota in enumerate(quotas)]
    units = [
        Work(kai_job(f"{index}/{i}", gpus, at=float(i), priority=priority), queues[index]).core
        for i, (index, gpus, priority) in enumerate(rows)
    ]
    return queues, units


@settings(max_examples=400, deadline=None)
@example([0, 0, 0], [(0, 1, 0), (0, 1, 0), (0, 3, 0), (0, 1, 0), (0, 1, 0)], 4)
@given(
    st.lists(st.integers(0, 6), min_size=3, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6), st.integers(0, 1)), max_size=14),
    st.integers(0, TOTAL),
)
def test_the_order_is_kais(quotas: list[int], rows: list[tuple[int, int, int]], free: int) -> None:
    left = free

    def tried(unit: Unit) -> bool:
        nonlocal left
        if unit.gang.total > left:
            return False
        left -= unit.gang.total
        return True

    expected = one_by_one(*made(quotas, rows), tried)
    assert by_turns(*made(quotas, rows), free) == expected


def test_a_job_in_front_that_fails_holds_up_its_queues_turn() -> None:
    """b's 1-GPU job is as good as a's, but behind one of 6 GPUs."""
    assert by_turns(*made([2, 2, 0], [(0, 1, 0), (1, 6, 0), (1, 1, 0)]), 1) == ["0/0"]
    assert by_turns(*made([2, 2, 0], [(0, 1, 0), (1, 1, 0), (0, 1, 0)]), 2) == ["0/0", "1/1"]


def test_a_backlog_keeps_kinds_only_while_there_is_one_of_them() -> None:
    (queue, *_), (first, second) = made([1], [(0, 2, 0), (0, 2, 0)])
    backlog = Backlog([queue])
    backlog.add(second)
    backlog.add(first)
    assert list(backlog.kinds()) == [kind_of(first)]
    assert [backlog.unit(rank).id for rank in backlog.kinds_of("0")[kind_of(first)]] == ["0/0", "0/1"]
    backlog.remove(first)
    backlog.remove(second)
    assert not list(backlog.kinds())
    assert len(backlog) == 0
