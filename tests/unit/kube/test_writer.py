import asyncio
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.kube.writer import Writer


def no_error(key: str, error: Exception) -> None:
    pytest.fail(f"{key}: {error!r}")


@given(
    submissions=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3)), max_size=40),
    concurrency=st.integers(1, 4),
)
def test_each_key_keeps_its_order_and_all_together_their_bound(
    submissions: list[tuple[str, int]], concurrency: int
) -> None:
    done: dict[str, list[int]] = defaultdict(list)
    running: list[str] = []
    most = 0

    async def scenario() -> None:
        writer = Writer(concurrency, on_error=no_error)

        def job(key: str, number: int, steps: int) -> None:
            async def write() -> None:
                nonlocal most
                assert key not in running
                running.append(key)
                most = max(most, len(running))
                for _ in range(steps):
                    await asyncio.sleep(0)
                running.remove(key)
                done[key].append(number)

            writer.submit(key, write)

        for number, (key, steps) in enumerate(submissions):
            job(key, number, steps)
            if number % 7 == 0:
                await asyncio.sleep(0)
        await writer.drain()
        assert writer.waiting == 0
        assert not any(writer.busy(key) for key in "abcde")

    asyncio.run(scenario())

    wanted: dict[str, list[int]] = defaultdict(list)
    for number, (key, _) in enumerate(submissions):
        wanted[key].append(number)
    assert done == wanted
    assert most <= concurrency


async def test_the_bound_is_used_up() -> None:
    writer = Writer(8, on_error=no_error)
    running = most = 0

    async def write() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1

    for number in range(64):
        writer.submit(str(number), write)
    await writer.drain()

    assert most == 8


async def test_one_key_with_much_to_do_delays_others_by_one_job_at_most() -> None:
    writer = Writer(1, on_error=no_error)
    done: list[str] = []

    async def write(key: str) -> None:
        done.append(key)

    for _ in range(100):
        writer.submit("flood", lambda: write("flood"))
    writer.submit("quiet", lambda: write("quiet"))
    await writer.drain()

    assert done.index("quiet") == 1


async def test_an_error_is_told_with_its_key_and_stops_nothing() -> None:
    errors: list[tuple[str, str]] = []
    writer = Writer(1, on_error=lambda key, error: errors.append((key, type(error).__name__)))
    done: list[str] = []

    async def fail() -> None:
        raise ValueError

    async def write() -> None:
        done.append("written")

    writer.submit("a", fail)
    writer.submit("a", write)
    await writer.drain()

    assert errors == [("a", "ValueError")]
    assert done == ["written"]


async def test_a_job_that_is_cancelled_from_within_stops_nothing() -> None:
    errors: list[str] = []
    writer = Writer(1, on_error=lambda _, error: errors.append(str(error)))
    done: list[str] = []

    async def cancelled() -> None:
        raise asyncio.CancelledError

    async def write() -> None:
        done.append("written")

    writer.submit("a", cancelled)
    writer.submit("a", write)
    await writer.drain()

    assert (errors, done) == (["cancelled from within"], ["written"])


async def test_a_waiting_job_of_the_same_slot_is_replaced_in_its_place() -> None:
    writer = Writer(1, on_error=no_error)
    done: list[str] = []

    def submit(name: str, slot: str | None) -> None:
        async def write() -> None:
            await asyncio.sleep(0)
            done.append(name)

        writer.submit("job", write, slot=slot)

    submit("create", None)
    await asyncio.sleep(0)  # it runs now
    for name, slot in [("s1", "status"), ("s2", "status"), ("delete", None), ("s3", "status"), ("s4", "status")]:
        submit(name, slot)
    assert writer.waiting == 3
    await writer.drain()

    assert done == ["create", "s2", "delete", "s4"]


async def test_closing_cancels_what_runs_drops_what_waits_and_refuses_more() -> None:
    writer = Writer(1, on_error=no_error)
    done: list[str] = []

    async def write(name: str) -> None:
        await asyncio.sleep(10)
        done.append(name)

    writer.submit("a", lambda: write("a"))
    writer.submit("b", lambda: write("b"))
    await asyncio.sleep(0)
    await writer.aclose()

    assert (done, writer.waiting, writer.busy("a")) == ([], 0, False)
    with pytest.raises(RuntimeError, match="closed"):
        writer.submit("c", lambda: write("c"))


def test_a_writer_that_could_never_write_is_refused() -> None:
    with pytest.raises(ValueError, match="concurrency: 0 given; it must be at least 1"):
        Writer(0, on_error=no_error)


async def test_a_hundred_thousand_jobs_leave_nothing_behind() -> None:
    writer = Writer(64, on_error=no_error)
    count = 0

    async def write() -> None:
        nonlocal count
        count += 1

    for number in range(100_000):
        writer.submit(f"job-{number}", write)
    await writer.drain()

    assert count == 100_000
    assert not writer._queues
    assert not writer._workers or all(worker.done() for worker in writer._workers)
