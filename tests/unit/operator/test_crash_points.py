"""The operator is cut off after each single write; the next one must come to the same end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest

from tests.support.apiserver import ApiServer, Fault
from tests.support.miniature import Miniature

SETTLE_S = 0.4


@pytest.fixture
async def cluster(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Miniature]:
    async with ApiServer.running() as server:
        small = Miniature(server)
        async with small.kubelet():
            yield small
    assert [record.message for record in caplog.records if "invariant broken" in record.message] == []


async def _cut_off_after(cluster: Miniature, writes: int, done: Callable[[], bool]) -> None:
    """Let an operator work until it asks for more writes than it has, or is done and asks for none for a moment."""
    async with cluster.operator(writes=writes):
        await cluster.until(lambda: cluster.cut_off or done())
        with suppress(TimeoutError):
            await cluster.until(lambda: cluster.cut_off, within_s=SETTLE_S)


@pytest.mark.parametrize("writes", range(11))
async def test_a_gang_is_completed_wherever_it_was_cut_off(cluster: Miniature, writes: int) -> None:
    await cluster.furnish(2, anthropic=16)
    gang = cluster.submit("anthropic", "gang", 4, 4)
    await _cut_off_after(cluster, writes, lambda: cluster.phase(gang) == "Running")
    async with cluster.operator():
        await cluster.until(lambda: cluster.phase(gang) == "Running")
        status = cluster.job(gang)["status"]
        assert status["starts"] == 1, "the gang was begun twice"
        ranks = sorted(pod["metadata"]["labels"]["entente.dev/rank"] for pod in cluster.pods(gang))
        assert ranks == ["0", "1", "2", "3"]
        planned = {name: workers * 4 for name, workers in status["allocation"]["nodes"].items()}
        assert planned == cluster.gpus_by_node()


@pytest.mark.parametrize("writes", range(9))
async def test_single_workers_are_started_once_wherever_they_were_cut_off(cluster: Miniature, writes: int) -> None:
    await cluster.furnish(1, anthropic=8)
    jobs = [cluster.submit("anthropic", f"job-{number}", 1, 4) for number in range(3)]

    def two_run() -> bool:
        return [cluster.phase(job) for job in jobs].count("Running") == 2

    await _cut_off_after(cluster, writes, two_run)
    async with cluster.operator():
        await cluster.until(two_run)
        await cluster.until(lambda: [cluster.phase(job) for job in jobs].count("Pending") == 1)
        running = [job for job in jobs if cluster.phase(job) == "Running"]
        assert [len(cluster.pods(job)) for job in running] == [1, 1]
        assert {cluster.job(job)["status"]["starts"] for job in running} == {1}


@pytest.mark.parametrize("writes", range(11))
async def test_a_reclaim_is_brought_to_its_end_wherever_it_was_cut_off(cluster: Miniature, writes: int) -> None:
    await cluster.furnish(2, xai=16, anthropic=0)
    guest = cluster.submit("anthropic", "guest", 2, 8)
    async with cluster.operator():
        await cluster.until(lambda: cluster.phase(guest) == "Running")
    owner = cluster.submit("xai", "owner", 2, 8)
    await _cut_off_after(cluster, writes, lambda: cluster.phase(owner) == "Running")
    async with cluster.operator():
        await cluster.until(lambda: cluster.phase(owner) == "Running")
        await cluster.until(lambda: cluster.phase(guest) == "Pending")
        assert [each["cause"] for each in cluster.job(guest)["status"]["evictions"]] == ["Guarantee"]
        assert cluster.job(owner)["status"]["starts"] == 1
        assert len(cluster.pods()) == 2


async def test_the_cuts_reach_from_before_the_first_write_to_after_the_last(cluster: Miniature) -> None:
    """Of the gang: its start, its Service, four pods, that it runs; beside them figures and an event."""
    await cluster.furnish(2, anthropic=16)
    gang = cluster.submit("anthropic", "gang", 4, 4)
    await _cut_off_after(cluster, 0, lambda: False)
    assert cluster.phase(gang) == ""
    await _cut_off_after(cluster, 11, lambda: cluster.phase(gang) == "Running")
    assert cluster.phase(gang) == "Running"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("fault", [Fault(after=True), Fault(status=500, after=True), Fault(status=429)], ids=str)
async def test_lost_and_bad_answers_give_no_gpu_twice(cluster: Miniature, method: str, fault: Fault) -> None:
    await cluster.furnish(2, anthropic=16)
    gang = cluster.submit("anthropic", "gang", 4, 4)
    single = cluster.submit("anthropic", "single", 1, 8)
    cluster.server.fail(method, *[fault] * 4)
    async with cluster.operator():
        await cluster.until(lambda: "Running" in (cluster.phase(gang), cluster.phase(single)))
        await cluster.until(lambda: {cluster.phase(gang), cluster.phase(single)} == {"Running", "Pending"})
        running = next(job for job in (gang, single) if cluster.phase(job) == "Running")
        assert len(cluster.pods()) == cluster.job(running)["status"]["allocation"]["workers"]
